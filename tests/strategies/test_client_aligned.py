"""Every strategy with `align: client`: the real mod on clients whose trained models are given."""

import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
import torch
from flwr.app import Array, ConfigRecord, Context, Error, Message, RecordDict

from fedot.errors import FedotError
from fedot.federation.client.align_mod import align_mod
from fedot.fusion.align.align_options import Align
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.texts.draw import draw_texts, text_lengths
from fedot.models import State, canonical_config, config_to_json, load_model, symmetry
from fedot.strategies import STRATEGIES, ClientAligned, Quorum, build_strategy
from fedot.wire.messages import ALIGN, ARRAYS, ClientUpdate, Settings, pack_update, unpack_update
from fedot.wire.records import arrays_in, pack_state, unpack_state
from tests.groups import random_symmetry
from tests.strategies.fake_clients import CONFIG, FakeGrid, Reply, answer, make_update

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])
ALIGNED = canonical_config(CONFIG)
GridOf = TypeVar("GridOf", bound=FakeGrid)
# These take differences to the model that was sent; so do the others, with a step of 1.
STEPPING = {"fedadam", "fedyogi", "fedadagrad"}


def node(update: ClientUpdate) -> Reply:
    """A client that has trained `update`, with the mod around it."""
    context = Context(1, 1, {}, RecordDict(), {})
    return lambda message: align_mod(message, context, lambda m, _: Message(pack_update(update), reply_to=m))


def mixed(update: ClientUpdate, seed: int) -> ClientUpdate:
    """The same function by other weights."""
    spec = symmetry(ALIGNED)
    state = apply_maps(canonicalise(update.state, symmetry(update.config)), spec, random_symmetry(spec, seed))
    return replace(update, state={name: tensor.float() for name, tensor in state.items()}, config=ALIGNED)


def copies(count: int = 4) -> list[ClientUpdate]:
    return [mixed(make_update(k, seed=7, num_examples=10 + k), k) for k in range(count)]


def start(
    name: str,
    nodes: dict[int, Reply],
    rounds: int = 1,
    init: str = "independent",
    grid: type[GridOf] = FakeGrid,  # type: ignore[assignment]
    **options: Any,
) -> tuple[ClientAligned, GridOf, State]:
    quorum = Quorum({k: f"client-{k}" for k in nodes}, connect_seconds=0.0, partitions={k: k for k in nodes})
    strategy = build_strategy(name, {"align": "client", **options}, quorum)
    assert isinstance(strategy, ClientAligned)
    clients = grid(nodes)
    model_config = config_to_json(CONFIG) if init == "shared" else ""
    config = Settings("{}", 0, init=init, model_config=model_config).to_record()
    initial = pack_state(make_update(seed=99).state)
    state = unpack_state(strategy.start(clients, initial, rounds, train_config=config).arrays)
    return strategy, clients, state


ALIGNABLE = [name for name in STRATEGIES if name != "lora-products"]
"""All but what averages adapters, which have no neurons."""


def steps(grid: FakeGrid) -> list[str]:
    """What the clients were asked, in order, without repeats."""
    asked = [str(message.content.config_records[ALIGN]["step"]) for message in grid.sent]
    return [step for k, step in enumerate(asked) if k == 0 or step != asked[k - 1]]


@pytest.mark.parametrize("name", ALIGNABLE)
def test_copies_of_one_model_come_out_as_it_is(name: str) -> None:
    strategy, _, state = start(name, {k: node(update) for k, update in enumerate(copies())}, rounds=2)
    expected = load_model(CONFIG, make_update(seed=7).state)(IDS)
    found = load_model(strategy.accepted[0].config, state)(IDS)
    # an adaptive step blows differences up that are nothing but rounding
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-2 if name in STEPPING else 1e-4)


@pytest.mark.parametrize("name", ["fedavg", "fedmedian", "fedtrimmedavg"])
def test_without_alignment_they_do_not(name: str) -> None:
    updates = copies()
    plain = build_strategy(name, {}, Quorum({k: f"client-{k}" for k in range(4)}, connect_seconds=0.0))
    nodes = {k: answer(update) for k, update in enumerate(updates)}
    config = Settings("{}", 0).to_record()
    state = unpack_state(plain.start(FakeGrid(nodes), pack_state({}), 1, train_config=config).arrays)
    wrong = load_model(ALIGNED, state)(IDS) - load_model(CONFIG, make_update(seed=7).state)(IDS)
    assert wrong.abs().max() > 1e-2


@pytest.mark.parametrize("name", ALIGNABLE)
def test_a_shared_start_needs_one_exchange(name: str) -> None:
    strategy, grid, state = start(name, {k: node(make_update(k)) for k in range(3)}, init="shared")
    assert steps(grid) == ["align"]
    assert len(grid.sent) == 3
    assert strategy.anchor is None
    assert torch.isfinite(load_model(strategy.accepted[0].config, state)(IDS)).all()
    if name not in STEPPING | {"krum", "multikrum", "bulyan", "ot-fusion"}:
        # the strategy took differences to a model in canonical form
        sent = unpack_state(grid.sent[0].content.array_records[ARRAYS])
        assert all(torch.equal(t, torch.ones_like(t)) for key, t in sent.items() if key.endswith("norm.weight"))


def test_only_the_first_round_looks_for_an_anchor() -> None:
    _, grid, _ = start("fedadam", {k: node(make_update(k)) for k in range(3)}, rounds=3)
    assert steps(grid) == ["hold", "show", "align"]
    assert len(grid.sent) == 3 + 1 + 3 * 3


def test_an_adaptive_step_goes_from_the_anchor_towards_the_others() -> None:
    updates = [make_update(k, num_examples=10 + k) for k in range(3)]
    nodes = {k: node(update) for k, update in enumerate(updates)}
    far, grid, stepped = start("fedadam", nodes, eta=0.01)
    anchor = unpack_state(grid.sent[-1].content.array_records[ARRAYS])
    _, _, mean = start("fedavg", nodes)
    assert far.anchor == "client-2"
    moved = torch.cat([(stepped[key] - anchor[key]).ravel() for key in anchor])
    wanted = torch.cat([(mean[key] - anchor[key]).ravel() for key in anchor])
    clear = wanted.abs() > 1e-3
    assert torch.equal(moved[clear].sign(), wanted[clear].sign())


def test_momentum_starts_at_the_anchor() -> None:
    nodes = {k: node(make_update(k, num_examples=10 + k)) for k in range(3)}
    _, grid, state = start("fedavgm", nodes, server_learning_rate=0.5, server_momentum=0.9)
    anchor = unpack_state(grid.sent[-1].content.array_records[ARRAYS])
    _, _, mean = start("fedavg", nodes)
    for key in anchor:
        torch.testing.assert_close(state[key], (anchor[key] + mean[key]) / 2, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("anchor", "name"), [("first", "client-0"), ("largest", "client-1"), ("best", "client-2")])
def test_the_anchor_is_chosen_by_name(anchor: str, name: str) -> None:
    updates = [make_update(0), make_update(1, num_examples=30), make_update(2, validation_loss=0.1)]
    for title in ("ot-fusion", "fedavg"):
        strategy, grid, _ = start(title, {k: node(update) for k, update in enumerate(updates)}, anchor=anchor)
        assert strategy.anchor == name
        shown = [m.metadata.dst_node_id for m in grid.sent if m.content.config_records[ALIGN]["step"] == "show"]
        assert [f"client-{k}" for k in shown] == [name]


def failing(update: ClientUpdate, step: str, reason: str = "the disk is full") -> Reply:
    """A client that fails at one of the steps."""
    good = node(update)

    def reply(message: Message) -> Message | None:
        if message.content.config_records[ALIGN]["step"] == step:
            return Message(Error(200, reason), reply_to=message)
        return good(message)

    return reply


@pytest.mark.parametrize("step", ["hold", "show", "align"])
@pytest.mark.parametrize("name", ["ot-fusion", "fedmedian"])
def test_a_client_that_fails_on_the_way_is_named_and_the_rest_goes_on(name: str, step: str) -> None:
    updates = [make_update(k, num_examples=10 + k) for k in range(4)]  # client 3 would be the anchor
    nodes = {k: node(update) for k, update in enumerate(updates)} | {3: failing(updates[3], step)}
    strategy, _, _ = start(name, nodes)
    assert strategy.dropped == [("client-3", "the disk is full")]
    assert strategy.anchor == ("client-3" if step == "align" else "client-2")
    assert [update.client for update in strategy.accepted] == ["client-0", "client-1", "client-2"]


def test_too_few_clients_on_the_way_are_a_missed_quorum() -> None:
    updates = [make_update(k) for k in range(4)]
    nodes = {k: failing(update, "hold") if k else node(update) for k, update in enumerate(updates)}
    with pytest.raises(FedotError, match=r"1 of 4 clients sent a usable model.*client-1: the disk is full"):
        start("fedavg", nodes)


def test_without_an_anchor_the_round_fails_with_all_reasons() -> None:
    nodes = {k: failing(make_update(k), "show", f"reason {k}") for k in range(2)}
    with pytest.raises(FedotError, match=r"no client sent a usable model to align to \(client-0: reason 0; client-1"):
        start("ot-fusion", nodes)


def test_a_model_in_another_shape_than_the_anchors_is_dropped() -> None:
    def stubborn(message: Message) -> Message | None:
        """Do as if nothing had been said of an alignment."""
        if message.content.config_records[ALIGN]["step"] != "align":
            return node(other)(message)
        return answer(other)(message)

    other = make_update(0, config=replace(CONFIG, d_ff=20))
    nodes: dict[int, Reply] = {k: node(make_update(k, num_examples=20)) for k in range(1, 4)}
    strategy, _, _ = start("fedavg", {0: stubborn, **nodes})
    assert [name for name, _ in strategy.dropped] == ["client-0"]
    assert "shape of the model that it was to be aligned to" in strategy.dropped[0][1]


@pytest.mark.parametrize("name", ["ot-fusion", "fedadam", "fedmedian"])
def test_clients_of_unequal_width_take_part_in_one_shot(name: str) -> None:
    wide = replace(CONFIG, d_model=16, d_head=8, d_ff=24)
    nodes = {0: node(make_update(0, num_examples=20)), 1: node(make_update(1, config=wide)), 2: node(make_update(2))}
    strategy, _, state = start(name, nodes)
    assert strategy.dropped == []
    assert load_model(CONFIG, state)(IDS).isfinite().all()


def test_models_deeper_than_the_anchor_are_dropped_by_name() -> None:
    nodes = {k: node(make_update(k, num_examples=20)) for k in range(3)}
    deep = {3: node(make_update(3, config=replace(CONFIG, n_layer=2)))}
    strategy, _, _ = start("fedavg", nodes | deep)
    assert [name for name, _ in strategy.dropped] == ["client-3"]
    assert "n_layer" in strategy.dropped[0][1]


def test_only_a_share_of_the_clients_is_asked_and_the_same_all_the_way() -> None:
    nodes = {k: node(make_update(k)) for k in range(6)}
    strategy, grid, _ = start("fedavg", nodes, fraction_train=0.5)
    asked: dict[str, set[int]] = {}
    for message in grid.sent:
        asked.setdefault(str(message.content.config_records[ALIGN]["step"]), set()).add(message.metadata.dst_node_id)
    assert len(asked["hold"]) == 3
    assert asked["hold"] == asked["align"] == {update.partition_id for update in strategy.accepted}


class OneByOne(FakeGrid):
    """Has replies when they are asked for, and counts how many are still held when the next one is."""

    held = 0

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        living: list[weakref.ref[Array]] = []
        for message in messages:
            [reply] = super().send_and_receive([message], timeout=timeout)
            records = arrays_in(reply.content).values()
            living += [weakref.ref(next(iter(record.values()))) for record in records if record]
            yield reply
            del reply
            self.held = max(self.held, sum(array() is not None for array in living))


@pytest.mark.parametrize("init", ["independent", "shared"])
def test_the_server_of_sums_holds_one_model_at_a_time(init: str) -> None:
    updates = [make_update(k, num_examples=10 + k) for k in range(6)]
    nodes = {k: node(update) for k, update in enumerate(updates)}
    strategy, grid, state = start("ot-fusion", nodes, rounds=2, init=init, grid=OneByOne)
    assert len(strategy.accepted) == 6
    assert grid.held == 1
    _, _, expected = start("ot-fusion", dict(reversed(nodes.items())), rounds=2, init=init)
    _, _, state = start("ot-fusion", nodes, rounds=2, init=init, grid=OneByOne)
    assert all(torch.equal(state[key], expected[key]) for key in expected)  # whoever came first


def test_the_server_of_sums_never_needs_one_of_them() -> None:
    # what a protocol that reveals totals only would hand out: the sum in one reply, nothing in the others
    updates = [make_update(k, num_examples=10 + k) for k in range(3)]
    nodes = {k: node(update) for k, update in enumerate(updates)}
    _, _, expected = start("ot-fusion", nodes)

    def total(message: Message) -> Message | None:
        if message.content.config_records[ALIGN]["step"] != "align":
            return nodes[0](message)
        parts = [unpack_update(reply(message).content) for reply in nodes.values()]  # type: ignore[union-attr]
        summed = {name: sum((p.state[name] for p in parts), torch.zeros(())) for name in parts[0].state}
        counts = torch.stack([part.token_counts for part in parts]).sum(0)
        whole = replace(parts[0], state=summed, token_counts=counts, num_examples=33)
        return Message(pack_update(whole), reply_to=message)

    def zero(k: int) -> Reply:
        def reply(message: Message) -> Message | None:
            found = nodes[k](message)
            if found is None or message.content.config_records[ALIGN]["step"] != "align":
                return found
            update = unpack_update(found.content)
            nothing = {name: torch.zeros_like(tensor) for name, tensor in update.state.items()}
            empty = replace(update, state=nothing, token_counts=torch.zeros_like(update.token_counts), num_examples=1)
            return Message(pack_update(empty), reply_to=message)

        return reply

    strategy, _, state = start("ot-fusion", {0: total, 1: zero(1), 2: zero(2)})
    scale = 35 / 33  # the two empty replies have to say one example each
    spec = symmetry(strategy.accepted[0].config)
    for name in state:
        by_count = any(axis.groups == ("vocab",) for axis in spec.axes.get(name, ()))
        found = state[name][1:5] if by_count else state[name] * scale
        torch.testing.assert_close(found, expected[name][1:5] if by_count else expected[name], rtol=0, atol=1e-5)


def telling(k: int, *classes: int) -> ClientUpdate:
    """A client that says how many examples of each class it has."""
    counts = 10 * (torch.arange(CONFIG.vocab_size) % (k + 4))
    return make_update(k, num_examples=sum(classes), class_counts=torch.tensor(classes), token_counts=counts)


def test_the_server_of_sums_gives_the_classes_in_the_shares_of_all() -> None:
    updates = [telling(0, 30, 10), telling(1, 24, 16)]
    strategy, _, state = start("ot-fusion", {k: node(update) for k, update in enumerate(updates)})
    counts = updates[0].token_counts + updates[1].token_counts
    [length] = text_lengths([counts], [80], [CONFIG.max_length])
    texts = draw_texts(counts, 2000, length, seed=9)
    with torch.no_grad():
        mean = load_model(strategy.accepted[0].config, state)(texts).softmax(-1).mean(0)
    torch.testing.assert_close(mean, torch.tensor([54 / 80, 26 / 80]), atol=0.03, rtol=0)
    _, _, off = start("ot-fusion", {k: node(u) for k, u in enumerate(updates)}, **{"class-shares": False})
    assert {name for name in off if not torch.equal(off[name], state[name])} == {"classifier.bias"}


def test_no_shares_of_all_where_one_keeps_its_own() -> None:
    updates = [telling(0, 30, 10), replace(telling(1, 24, 16), class_counts=None)]
    nodes = {k: node(update) for k, update in enumerate(updates)}
    _, _, state = start("ot-fusion", nodes)
    _, _, off = start("ot-fusion", nodes, **{"class-shares": False})
    assert all(torch.equal(off[name], state[name]) for name in off)


@pytest.mark.parametrize("name", sorted(set(ALIGNABLE) - {"ot-fusion"}))
def test_a_strategy_of_flower_can_be_aligned_on_the_client_only(name: str) -> None:
    with pytest.raises(FedotError, match=f"{name}.align is 'server', but it can only be client"):
        build_strategy(name, {"align": "server"})
    with pytest.raises(FedotError, match="no option 'token_power'"):
        build_strategy(name, {"token-power": 1.0})
    with pytest.raises(FedotError, match="class-shares is True"):
        build_strategy(name, {"align": "client", "class-shares": True})
    strategy = build_strategy(name, {"align": "client", "token-power": 1.0})
    assert isinstance(strategy, ClientAligned)
    assert strategy.plan.get(Align).token_power == 1.0


def test_the_anchors_counts_go_to_the_others_and_nobody_elses() -> None:
    updates = [make_update(k, num_examples=10 + k, token_counts=torch.arange(12) + 100 * k) for k in range(3)]
    _, grid, _ = start("ot-fusion", {k: node(update) for k, update in enumerate(updates)})
    last: ConfigRecord = grid.sent[-1].content.config_records[ALIGN]
    assert (
        torch.frombuffer(bytearray(last["anchor-counts"]), dtype=torch.int64).tolist()
        == updates[2].token_counts.tolist()
    )
    assert all(not m.content.config_records[ALIGN]["anchor-counts"] for m in grid.sent[:4])
