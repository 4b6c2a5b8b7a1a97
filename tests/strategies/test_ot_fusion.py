"""OT fusion as a Flower strategy: anchors, unequal models, options."""

import math
from dataclasses import replace

import pytest
import torch
from flwr.app import ConfigRecord

from fedot.errors import FedotError
from fedot.fusion import FusionConfig
from fedot.fusion.plan.result import FusionResult
from fedot.models import config_from_json, load_model, state_of
from fedot.strategies import OTFusion, Quorum, build_strategy
from fedot.wire.messages import ClientUpdate
from fedot.wire.records import pack_state, unpack_state
from tests.strategies.fake_clients import CONFIG, FakeGrid, Reply, answer, crash, make_update, tokenizer_of

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])


def fuse(updates: list[ClientUpdate], rounds: int = 1, **options: object) -> OTFusion:
    nodes = {k: answer(update) for k, update in enumerate(updates)}
    strategy = build_strategy("ot-fusion", options, Quorum({k: update.client for k, update in enumerate(updates)}))
    assert isinstance(strategy, OTFusion)
    result = strategy.start(FakeGrid(nodes), pack_state({}), rounds, train_config=ConfigRecord())
    assert strategy.latest is not None
    sent = unpack_state(result.arrays)
    assert all(torch.equal(sent[key], value) for key, value in strategy.latest.result.state.items())
    return strategy


def flipped(update: ClientUpdate) -> ClientUpdate:
    """The same function, with the feed-forward neurons of every layer in reverse order."""
    model = load_model(update.config, {key: value.clone() for key, value in update.state.items()})
    for key, value in state_of(model).items():
        if ".ffn.up." in key:
            update.state[key] = value.flip(0)
        elif ".ffn.down.weight" in key:
            update.state[key] = value.flip(1)
    return update


def test_a_reordered_copy_fuses_to_the_same_function_where_a_mean_does_not() -> None:
    expected = load_model(CONFIG, make_update(seed=7).state)(IDS)
    updates = [make_update(0, seed=7), flipped(make_update(1, seed=7))]
    assert any(not torch.equal(updates[0].state[key], updates[1].state[key]) for key in updates[0].state)
    latest = fuse(updates, method="aligned").latest
    assert latest is not None
    torch.testing.assert_close(
        load_model(latest.result.config, latest.result.state)(IDS), expected, rtol=1e-4, atol=1e-5
    )


def test_the_client_with_most_examples_is_the_first_anchor() -> None:
    updates = [make_update(0), make_update(1, num_examples=30), make_update(2)]
    latest = fuse(updates).latest
    assert latest is not None
    assert latest.anchor == "client-1"
    assert not latest.result.alignments[1].couplings
    assert latest.result.alignments[0].couplings


def test_from_the_second_round_the_global_model_is_the_anchor() -> None:
    latest = fuse([make_update(0), make_update(1)], rounds=2).latest
    assert latest is not None
    assert latest.anchor is None
    assert len(latest.result.alignments) == 3


def test_the_anchor_without_examples_has_no_vote() -> None:
    # both clients send the same model again: whatever the global model was, that function comes out
    latest = fuse([make_update(0, seed=5), make_update(1, seed=5)], rounds=2).latest
    assert latest is not None
    torch.testing.assert_close(
        load_model(latest.result.config, latest.result.state)(IDS),
        load_model(CONFIG, make_update(seed=5).state)(IDS),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize(("anchor", "name"), [("first", "client-0"), ("largest", "client-1"), ("best", "client-2")])
@pytest.mark.parametrize("rounds", [1, 2])
def test_the_anchor_is_chosen_by_name(anchor: str, name: str, rounds: int) -> None:
    updates = [make_update(0), make_update(1, num_examples=30), make_update(2, validation_loss=0.1)]
    latest = fuse(updates, rounds=rounds, anchor=anchor).latest
    assert latest is not None
    assert latest.anchor == name
    assert len(latest.result.alignments) == 3


def test_a_universe_aligns_the_anchor_too() -> None:
    latest = fuse([make_update(k) for k in range(3)], method="aligned", scheme="universe", anchor="medoid").latest
    assert latest is not None
    assert all(alignment.couplings for alignment in latest.result.alignments)


def test_from_a_shared_start_the_global_model_is_the_anchor_at_once() -> None:
    nodes = {k: answer(make_update(k)) for k in range(2)}
    strategy = build_strategy("ot-fusion", {}, Quorum({k: f"client-{k}" for k in nodes}))
    assert isinstance(strategy, OTFusion)
    start = pack_state(make_update(seed=9).state)
    strategy.start(FakeGrid(nodes), start, 1, train_config=ConfigRecord({"init": "shared"}))
    assert strategy.latest is not None
    assert strategy.latest.anchor is None
    assert len(strategy.latest.result.alignments) == 3


def constants(strategy: OTFusion) -> list[float]:
    assert strategy.latest is not None
    return strategy.latest.result.state["classifier.bias"].tolist()


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("method", ["auto", "vanilla"])
def test_classes_are_given_in_the_shares_that_clients_tell(rounds: int, method: str) -> None:
    def updates(*counted: list[int] | None) -> list[ClientUpdate]:
        told = [None if counts is None else torch.tensor(counts) for counts in counted]
        return [make_update(k, class_counts=counts) for k, counts in enumerate(told)]

    even, skewed, silent = (
        fuse(updates(*counted), rounds=rounds, method=method)
        for counted in (([5, 5], [5, 5]), ([1, 9], [2, 8]), ([1, 9], None))
    )
    low, high = (constants(each)[1] - constants(each)[0] for each in (even, skewed))
    assert high - low > 0.8 * math.log(17.5 / 3.5)  # as much where models say nothing of texts, else more
    off = fuse(updates([1, 9], [2, 8]), rounds=rounds, method=method, **{"class-shares": False})
    assert constants(silent) == constants(off)


def test_who_keeps_its_token_counts_has_no_share_either() -> None:
    nothing = {"token_counts": torch.zeros(CONFIG.vocab_size, dtype=torch.int64), "class_counts": torch.tensor([9, 1])}
    loud = make_update(0, class_counts=torch.tensor([9, 1]))
    found = fuse([loud, make_update(1, **nothing)], method="aligned")
    expected = fuse([make_update(0), make_update(1, token_counts=nothing["token_counts"])], method="aligned")
    assert constants(found) == constants(expected)


def test_clients_of_unequal_width_are_fused() -> None:
    wide = replace(CONFIG, d_model=16, d_head=8, d_ff=24)
    latest = fuse([make_update(0, num_examples=20), make_update(1, config=wide)]).latest
    assert latest is not None
    assert latest.result.config.d_model == CONFIG.d_model
    assert torch.isfinite(load_model(latest.result.config, latest.result.state)(IDS)).all()


def test_clients_with_other_classes_are_refused() -> None:
    with pytest.raises(FedotError, match="same classes at all clients"):
        fuse([make_update(0), make_update(1, config=replace(CONFIG, n_class=3))])


def test_options_reach_the_fusion() -> None:
    strategy = build_strategy(
        "ot-fusion", {"align": "server", "method": "aligned", "solver": "sinkhorn", "count-rows": False}
    )
    assert isinstance(strategy, OTFusion)
    assert strategy.fusion == FusionConfig(method="aligned", solver="sinkhorn", count_rows=False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"align": "both"}, "server or client"),
        ({"align": "client", "scheme": "universe"}, "no one sees all models"),
        ({"align": "client", "anchor": "medoid"}, "global or first or largest or best"),
        ({"align": "client", "circuits": True}, "ot-fusion.circuits"),
        ({"align": "client", "learn-steps": 5}, "learn-steps is 5"),
        ({"align": "client", "method": "merged"}, "auto or aligned"),
        ({"align": "client", "refit": True}, "refit is True"),
        ({"align": "client", "class-shares": "no"}, "class-shares is 'no', but it must be true or false"),
        ({"token-power": 1, "token_power": 2, "method": "aligned"}, "there twice"),
        ({"anchor": "middle"}, "fusion.anchor"),
        ({"method": "aligned", "scheme": "twice"}, "fusion.scheme"),
        ({"method": "aligned", "solver": "magic"}, "fusion.solver is 'magic'"),
        ({"solver": "sinkhorn"}, "add method: aligned"),
        ({"solvr": "exact"}, "did you mean solver"),
        ({"min-fraction": "most"}, "min-fraction"),
        ({"min-fraction": 1.5}, "min-fraction"),
        ({"connect-seconds": -1}, "connect-seconds"),
        ({"fraction-train": "half"}, "fraction-train"),
    ],
)
def test_a_bad_option_is_refused_in_one_line(options: dict[str, object], told: str) -> None:
    with pytest.raises(FedotError, match=told) as caught:
        build_strategy("ot-fusion", options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fedavg", {"fraction-train": "half"}),
        ("fedprox", {"proximal-mu": "a"}),
        ("fedtrimmedavg", {"beta": 0.7}),
    ],
)
def test_a_bad_option_of_flowers_own_is_refused_in_one_line(name: str, options: dict[str, object]) -> None:
    with pytest.raises(FedotError, match=name):
        build_strategy(name, options)


def test_the_anchor_has_no_vote_in_token_rows_either() -> None:
    # both clients now send another model than the one that the global model came from
    first, second = make_update(seed=5), make_update(seed=6)

    def change(k: int) -> Reply:
        rounds = iter([first, second])
        return lambda message: answer(replace(next(rounds), client=f"client-{k}", partition_id=k))(message)

    strategy = build_strategy("ot-fusion", {}, Quorum({0: "client-0", 1: "client-1"}))
    assert isinstance(strategy, OTFusion)
    strategy.start(FakeGrid({0: change(0), 1: change(1)}), pack_state({}), 2, train_config=ConfigRecord())
    assert strategy.latest is not None
    torch.testing.assert_close(
        load_model(strategy.latest.result.config, strategy.latest.result.state)(IDS),
        load_model(CONFIG, second.state)(IDS),
        rtol=1e-4,
        atol=1e-5,
    )


WORDS = [[f"w{k}" for k in range(10)], [f"w{k}" for k in (4, 12, 3, 11, 2, 10, 9, 8, 7, 6)]]


def with_words(k: int, words: list[str], **changes: object) -> ClientUpdate:
    return make_update(k, tokenizer=tokenizer_of(words), **changes)


def rounds_of(nodes: dict[int, Reply], rounds: int, **options: object) -> tuple[FakeGrid, list[FusionResult]]:
    """Run the strategy; what was sent, and every round's fusion."""
    grid, results = FakeGrid(nodes), []
    strategy = build_strategy("ot-fusion", options, Quorum({k: f"client-{k}" for k in nodes}))

    def keep(server_round: int, _: object) -> None:
        assert isinstance(strategy, OTFusion)
        if server_round:
            assert strategy.latest is not None
            results.append(strategy.latest.result)

    settings = ConfigRecord({"model-config": ""})
    strategy.start(grid, pack_state({}), rounds, train_config=settings, evaluate_fn=keep)  # type: ignore[arg-type]
    return grid, results


def test_each_client_is_sent_the_rows_of_its_own_tokens_and_no_others() -> None:
    updates = [with_words(k, WORDS[k]) for k in (0, 1)]
    grid, [first, second] = rounds_of({k: answer(update) for k, update in enumerate(updates)}, 2)
    assert first.vocabulary is not None
    assert len(first.vocabulary) == 2 + 13
    assert set(second.vocabulary or ()) == set(first.vocabulary)
    for message in grid.sent[2:]:
        words = ["[PAD]", "[UNK]", *WORDS[message.metadata.dst_node_id]]
        state = unpack_state(message.content.array_records["arrays"])
        config = config_from_json(str(message.content.config_records["config"]["model-config"]))
        assert config == replace(first.config, vocab_size=12)
        rows = first.state["tok_emb.weight"][[first.vocabulary.index(word) for word in words]]
        assert torch.equal(state["tok_emb.weight"], rows)
        assert set(state) == set(first.state)
        assert all(torch.equal(state[key], first.state[key]) for key in state if key != "tok_emb.weight")
        assert "w12" not in str(message.content.config_records)


def test_a_client_whose_tokens_are_not_known_starts_afresh_and_takes_part() -> None:
    late = with_words(2, ["late", "w1", *(f"x{k}" for k in range(8))])
    replies = iter([crash(), answer(late)])
    nodes = {k: answer(with_words(k, WORDS[k])) for k in (0, 1)} | {2: lambda message: next(replies)(message)}
    grid, [first, second] = rounds_of(nodes, 2)
    sent = {message.metadata.dst_node_id: message.content for message in grid.sent[3:]}
    assert not unpack_state(sent[2].array_records["arrays"])
    assert sent[2].config_records["config"]["model-config"] == ""
    assert all(unpack_state(sent[k].array_records["arrays"]) for k in (0, 1))
    assert "late" not in (first.vocabulary or ())
    assert {"late", "x7", "w12"} < set(second.vocabulary or ())


def test_rows_that_no_client_of_a_round_knows_stay_as_they_were() -> None:
    replies = iter([answer(with_words(1, WORDS[1])), crash()])
    nodes = {k: answer(with_words(k, WORDS[0])) for k in (0, 2)} | {1: lambda message: next(replies)(message)}
    _, [first, second] = rounds_of(nodes, 2)
    assert first.vocabulary is not None
    assert second.vocabulary is not None
    for word in ("w10", "w11", "w12"):
        before = first.state["tok_emb.weight"][first.vocabulary.index(word)]
        after = second.state["tok_emb.weight"][second.vocabulary.index(word)]
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    both = [r.state["tok_emb.weight"][(r.vocabulary or ()).index("w0")] for r in (first, second)]
    assert not torch.allclose(*both)


def test_the_global_model_of_several_vocabularies_has_no_vote() -> None:
    # in the second round both send one function, each in the order of its own tokens
    order = [2, 1, 0, *range(3, 10)]
    model = make_update(seed=6)
    place = torch.tensor([0, 1, *(2 + k for k in order)])
    counts = torch.arange(12) % 5  # of a word the same at both, or they would not be aligned alike
    turned = {k: t[place] if k == "tok_emb.weight" else t for k, t in model.state.items()}
    words = [WORDS[0], [WORDS[0][k] for k in order]]
    later = [{"state": model.state, "token_counts": counts}, {"state": turned, "token_counts": counts[place]}]

    def change(k: int) -> Reply:
        rounds = iter([with_words(k, words[k]), with_words(k, words[k], **later[k])])
        return lambda message: answer(next(rounds))(message)

    _, [_, second] = rounds_of({0: change(0), 1: change(1)}, 2, method="aligned")
    assert second.vocabulary is not None
    rows = [second.vocabulary.index(word) for word in ("[PAD]", "[UNK]", *WORDS[0])]
    torch.testing.assert_close(
        load_model(second.config, second.state)(torch.tensor(rows)[IDS]),
        load_model(CONFIG, model.state)(IDS),
        rtol=1e-4,
        atol=1e-5,
    )
