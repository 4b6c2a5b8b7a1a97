"""Classes that clients find in their files, over the real apps: in a simulation and in a deployment."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Context, Message, RecordDict

from fedot.data.own_files.label_column import MOST_FOUND
from fedot.errors import FedotError
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings
from fedot.saved import SavedModel
from fedot.scenario import Scenario
from fedot.text.word_counts import pack_words
from fedot.wire.boundary import read_description
from fedot.wire.flower_private import assume_identity, give_id
from fedot.wire.messages import CONFIG, ClientDescription, Settings, pack_description, unpack_description
from tests.federation.conftest import MakeScenario

CLASSES = {"north": ["glad", "sad", "calm"], "south": ["sad", "calm"], "west": ["glad"]}


@pytest.fixture
def three(tmp_path: Path, tiny: MakeScenario) -> Scenario:
    clients = []
    for name, classes in CLASSES.items():
        for split, count in (("", 120), ("-test", 30)):
            labels = [classes[i % len(classes)] for i in range(count)]
            lines = [f"{name}{split} {i % 7} is {label} {i};{label}" for i, label in enumerate(labels)]
            (tmp_path / f"{name}{split}.csv").write_text("\n".join(["text;label", *lines]))
        clients.append({"dataset": "files", "name": name, "train": f"{name}.csv", "test": f"{name}-test.csv"})
    return tiny(clients=clients, strategies=["fedavg"], references=["parents", "centralised"])


def outcome(scenario: Scenario, nodes: list[dict[str, Any]], pooled: bool) -> tuple[RunRecord, dict[str, SavedModel]]:
    record, models = RunRecord(scenario, "inprocess", "test"), dict[str, SavedModel]()

    def save(title: str, seed: int, model: SavedModel) -> None:
        models[title] = model

    with InProcessGrid(nodes, {}) as grid:
        settings = RunSettings(scenario, pooled=pooled)
        run_scenario(grid, settings, record, save, lambda *_: None, lambda: None)
    return record, models


def figures(record: RunRecord) -> dict[tuple[str, str], Any]:
    return {(row["strategy"], row["split"]): row["metrics"] for row in record.rows if row["strategy"] != "centralised"}


def test_a_simulation_and_a_deployment_number_them_alike(three: Scenario, tmp_path: Path) -> None:
    simulated, models = outcome(three, [{"partition-id": k} for k in range(3)], pooled=True)
    assert simulated.failures == []
    assert {model.classes for model in models.values()} == {("calm", "glad", "sad")}
    assert {row["strategy"] for row in simulated.rows} >= {"fedavg", "parent:west", "centralised"}
    own = {"data-path": str(tmp_path), "tell-words": True, "tell-classes": True, "least-rows": 1}
    nodes = [{"partition-id": k, "cache-path": str(tmp_path / f"cache-{k}"), **own} for k in range(3)]
    deployed, others = outcome(three, nodes, pooled=False)
    assert others["fedavg"].classes == ("calm", "glad", "sad")
    assert figures(deployed) == figures(simulated)


def test_a_tokenizer_each_changes_nothing_of_it(three: Scenario) -> None:
    scenario = three.model_copy(
        update={"tokenizer": three.tokenizer.model_copy(update={"scope": "per-client"}), "references": ("parents",)}
    )
    record, models = outcome(scenario, [{"partition-id": k} for k in range(3)], pooled=True)
    assert {row["split"] for row in record.rows} >= {"all", "north", "south", "west"}
    assert models["parent:west"].classes == ("calm", "glad", "sad")


class Node:
    """A deployed node, whose server asks what it likes."""

    def __init__(self, scenario: Scenario, folder: Path, **node: Any) -> None:
        assume_identity()
        own = {"partition-id": 1, "num-partitions": 3, "data-path": str(folder), "tell-words": True, **node}
        self.context = Context(1, 5, own, RecordDict(), {})
        self.settings = Settings(scenario.model_dump_json(), 0, cache="own")

    def describe(self, **changes: Any) -> Message:
        from clients.app import app

        settings = replace(self.settings, **changes).to_record()
        message = Message(RecordDict({CONFIG: settings}), 5, "query.describe")
        give_id(message)
        return app(message, self.context)


def test_labels_are_told_by_agreement_only(three: Scenario, tmp_path: Path) -> None:
    silent = Node(three, tmp_path)
    guesses = (None, json.dumps(["calm", "sad"]), json.dumps(["no", "such"]))
    told = {silent.describe(classes=guess).error.reason for guess in guesses}
    assert len(told) == 1  # it does not tell whether a guess is right
    [reason] = told
    assert "in the scenario, as in labels: [neg, pos], or whoever runs it agrees with tell-classes=true" in reason
    assert "calm" not in reason
    agreed = Node(three, tmp_path, **{"tell-classes": True})
    assert unpack_description(agreed.describe().content).labels == ("calm", "sad")
    all_three = agreed.describe(classes=json.dumps(["calm", "glad", "sad"]))
    assert unpack_description(all_three.content).labels == ("calm", "glad", "sad")
    assert "a class that is none of those" in agreed.describe(classes=json.dumps(["no", "such"])).error.reason


@pytest.mark.parametrize("classes", ["{}", "[1, 2]", '["a"]', '["a", "a"]', "[[[", json.dumps(["x"] * 20_000), "5"])
def test_classes_that_are_none_are_refused(three: Scenario, tmp_path: Path, classes: str) -> None:
    reply = Node(three, tmp_path, **{"tell-classes": True}).describe(classes=classes)
    assert "the classes of a message" in reply.error.reason


def test_a_client_cannot_claim_any_number_of_classes(three: Scenario) -> None:
    names = tuple(f"class {i}" for i in range(MOST_FOUND + 1))
    client = ClientDescription("south", 1, 40, 5, 9, names, "files", (), pack_words({"a": 2}))
    with pytest.raises(FedotError, match="says that it has found 1001 classes, and at most 1000 can be"):
        read_description(pack_description(client), three)
    said = three.model_copy(update={"clients": [spec.model_copy(update={"labels": names}) for spec in three.clients]})
    assert len(read_description(pack_description(client), said)[0].labels) == 1001


def test_numbers_from_0_tell_no_more_than_how_many(three: Scenario, tmp_path: Path) -> None:
    rows = "".join(f"row {i},{i % 2}\n" for i in range(60))
    (tmp_path / "south.csv").write_text(f"text,label\n{rows}")
    (tmp_path / "south-test.csv").write_text(f"text,label\n{rows}")
    assert unpack_description(Node(three, tmp_path).describe().content).labels == ("0", "1")


def test_all_clients_mistakes_are_told_at_once(three: Scenario, tmp_path: Path) -> None:
    (tmp_path / "north-test.csv").unlink()
    (tmp_path / "north.csv").write_text("txt;label\nfine;glad\n")
    (tmp_path / "west.csv").write_text("text;label\nfine;\n")
    with pytest.raises(FedotError) as caught:
        outcome(three, [{"partition-id": k} for k in range(3)], pooled=True)
    lines = getattr(caught.value, "lines", ())
    assert [line.split(":")[0] for line in lines] == ["client north", "client north", "client west"]
    for line, told in zip(
        lines, ("has no column 'text'", "there is no file", "row 1: the label is empty"), strict=True
    ):
        assert told in line
