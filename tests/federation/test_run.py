"""A whole scenario over the real apps: what ends up in the results."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from tokenizers import Tokenizer

import clients.app
from fedot.errors import FedotError
from fedot.federation.client import handlers as client_side
from fedot.federation.client.kept_rows import KeptRows
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.record import RunRecord, reduce_plan
from fedot.federation.experiment.references import train_centralised
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings, steps_of
from fedot.fusion.by_part import large
from fedot.models import Config, State, load_model
from fedot.report import render_report
from fedot.saved import SavedModel
from fedot.scenario import Scenario

METRICS = {"accuracy", "f1_weighted", "f1_macro", "nll", "brier", "ece"}
METRICS |= {"nll_scaled", "brier_scaled", "ece_scaled", "temperature"}


@dataclass
class Outcome:
    record: RunRecord
    models: dict[tuple[str, int], tuple[State, Config, str]] = field(default_factory=dict)
    phases: list[str] = field(default_factory=list)

    @property
    def results(self) -> dict[str, Any]:
        return self.record.as_dict()

    def rows(self, **wanted: object) -> list[dict[str, Any]]:
        return [row for row in self.record.rows if all(row[key] == value for key, value in wanted.items())]

    def strategies(self) -> set[str]:
        return {row["strategy"] for row in self.record.rows}


def run(scenario: Scenario, grid: type[InProcessGrid] = InProcessGrid, **changes: Any) -> Outcome:
    outcome = Outcome(RunRecord(scenario, "inprocess", "test"))

    def save(title: str, seed: int, model: SavedModel) -> None:
        outcome.models[title, seed] = (model.state, model.config, model.tokenizer)

    n = len(scenario.client_specs())
    nodes = [{"partition-id": k, "num-partitions": n} for k in range(n)]
    with grid(nodes, {}) as there, tempfile.TemporaryDirectory() as cache:
        settings = RunSettings(scenario, **{"cache": cache, **changes})
        run_scenario(there, settings, outcome.record, save, outcome.phases.append, lambda: None)
    return outcome


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make one client fail to train."""

    def install(partition_id: int, reason: str = "the disk is full") -> None:
        app, rows = ClientApp(), KeptRows()
        app.query("describe")(client_side.private(partial(client_side.describe, rows)))
        app.evaluate()(client_side.private(partial(client_side.evaluate, rows)))

        @app.train()
        def train(message: Message, context: Context) -> Message:
            if context.node_config["partition-id"] == partition_id:
                return Message(Error(200, reason), reply_to=message)
            return client_side.private(partial(client_side.fit, rows))(message, context)

        monkeypatch.setattr(clients.app, "app", app)

    return install


def test_everything_asked_for_is_in_the_results(tiny: Any) -> None:
    scenario = tiny(references=["parents", "ensemble", "centralised", "fedavg-shared-init"], seeds=[0, 1])
    outcome = run(scenario)
    assert outcome.record.failures == []
    assert outcome.strategies() == {
        *("fedavg", "ot-fusion", "fedavg-shared-init", "centralised", "ensemble"),
        *("parent:xed-en", "parent:xed-fi"),
    }
    for name in outcome.strategies():
        for seed in (0, 1):
            rows = outcome.rows(strategy=name, seed=seed)
            assert [row["split"] for row in rows] == ["all", "xed-en", "xed-fi"]
            assert all(row["metrics"].keys() == METRICS for row in rows)
            assert len({row["metrics"]["temperature"] for row in rows}) == 1  # one for all clients
            assert all(row["round"] == 1 for row in rows)
            assert all(row["seconds"] > 0 for row in rows)
    assert outcome.phases == [step.phase for seed in (0, 1) for step in steps_of(scenario, seed)]
    assert outcome.results["provenance"]["complete"]
    assert outcome.results["provenance"]["stand_in"]
    [en, fi] = outcome.results["provenance"]["data"].values()
    assert (en["train"] + en["validation"], fi["train"] + fi["validation"]) == (90, 80)
    assert {(model[0], model[1]) for model in outcome.models} == {
        (name, seed)
        for name in ("parent:xed-en", "parent:xed-fi", "fedavg", "ot-fusion", "fedavg-shared-init", "centralised")
        for seed in (0, 1)
    }
    state, config, tokenizer = outcome.models["ot-fusion", 0]
    assert torch.isfinite(load_model(config, state)(torch.tensor([[2, 3]]))).all()
    assert tokenizer


def test_strategies_of_one_seed_share_their_parents(tiny: Any) -> None:
    outcome = run(tiny())
    up = {row["bytes_up"] for name in ("fedavg", "ot-fusion") for row in outcome.rows(strategy=name)}
    assert len(up) == 1
    assert up.pop() > 0
    assert {(entry["strategy"], entry["client"]) for entry in outcome.record.training} == {
        ("parent", "xed-en"),
        ("parent", "xed-fi"),
    }


def test_the_pooled_row_is_the_sum_of_the_clients(tiny: Any) -> None:
    outcome = run(tiny())
    data = outcome.results["provenance"]["data"]
    sizes = {name: about["test"] for name, about in data.items()}
    for name in outcome.strategies():
        found = {row["split"]: row["metrics"] for row in outcome.rows(strategy=name)}
        for metric in ("accuracy", "nll", "brier"):
            mean = sum(found[split][metric] * n for split, n in sizes.items()) / sum(sizes.values())
            assert found["all"][metric] == pytest.approx(mean)


def test_one_shot_fusion_comes_with_lines_couplings_and_reliability(tiny: Any) -> None:
    outcome = run(tiny())
    results = outcome.results
    assert {line["kind"] for line in results["lines"]} == {"aligned", "unaligned"}
    for line in results["lines"]:
        assert len(line["alpha"]) == len(line["loss"]) == len(line["accuracy"]) == 11
        assert (line["alpha"][0], line["alpha"][-1]) == (0.0, 1.0)
        # the ends of the line are the parents themselves, in whatever basis
        for end, client in ((0, line["anchor"]), (-1, line["client"])):
            [parent] = outcome.rows(strategy=f"parent:{client}", split="all")
            assert line["loss"][end] == pytest.approx(parent["metrics"]["nll"], rel=1e-4)
    for coupling in results["couplings"]:
        assert len(coupling["plan"]) <= 32
        assert sum(map(sum, coupling["plan"])) == pytest.approx(1.0)
    [fit] = results["diagnostics"]
    assert {fit["client"], fit["anchor"]} == {results["lines"][0]["client"], results["lines"][0]["anchor"]}
    assert {coupling["group"] for coupling in results["couplings"]} < {group["group"] for group in fit["groups"]}
    assert all(group["fit"] < 1 for group in fit["groups"])
    for entry in results["reliability"]:
        [row] = outcome.rows(strategy=entry["strategy"], split=entry["split"])
        assert sum(entry["bin_correct"]) / sum(entry["bin_count"]) == pytest.approx(row["metrics"]["accuracy"])


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_several_rounds_have_rows_each(tiny: Any, norm: str) -> None:
    model = {
        "name": "encoder",
        "d_model": 8,
        "n_layer": 1,
        "n_head": 2,
        "d_ff": 16,
        "max_length": 12,
        "norm": norm,
    }
    outcome = run(tiny(rounds=2, model=model, references=[], strategies=["fedavg", "ot-fusion", "fedprox"]))
    assert outcome.record.failures == []
    for name in ("fedavg", "ot-fusion", "fedprox"):
        assert [row["round"] for row in outcome.rows(strategy=name, split="all")] == [1, 2]
    assert {(t["strategy"], t["round"]) for t in outcome.record.training} >= {("fedavg", 2), ("ot-fusion", 2)}


def test_unequal_clients_are_fused_and_the_mean_fails_with_a_reason(tiny: Any) -> None:
    clients_ = [
        {
            "dataset": "xed",
            "lang": "en",
            "examples": 90,
            "test_examples": 30,
            "tokenizer": {"vocab_size": 120},
        },
        {
            "dataset": "xed",
            "lang": "fi",
            "examples": 80,
            "test_examples": 30,
            "tokenizer": {"vocab_size": 140},
        },
    ]
    clients_[1]["model"] = {"d_model": 16, "d_ff": 24}
    outcome = run(tiny(clients=clients_, references=["parents", "ensemble", "centralised"]))
    [failure] = outcome.record.failures
    assert failure["strategy"] == "fedavg"
    assert "use ot-fusion" in failure["reason"]
    assert {"ot-fusion", "ensemble", "centralised", "parent:xed-en", "parent:xed-fi"} == outcome.strategies()
    state, config, _ = outcome.models["ot-fusion", 0]
    assert config.vocab_size > 140  # the union of both vocabularies
    assert state["tok_emb.weight"].shape[0] == config.vocab_size


def test_unequal_clients_go_on_from_the_fused_model(tiny: Any) -> None:
    clients_ = [
        {"dataset": "xed", "lang": lang, "examples": 90, "test_examples": 30, "tokenizer": {"vocab_size": size}}
        for lang, size in (("en", 120), ("fi", 140))
    ]
    clients_[1]["model"] = {"d_model": 16, "d_ff": 24}
    outcome = run(tiny(clients=clients_, rounds=3, references=["parents"]))
    [failure] = outcome.record.failures
    assert failure["strategy"] == "fedavg"
    assert [row["round"] for row in outcome.rows(strategy="ot-fusion", split="all")] == [1, 2, 3]
    _, config, tokenizer = outcome.models["ot-fusion", 0]
    assert config.d_model in (8, 16)
    assert config.vocab_size > 140
    assert tokenizer is None


def test_a_shared_tokenizer_and_one_of_its_own_are_matched_by_token(tiny: Any) -> None:
    clients_ = [{"dataset": "xed", "lang": lang, "examples": 90, "test_examples": 30} for lang in ("en", "fi")]
    clients_[1]["tokenizer"] = {"scope": "per-client", "vocab_size": 100}
    scenario = tiny(clients=clients_, tokenizer={"vocab_size": 100}, rounds=2, strategies=["ot-fusion"])
    outcome = run(scenario)
    assert outcome.record.failures == []
    assert {row["split"] for row in outcome.rows(strategy="ot-fusion", round=2)} == {"all", "xed-en", "xed-fi"}
    _, config, tokenizer = outcome.models["ot-fusion", 0]
    assert config.vocab_size > 100  # both have 100 tokens, of which some are not the same
    assert tokenizer is None


def test_own_tokenizers_do_not_cost_accuracy_at_evaluation(tiny: Any) -> None:
    # fused with itself only, a client's model must score the same in the union vocabulary as on its own
    spec = {"vocab_size": 120, "scope": "per-client"}
    outcome = run(tiny(tokenizer=spec, strategies=["ot-fusion"], references=["parents"]))
    line_ends = {line["client"] for line in outcome.record.lines}
    assert outcome.record.failures == []
    assert not line_ends  # no line is drawn between vocabularies
    assert outcome.rows(strategy="ot-fusion", split="all")


def test_a_client_that_cannot_train_is_named_and_the_rest_goes_on(tiny: Any, breaking: Any) -> None:
    breaking(1)
    outcome = run(tiny(references=["parents"]))
    assert outcome.record.complete
    assert {"fedavg", "ot-fusion", "parent:xed-en"} == outcome.strategies()
    notices = outcome.results["provenance"]["notices"]
    assert any("xed-fi" in line and "the disk is full" in line for line in notices)
    assert any("fedavg" in line and "without xed-fi" in line for line in notices)


class Lossy(InProcessGrid):
    """A grid that loses node 1 when it is sent a certain kind of message."""

    kind = ""

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        replies = list(super().send_and_receive(messages, timeout=timeout))
        return [reply for reply in replies if reply.metadata.src_node_id != 1001 or not self.hit(reply)]

    def hit(self, reply: Message) -> bool:
        return reply.metadata.message_type == self.kind


class Unavailable(Lossy):
    """A grid that, as Flower does, tells of the loss under its own id instead of the node's."""

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        replies = list(super().send_and_receive(messages, timeout=timeout))
        if replies and self.hit(replies[0]):
            reply = Message(Error(4, "Node Unavailable"), reply_to=self.create_message(RecordDict(), "train", 1001, ""))
            reply.metadata.__dict__["_src_node_id"] = 1
            replies.append(reply)
        return replies


@pytest.mark.parametrize(
    ("grid", "told"), [(Lossy, "no answer before the deadline"), (Unavailable, "Node Unavailable")]
)
def test_a_node_lost_in_training_is_named_and_the_rest_goes_on(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, grid: type[Lossy], told: str
) -> None:
    monkeypatch.setattr(grid, "kind", "train")
    outcome = run(tiny(references=["parents"]), grid=grid)
    assert {"fedavg", "ot-fusion", "parent:xed-en"} == outcome.strategies()
    notices = outcome.results["provenance"]["notices"]
    assert f"xed-fi: no parent model for seed 0: {told}" in notices
    assert f"fedavg, seed 0, round 1 without xed-fi: {told}" in notices


def test_a_test_split_that_stays_silent_is_not_left_out_of_the_sum(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lossy, "kind", "evaluate")
    outcome = run(tiny(references=[]), grid=Lossy)
    assert {row["split"] for row in outcome.record.rows} == {"xed-en"}
    assert outcome.strategies() == {"fedavg", "ot-fusion"}
    assert outcome.record.failures == []
    notices = outcome.results["provenance"]["notices"]
    for name in ("fedavg", "ot-fusion"):
        assert f"{name}, seed 0, round 1: no figures of xed-fi, nor over all: no answer" in notices
        assert (name, 0) in outcome.models
    assert "no figures of xed-fi" in render_report(outcome.results)


def test_a_model_that_nobody_can_evaluate_is_kept_and_told(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(InProcessGrid):
        def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
            replies = list(super().send_and_receive(messages, timeout=timeout))
            return [reply for reply in replies if reply.metadata.message_type != "evaluate"]

    outcome = run(tiny(references=[]), grid=Deaf)
    assert outcome.record.rows == []
    assert {failure["strategy"] for failure in outcome.record.failures} == {"fedavg", "ot-fusion"}
    assert set(outcome.models) == {("fedavg", 0), ("ot-fusion", 0)}


class Selective(InProcessGrid):
    """A grid on which node 1 cannot evaluate more than one model at a time."""

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        sent = list(messages)
        replies = list(super().send_and_receive(sent, timeout=timeout))
        crowded = sent and sent[0].metadata.message_type == "evaluate" and "model.1" in sent[0].content
        return [
            Message(Error(200, "out of memory"), reply_to=message)
            if crowded and message.metadata.dst_node_id == 1001
            else reply
            for message, reply in zip(sent, replies, strict=True)
        ]


def test_a_client_that_cannot_evaluate_a_reference_is_left_out_of_it_and_named(tiny: Any) -> None:
    outcome = run(tiny(references=["parents", "ensemble", "centralised"]), grid=Selective)
    assert outcome.record.complete
    assert outcome.record.failures == []
    assert [row["split"] for row in outcome.rows(strategy="ensemble")] == ["xed-en"]
    assert [row["split"] for row in outcome.rows(strategy="parent:xed-fi")] == ["xed-en"]
    for name in ("fedavg", "ot-fusion", "centralised"):
        assert [row["split"] for row in outcome.rows(strategy=name)] == ["all", "xed-en", "xed-fi"]
    notices = outcome.results["provenance"]["notices"]
    assert "parents, seed 0: no figures of xed-fi, nor over all: out of memory" in notices
    assert any("no line to xed-" in line and "out of memory" in line for line in notices)
    page = render_report(outcome.results)
    assert "out of memory" in page


def test_large_models_are_not_sent_for_a_picture(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 1)
    outcome = run(tiny())
    assert outcome.record.lines == []
    assert any("not sent to and fro for a picture" in line for line in outcome.results["provenance"]["notices"])
    assert outcome.rows(strategy="ot-fusion")


def test_references_that_nobody_can_evaluate_do_not_end_the_run(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(message: Message, context: Context) -> Message:
        return Message(Error(200, "no"), reply_to=message)

    app, rows = ClientApp(), KeptRows()
    app.query("describe")(client_side.private(partial(client_side.describe, rows)))
    app.train()(client_side.private(partial(client_side.fit, rows)))
    app.evaluate()(refuse)
    monkeypatch.setattr(clients.app, "app", app)
    outcome = run(tiny(references=["parents", "centralised"]))
    assert outcome.record.complete
    failed = {failure["strategy"]: failure["reason"] for failure in outcome.record.failures}
    assert failed.keys() == {"parents", "centralised", "fedavg", "ot-fusion"}
    assert failed["parents"] == "no client could evaluate: xed-en: no; xed-fi: no"


class Posing(InProcessGrid):
    """A grid whose node 1 answers in another's place."""

    claim: dict[str, Any] = {}  # noqa: RUF012

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        replies = list(super().send_and_receive(messages, timeout=timeout))
        for reply in replies:
            if reply.metadata.src_node_id == 1001 and reply.metadata.message_type == "query.describe":
                reply.content.config_records["client"].update(self.claim)
        return replies


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ({"partition-id": 0, "client": "xed-en"}, "nodes 1000 and 1001 both say that their partition-id is 0"),
        ({"client": "xed-en"}, "node 1001 has the partition-id 1, which is xed-fi, but says that it is 'xed-en'"),
        ({"partition-id": 7}, r"these answered: \[0, 7\]"),
    ],
)
def test_nobody_takes_anothers_place(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, claim: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr(Posing, "claim", claim)
    with pytest.raises(FedotError, match=told):
        run(tiny(), grid=Posing)


class Watching(InProcessGrid):
    """A grid that keeps the paths that go to clients."""

    paths: set[tuple[str, str]] = set()  # noqa: RUF012

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        sent = list(messages)
        for message in sent:
            config = message.content.config_records["config"]
            self.paths.add((str(config["base-dir"]), str(config["data-dir"])))
        return list(super().send_and_receive(sent, timeout=timeout))


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("files", [True, False])
def test_paths_go_to_clients_in_simulations_only(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: bool, pooled: bool
) -> None:
    monkeypatch.setattr(Watching, "paths", set())
    rows = "\n".join(f"{word} film number {i},{label}" for i in range(30) for label, word in enumerate(("bad", "good")))
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text(f"text,label\n{rows}\n")
    # a folder named in full is found wherever the client is
    where = "" if pooled else f"{tmp_path}/"
    own = {"dataset": "files", "train": f"{where}train.csv", "test": f"{where}test.csv", "text": "text"}
    own |= {"label": "label", "label_map": {0: 0, 1: 1}, "name": "own"}
    second = own if files else {"dataset": "xed", "lang": "fi", "examples": 80, "test_examples": 30}
    first = {**own, "name": "first"} if files else {"dataset": "xed", "lang": "en", "examples": 90, "test_examples": 30}
    scenario = tiny(clients=[first, second], references=[], strategies=["fedavg"])
    outcome = run(scenario, grid=Watching, pooled=pooled, data_dir=tmp_path)
    assert outcome.record.failures == []
    assert Watching.paths == {(str(tmp_path) if files and pooled else "", str(tmp_path) if pooled else "")}


def test_bytes_do_not_hang_on_where_the_scenario_is(tiny: Any, tmp_path: Path) -> None:
    far = tmp_path / "a-folder-with-quite-a-long-name"
    far.mkdir()
    found = [run(tiny(references=[], strategies=["fedavg"]), data_dir=path) for path in (tmp_path, far)]
    down = {row["bytes_down"] for outcome in found for row in outcome.rows(strategy="fedavg")}
    assert len(down) == 1


def test_a_missed_quorum_is_a_failure_of_that_strategy_only(tiny: Any, breaking: Any) -> None:
    breaking(1)
    strict = {"name": "fedavg", "min-fraction": 1.0, "as": "strict"}
    outcome = run(tiny(references=[], strategies=[strict, "ot-fusion"]))
    [failure] = outcome.record.failures
    assert failure["strategy"] == "strict"
    assert "xed-fi: the disk is full" in failure["reason"]
    assert outcome.strategies() == {"ot-fusion"}


def test_a_wrong_strategy_option_is_told_before_any_training(tiny: Any) -> None:
    with pytest.raises(FedotError, match="did you mean ot-fusion"):
        run(tiny(strategies=["fedavg", "ot-fuson"]))


def test_a_shared_start_needs_equal_clients(tiny: Any) -> None:
    with pytest.raises(FedotError, match="one tokenizer and one model"):
        run(tiny(tokenizer={"vocab_size": 100, "scope": "per-client"}, init="shared"))


def test_the_server_draws_no_model_that_nothing_starts_from(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(config: Config, seed: int) -> None:
        raise AssertionError("a model is drawn")

    monkeypatch.setattr("fedot.federation.experiment.run.build_model", drawn)
    fused = [{"name": "ot-fusion"}]
    assert run(tiny(strategies=fused, references=[])).strategies() == {"ot-fusion"}
    with pytest.raises(AssertionError, match="a model is drawn"):
        run(tiny(strategies=[{"name": "fedadam"}], references=[]))
    with pytest.raises(AssertionError, match="a model is drawn"):
        run(tiny(strategies=fused, references=["fedavg-shared-init"]))


def test_without_pooled_data_there_is_no_centralised_reference(tiny: Any) -> None:
    outcome = run(tiny(references=["centralised"], strategies=["fedavg"]), pooled=False)
    [failure] = outcome.record.failures
    assert failure["strategy"] == "centralised"


def test_the_centralised_model_trains_for_the_epochs_of_all_rounds(tiny: Any) -> None:
    scenario = tiny(rounds=3, train={"epochs": 2, "batch_size": 32, "patience": 10})
    result, config, tokenizer = train_centralised(scenario, 0, None, None, "cpu", None)
    assert len(result.history) == 6
    assert config.vocab_size == Tokenizer.from_str(tokenizer).get_vocab_size()


def test_an_interrupt_leaves_what_is_finished_marked_as_incomplete(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = tiny(seeds=[0, 1])
    record = RunRecord(scenario, "inprocess", "test")

    def stop() -> None:
        raise KeyboardInterrupt

    nodes = [{"partition-id": k, "num-partitions": 2} for k in range(2)]
    with InProcessGrid(nodes, {}) as grid, pytest.raises(KeyboardInterrupt):
        run_scenario(grid, RunSettings(scenario), record, lambda *_: None, lambda *_: None, stop)
    results = record.as_dict()
    assert results["provenance"]["complete"] is False
    assert {row["seed"] for row in results["rows"]} == {0}


def test_a_plan_is_reduced_by_adding_up() -> None:
    plan = torch.rand(70, 33, dtype=torch.float64).numpy()
    small = reduce_plan(plan)
    assert small.shape == (32, 32)
    assert small.sum() == pytest.approx(plan.sum())
    assert reduce_plan(plan[:5, :6]).shape == (5, 6)
