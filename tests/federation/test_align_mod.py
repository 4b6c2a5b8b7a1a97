"""Clients align: what they send, and that the outcome is what the server would have made of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from flwr.app import Message, RecordDict

from fedot.errors import FedotError
from fedot.federation.client import bounds
from fedot.federation.client import handlers as client_side
from fedot.federation.client.align_mod import aligned_update, canonical_update
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.align.weighted_sums import contribution, mean_of_sum
from fedot.fusion.by_part import large
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.plan import plan_without_models
from fedot.models import State, canonical_config, config_to_json, load_model, symmetry
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.models.pretrained.pretrained_config import written as as_line
from fedot.wire.messages import ALIGN, ARRAYS, CONFIG, ClientUpdate, Directive
from fedot.wire.records import pack_counts, pack_state
from tests.federation.test_client import Clients
from tests.federation.test_run import Outcome, run
from tests.groups import random_symmetry
from tests.strategies.fake_clients import CONFIG as MODEL
from tests.strategies.fake_clients import make_update

IDS = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 0]])
PLAIN = FusionConfig(method="aligned", circuits=False)


def written(options: FusionConfig) -> str:
    return json.dumps(plan_without_models(options).as_dict())


def directive_for(anchor: ClientUpdate, **changes: Any) -> Directive:
    shown = Directive(
        "align",
        fusion=written(PLAIN),
        anchor=anchor.partition_id,
        anchor_counts=pack_counts(anchor.token_counts),
    )
    return replace(shown, **changes)


def logits(update: ClientUpdate) -> torch.Tensor:
    return load_model(update.config, update.state)(IDS)


def closeness(a: State, b: State) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def test_an_aligned_model_is_the_same_function_in_the_anchors_basis() -> None:
    anchor = canonical_update(make_update(0))
    spec = symmetry(canonical_config(MODEL))
    copy = apply_maps({k: v.double() for k, v in anchor.state.items()}, spec, random_symmetry(spec, 3))
    moved = replace(make_update(1, config=anchor.config), state={name: t.float() for name, t in copy.items()})
    assert closeness(moved.state, anchor.state) > 0.1
    found = aligned_update(moved, anchor.state, directive_for(anchor))
    torch.testing.assert_close(logits(found), logits(moved), rtol=0, atol=1e-5)
    assert closeness(found.state, anchor.state) < 1e-5


def test_any_model_keeps_its_function() -> None:
    anchor, other = canonical_update(make_update(0)), make_update(1)
    found = aligned_update(other, anchor.state, directive_for(anchor))
    torch.testing.assert_close(logits(found), logits(other), rtol=0, atol=1e-5)
    assert list(found.state) == list(anchor.state)  # Flower's strategies go by the order of arrays


@pytest.mark.parametrize("canonicalise", [False, True])
@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_large_models_are_aligned_part_by_part_with_the_same_result(
    canonicalise: bool, norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = replace(MODEL, norm=norm)
    anchor, other = make_update(0, config=shape), make_update(1, config=shape)
    anchor = anchor if canonicalise else canonical_update(anchor)
    directive = directive_for(anchor, canonicalise=canonicalise, anchor_config=as_json(anchor))
    whole = aligned_update(other, anchor.state, directive)
    monkeypatch.setattr(large, "LARGE", 1)
    parts = aligned_update(other, anchor.state, directive)
    assert list(parts.state) == list(whole.state)
    assert parts.config == whole.config
    assert closeness(parts.state, whole.state) < 1e-5


def test_the_anchors_client_sends_its_model_as_it_showed_it() -> None:
    update = make_update(0)
    anchor = canonical_update(update)
    found = aligned_update(update, anchor.state, directive_for(anchor))
    assert closeness(found.state, anchor.state) == 0


def test_a_client_of_another_width_takes_the_anchors() -> None:
    anchor, wide = (
        canonical_update(make_update(0)),
        make_update(1, config=replace(MODEL, d_model=16, d_head=8, d_ff=24)),
    )
    found = aligned_update(wide, anchor.state, directive_for(anchor, anchor_config=as_json(anchor)))
    assert found.config == anchor.config
    assert torch.isfinite(logits(found)).all()


def as_json(update: ClientUpdate) -> str:
    return config_to_json(update.config)


def test_other_labels_than_the_anchors_are_refused() -> None:
    anchor, longer = canonical_update(make_update(0)), make_update(1, config=replace(MODEL, max_length=9))
    with pytest.raises(FedotError, match="equal max_length at all clients, but it is 9, not 6"):
        aligned_update(longer, anchor.state, directive_for(anchor, anchor_config=as_json(anchor)))


def test_nothing_is_built_of_an_anchor_that_is_another_checkpoint_or_no_model_of_this_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    about = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": MODEL.vocab_size}
    deep, own = (
        PretrainedConfig(
            checkpoint="x",
            settings=as_line({**about, "num_hidden_layers": layers}),
            n_class=MODEL.n_class,
            max_length=MODEL.max_length,
        )
        for layers in (1000, 2)
    )
    anchor, built = make_update(0), list[object]()
    monkeypatch.setattr(bounds, "state_shapes", built.append)
    for update, told in (
        (make_update(1), "architecture is pretrained, but this client's is encoder"),
        (replace(make_update(1), config=own), "another checkpoint than this client's"),
    ):
        with pytest.raises(FedotError, match=told):
            aligned_update(update, anchor.state, directive_for(anchor, anchor_config=config_to_json(deep)))
    assert not built


@pytest.mark.parametrize("count_rows", [True, False])
def test_a_sum_of_contributions_gives_what_the_server_would_fuse(count_rows: bool) -> None:
    options = FusionConfig(method="aligned", circuits=False, count_rows=count_rows)
    updates = [make_update(k, num_examples=10 + 7 * k, token_counts=(torch.arange(12) * (k + 1)) % 5) for k in range(3)]
    assert (torch.stack([update.token_counts for update in updates]).sum(0) == 0).any()  # a row that nobody counted
    anchor = canonical_update(updates[2])
    directive = directive_for(anchor, summed=True, fusion=written(options))
    sent = [aligned_update(update, anchor.state, directive) for update in updates]
    total = {name: sum((each.state[name].double() for each in sent), torch.zeros(())) for name in anchor.state}
    counts = torch.stack([update.token_counts for update in updates]).sum(0) if count_rows else None
    fused = mean_of_sum(total, symmetry(anchor.config), 51.0, counts)
    expected = fuse(
        [(update.state, update.config) for update in updates],
        weights=[10, 17, 24],
        token_counts=[update.token_counts for update in updates],
        anchor=2,
        config=options,
    )
    assert closeness(fused, expected.state) < 1e-5


def test_contributions_of_one_model_give_it_back() -> None:
    update = canonical_update(make_update(0))
    spec = symmetry(update.config)
    parts = contribution(update.state, spec, 10.0, update.token_counts)
    assert closeness(mean_of_sum(parts, spec, 10.0, update.token_counts), update.state) < 1e-12


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    done: list[int] = []
    real = client_side.train

    def counted(*args: Any, seed: int, **kwargs: Any) -> Any:
        done.append(seed)
        return real(*args, seed=seed, **kwargs)

    monkeypatch.setattr(client_side, "train", counted)
    return done


def tell(clients: Clients, directive: Directive, state: State | None = None, node: int = 1000) -> Message:
    content = {ARRAYS: pack_state(state or {}), CONFIG: clients.settings.to_record(), ALIGN: directive.to_record()}
    return clients.ask(RecordDict(content), "train", node)  # type: ignore[arg-type]


def test_a_held_model_stays_at_the_client_and_is_trained_once(tiny: Any, trainings: list[int], tmp_path: Path) -> None:
    clients = Clients(tiny(), cache=str(tmp_path))
    reply = tell(clients, Directive("hold")).content
    assert not reply.array_records
    assert set(reply.config_records["update"]) == {"client", "partition-id"}
    assert set(reply.metric_records["metrics"]) == {"num-examples", "validation-loss"}
    assert tell(clients, Directive("show")).content.array_records[ARRAYS]
    assert len(trainings) == 1


def test_without_a_directive_the_mod_does_nothing(tiny: Any) -> None:
    clients = Clients(tiny())
    assert clients.train().config.norm == "rms"
    assert any(float(t.abs().max()) > 0 for name, t in clients.train().state.items() if name.endswith("k_proj.bias"))


def test_a_client_with_a_tokenizer_of_its_own_says_why_it_cannot(tiny: Any) -> None:
    clients = Clients(tiny(tokenizer={"vocab_size": 150, "scope": "per-client"}))
    reply = tell(clients, Directive("hold"), node=1001)
    assert "tokenizer.scope: shared" in reply.error.reason


def test_what_goes_wrong_in_the_mod_is_told_by_type_only(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("a sentence of the training data")

    clients = Clients(tiny())
    monkeypatch.setattr("fedot.federation.client.align_mod.canonical_update", fail)
    assert tell(clients, Directive("show")).error.reason == "ValueError (see this client's log)"


def test_a_plan_that_cannot_be_read_is_told(tiny: Any) -> None:
    clients = Clients(tiny())
    reply = tell(clients, Directive("align", fusion="{"), {"x": torch.ones(1)})
    assert "the plan of a directive cannot be read: it is no valid JSON" in reply.error.reason


BOTH = [
    {"name": "ot-fusion", "as": "server", "method": "aligned", "circuits": False, "class-shares": False},
    {"name": "ot-fusion", "as": "client", "align": "client", "class-shares": False},
]


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize(("init", "norm"), [("independent", "layer"), ("shared", "rms")])
def test_aligned_on_the_client_or_on_the_server_is_the_same(tiny: Any, rounds: int, init: str, norm: str) -> None:
    scenario = tiny(rounds=rounds, init=init, strategies=BOTH, references=[])
    scenario = scenario.model_copy(update={"model": {**scenario.model, "norm": norm}})
    outcome = run(scenario)
    assert outcome.record.failures == []
    (here, shape, _), (there, other, _) = (outcome.models[name, 0] for name in ("server", "client"))
    assert shape == other
    assert closeness(here, there) < 1e-5
    for left, right in zip(outcome.rows(strategy="server"), outcome.rows(strategy="client"), strict=True):
        assert left["metrics"]["nll"] == pytest.approx(right["metrics"]["nll"], abs=1e-5)


def test_every_option_of_the_alignment_is_the_same_on_both_sides(tiny: Any) -> None:
    options = {"anchor": "best", "token-power": 1.0, "mass": "l2", "count-rows": False, "position-rows": True}
    outcome = run(tiny(strategies=[{**each, **options} for each in BOTH], references=[]))
    (here, *_), (there, *_) = (outcome.models[name, 0] for name in ("server", "client"))
    assert closeness(here, there) < 1e-5


def saved(outcome: Outcome, name: str) -> State:
    return outcome.models[name, 0][0]


def test_flowers_mean_of_aligned_models_is_ours_without_counts(tiny: Any) -> None:
    ours = {**BOTH[1], "count-rows": False}
    outcome = run(tiny(strategies=[ours, {"name": "fedavg", "align": "client"}], references=[]))
    assert outcome.record.failures == []
    assert closeness(saved(outcome, "client"), saved(outcome, "fedavg")) < 1e-5


def test_token_rows_by_counts_are_ours(tiny: Any) -> None:
    outcome = run(tiny(strategies=[BOTH[1], {"name": "fedavg-token-rows", "align": "client"}], references=[]))
    assert closeness(saved(outcome, "client"), saved(outcome, "fedavg-token-rows")) < 1e-5


class Recording(InProcessGrid):
    """A grid that keeps the types of payload that went up."""

    up: list[list[str]] = []  # noqa: RUF012

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> list[Message]:
        replies = list(super().send_and_receive(messages, timeout=timeout))
        for reply in replies:
            if reply.metadata.message_type == "train":
                self.up.append([str(reply.metadata.src_node_id), *reply.content.array_records])
        return replies


def test_only_the_anchors_model_is_seen_as_itself(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recording, "up", [])
    outcome = run(tiny(strategies=[BOTH[1]], references=[]), grid=Recording)
    assert outcome.record.failures == []
    # all hold; the larger client shows; all align. Nobody is asked for a plain model on the side
    hold, show, align = Recording.up[:2], Recording.up[2], Recording.up[3:]
    assert sorted(hold) == [["1000"], ["1001"]]
    assert show == ["1000", ARRAYS]
    assert sorted(align) == [["1000", ARRAYS], ["1001", ARRAYS]]
    assert [entry["client"] for entry in outcome.record.training] == ["xed-en", "xed-fi"]


def test_all_exchanges_are_metered(tiny: Any) -> None:
    outcome = run(tiny(strategies=[BOTH[1], "fedavg"], references=["parents"]))
    [ours], [plain] = (outcome.rows(strategy=name, split="all") for name in ("client", "fedavg"))
    assert 1.3 * plain["bytes_up"] < ours["bytes_up"] < 1.7 * plain["bytes_up"]  # three models go up, not two
