"""What a deployed client lets an active server ask of it: its own configuration decides, not the message."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from flwr.app import Context, Message, RecordDict

from fedot.data import load_client
from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.federation.client import handlers as client_side
from fedot.federation.client import kept_rows, own_checkpoint
from fedot.federation.client.ledger import LEDGER
from fedot.federation.client.policy import LEAST_ROWS, SIMULATED, SIMULATION, Policy
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.federation.experiment.record import RunRecord
from fedot.federation.experiment.run import run_scenario
from fedot.federation.experiment.run_settings import RunSettings
from fedot.models import Config, State, build_model, model_config, state_of
from fedot.scenario import Scenario, load_scenario, parse_scenario
from fedot.tasks import TASKS
from fedot.text.word_counts import unpack_words
from fedot.tokenizer import count_words, train_tokenizer
from fedot.wire.evaluations import pack_evaluations, unpack_tallies
from fedot.wire.flower_private import assume_identity, give_id
from fedot.wire.messages import ARRAYS, CONFIG, Settings, unpack_description, unpack_update
from fedot.wire.records import pack_state
from tests.federation.conftest import TINY

OWN = {"dataset": "files", "train": "own.csv", "test": "own.csv", "text": "text", "label": "label"}
ROWS = "".join(f"my own text {i} {'good' if i % 2 else 'bad'},{i % 2}\n" for i in range(100))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A host with data for the federation, and a file that is nobody's business."""
    assume_identity()
    for name in ("data", "cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "own.csv").write_text(f"text,label\n{ROWS}")
    people = "".join(f"person{i} person{i},{41000 + i},hunter{i},{i % 2}\n" for i in range(100))
    (tmp_path / "secret.csv").write_text(f"name,salary,password,grade\n{people}")
    (tmp_path / "data" / "headless.csv").write_text("Mrs Smith has diabetes,1\nMr Jones has none,0\n")
    (tmp_path / "data" / "accounts.csv").write_text("text,label\nfirst,48151623\nsecond,42108001\n")
    return tmp_path


class Deployed:
    """A node of a deployment, whose server asks what it likes."""

    def __init__(self, home: Path, clients: Any = OWN, run: Mapping[str, Any] | None = None, **node: Any) -> None:
        config = {"data-path": str(home / "data"), "cache-path": str(home / "cache"), "tell-words": True, **node}
        self.context = Context(1, 5, {"partition-id": 0, "num-partitions": 2, **config}, RecordDict(), {})
        self.scenario = scenario(clients, **(run or {}))
        words = count_words([f"my own text good bad {i}" for i in range(100)] * 2)
        tokenizer = train_tokenizer(words, vocab_size=120).to_str()
        self.settings = Settings(self.scenario.model_dump_json(), 0, tokenizer=tokenizer, cache="own")

    def ask(self, kind: str, content: RecordDict) -> Message:
        from clients.app import app

        message = Message(content, 5, kind)
        give_id(message)
        return app(message, self.context)

    def describe(self, **changes: Any) -> Message:
        return self.ask("query.describe", RecordDict({CONFIG: replace(self.settings, **changes).to_record()}))

    def train(self, state: State | None = None, **changes: Any) -> Message:
        settings = replace(self.settings, **changes).to_record()
        return self.ask("train", RecordDict({ARRAYS: pack_state(state or {}), CONFIG: settings}))

    def evaluate(self, request: EvaluationRequest, **changes: Any) -> Message:
        return self.ask("evaluate", pack_evaluations({5: request}, replace(self.settings, **changes))[5])

    def model(self, seed: int = 0) -> tuple[State, Config]:
        config = model_config(self.scenario.model, 120, 2)
        return state_of(build_model(config, seed)), config

    def request(self, seed: int = 0, count: int = 1) -> EvaluationRequest:
        state, config = self.model(seed)
        return EvaluationRequest((state,), (config,), (None,), (EvaluationItem("weights", ((0, 1.0),)),) * count)


def scenario(clients: Any = OWN, **changes: Any) -> Scenario:
    both = [clients, clients] if isinstance(clients, dict) and "partition" not in clients else clients
    return parse_scenario({**TINY, "data": {"source": "auto"}, "clients": both, **changes})


def text_of(clients: Any = OWN, **changes: Any) -> str:
    return scenario(clients, **changes).model_dump_json()


# Files


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "/etc/nothing", "{home}/secret.csv", "{home}/nothing.csv", "../secret.csv", "../nothing.csv"),
        *("~/.ssh/id_rsa", "~root", "/proc/self/environ", "/dev/zero", "nothing.csv", "headless.csv", "accounts.csv"),
    ],
)
def test_nothing_is_told_of_a_file_that_cannot_be_read_not_even_whether_it_is_there(home: Path, path: str) -> None:
    path = path.format(home=home)
    node = Deployed(home)
    for column in ("password", "grade", "text"):
        reply = node.describe(scenario=text_of({**OWN, "train": path, "text": column}))
        assert reply.error.reason == (
            "the files of client files-0, which are looked for below its data-path, cannot be read as the scenario "
            f"says (see this client's log); {client_side.UNTOLD}"
        )


def test_the_folders_and_the_base_of_a_message_are_not_believed(home: Path) -> None:
    node = Deployed(home)
    other = text_of({**OWN, "train": "secret.csv", "test": "secret.csv", "text": "name", "label": "grade"})
    with_base = json.dumps({**json.loads(other), "base_dir": str(home)})
    for changes in ({"data_dir": str(home)}, {"base_dir": str(home)}, {"scenario": with_base}):
        reply = node.describe(**{"scenario": other, **changes})
        assert "cannot be read" in reply.error.reason
    assert unpack_description(node.describe(data_dir="/", base_dir="/").content).num_test == 100


def test_a_node_without_a_folder_has_public_data_only(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home / "data")
    node = Deployed(home, **{"data-path": ""})
    for path in ("own.csv", str(home / "data" / "own.csv")):
        reply = node.describe(scenario=text_of({**OWN, "train": path, "test": path}))
        assert "cannot be read" in reply.error.reason
    public = text_of(TINY["clients"], data={"source": "stand-in"})
    assert unpack_description(node.describe(scenario=public, data_dir=str(home)).content).source == "stand-in"


def test_who_runs_a_client_reads_in_its_log_what_is_wrong(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    reply = Deployed(home).describe(scenario=text_of({**OWN, "train": "accounts.csv"}))
    assert not {"48151623", "42108001"} & set(reply.error.reason.replace(",", " ").split())
    assert "accounts.csv" in caplog.text


def test_in_a_simulation_the_user_is_told_all(home: Path) -> None:
    grid = InProcessGrid([{"partition-id": k, "num-partitions": 2} for k in range(2)], {})
    settings = Settings(text_of({**OWN, "text": "txt"}), 0, data_dir=str(home / "data"))
    [reply] = grid.send_and_receive([Message(RecordDict({CONFIG: settings.to_record()}), 1000, "query.describe")])
    assert "no column 'txt', only text, label" in reply.error.reason


# Models that are kept


@pytest.mark.parametrize("cache", ["{home}/elsewhere/deep", "", "own", "../elsewhere"])
def test_models_are_kept_where_the_client_says_and_nowhere_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.chdir(home / "data")
    before = set(home.rglob("*"))
    assert unpack_update(Deployed(home).train(cache=cache.format(home=home)).content).num_examples
    [new] = set(home.rglob("*")) - before
    assert new.parent == home / "cache"


# Tasks, data sets and words


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (
            {"datasets": "xed, imdb"},
            "in xed, imdb, but not in files; whoever runs it decides that with datasets",
        ),
        (
            {"tasks": "translation"},
            "in translation, but not in classification; whoever runs it decides that with tasks",
        ),
    ],
)
def test_a_client_takes_part_in_what_it_said(home: Path, node: dict[str, Any], told: str) -> None:
    deployed = Deployed(home, **node)
    for reply in (deployed.describe(), deployed.train(), deployed.evaluate(deployed.request())):
        assert told in reply.error.reason
    assert not Deployed(home, datasets="files", tasks="sentiment").describe().has_error()


def test_words_are_told_by_agreement_only(home: Path) -> None:
    reply = Deployed(home, **{"tell-words": False}).describe()
    assert "client files-0 does not tell its words" in reply.error.reason
    assert "tell-words=true in its --node-config" in reply.error.reason
    agreed = unpack_description(Deployed(home).describe().content)
    assert unpack_words(agreed.words)["text"] == agreed.num_examples


def test_without_agreement_a_tokenizer_of_the_servers_words_counts_nothing(home: Path) -> None:
    counts = {
        told: unpack_update(Deployed(home, **{"tell-words": told}).train().content).token_counts
        for told in (True, False)
    }
    assert counts[True].max() > 1
    assert counts[False].tolist() == [1] * len(counts[False])


def test_a_tokenizer_of_its_own_needs_no_agreement(home: Path) -> None:
    own = {"tokenizer": {"scope": "per-client", "vocab_size": 120}}
    node = Deployed(home, run=own, **{"tell-words": False})
    assert unpack_description(node.describe().content).words == b""
    assert unpack_update(node.train().content).token_counts.max() > 1


# Rows


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"test_examples": 1}, "fewer than 20 test rows, and it would be 1"),
        ({"test_examples": 19}, "fewer than 20 test rows, and it would be 19"),
        ({"examples": 30}, "fewer than 5 validation rows"),
    ],
)
def test_no_sums_of_few_rows(home: Path, changes: dict[str, Any], told: str) -> None:
    node = Deployed(home, {**OWN, **changes})
    reply = node.evaluate(node.request())
    assert told in reply.error.reason
    assert "lower least-rows in its --node-config" in reply.error.reason


def test_the_client_says_how_few_are_too_few(home: Path) -> None:
    node = Deployed(home, {**OWN, "test_examples": 1}, **{"least-rows": 1})
    [found] = unpack_tallies(node.evaluate(node.request()).content, node.request(), TASKS["classification"])
    assert found.count == 1
    strict = Deployed(home, **{"least-rows": 101})
    assert "fewer than 101 test rows" in strict.evaluate(strict.request()).error.reason


def test_neither_words_nor_trainings_of_few_rows(home: Path) -> None:
    few = {**OWN, "examples": 8}
    assert "training rows" in Deployed(home, few).describe().error.reason
    assert "training rows" in Deployed(home, few).train().error.reason
    one = Deployed(home, run={"train": {"epochs": 1, "validation": 0.001}})
    assert "validation rows" in one.train().error.reason


def test_two_sums_of_a_run_do_not_differ_by_a_row(home: Path) -> None:
    node = Deployed(home, {**OWN, "test_examples": 50})
    assert not node.evaluate(node.request()).has_error()
    for other in ({"test_examples": 49}, {"examples": 90}, {"label_map": {"0": 1, "1": 0}}):
        reply = node.evaluate(node.request(), scenario=text_of({**OWN, "test_examples": 50, **other}))
        assert "this run has asked for sums of other rows of client files-0 before" in reply.error.reason
    reply = node.train(scenario=text_of({**OWN, "test_examples": 50}, train={"epochs": 1, "validation": 0.2}))
    assert "sums of other rows" in reply.error.reason
    assert not node.evaluate(node.request(1), scenario=text_of({**OWN, "test_examples": 50, "name": "x"})).has_error()


def test_seeds_draw_rows_so_they_are_counted(home: Path) -> None:
    node = Deployed(home, **{"most-seeds": 2})
    for seed in (0, 1, 0):
        assert not node.describe(seed=seed).has_error()
    assert "at most 2 seeds of a run, and this would be 3" in node.describe(seed=2).error.reason


def test_the_figures_of_a_simulation_with_few_rows_are_told_for_what_they_are() -> None:
    clients = [
        {"dataset": "xed", "lang": lang, "examples": 90, "test_examples": n} for lang, n in (("en", 1), ("fi", 30))
    ]
    grid = InProcessGrid([{"partition-id": k, "num-partitions": 2} for k in range(2)], {})
    record = Settings(text_of(clients, data={"source": "stand-in"}), 0).to_record()
    messages = [Message(RecordDict({CONFIG: record}), 1000 + k, "query.describe") for k in range(2)]
    few, enough = (unpack_description(reply.content).notices for reply in grid.send_and_receive(messages))
    assert "1 test rows: figures of so few rows tell single predictions" in few
    assert not [notice for notice in enough if "so few rows" in notice]


# How much


def test_evaluations_of_a_run_are_counted(home: Path) -> None:
    node = Deployed(home, **{"most-evaluations": 5})
    assert not node.evaluate(node.request(count=3)).has_error()
    reply = node.evaluate(node.request(count=3))
    assert reply.error.reason == (
        "client files-0 answers at most 5 evaluations and trainings of a run, and this would be 6; "
        "whoever runs it can raise most-evaluations in its --node-config"
    )
    assert not node.evaluate(node.request(count=1)).has_error()
    assert not node.train().has_error()
    assert "this would be 6" in node.train().error.reason


def test_different_models_of_a_run_are_counted(home: Path) -> None:
    node = Deployed(home, **{"most-models": 2})
    for seed in (0, 1, 0, 1):
        assert not node.evaluate(node.request(seed)).has_error()
    assert "at most 2 different models of a run, and this would be 3" in node.evaluate(node.request(2)).error.reason
    state, _ = node.model(3)
    assert "different models" in node.train(state, server_round=2).error.reason
    state, _ = node.model(1)
    assert not node.train(state, server_round=2).has_error()


def test_another_run_is_counted_anew(home: Path) -> None:
    node = Deployed(home, **{"most-evaluations": 1})
    assert not node.evaluate(node.request()).has_error()
    assert node.evaluate(node.request()).has_error()
    node.context.state = RecordDict()
    assert not node.evaluate(node.request()).has_error()


def test_two_thousand_questions_are_the_end(home: Path) -> None:
    node = Deployed(home)
    one = Deployed(home).request(count=1)
    assert not node.evaluate(replace(one, items=one.items * 1000)).has_error()
    assert not node.evaluate(replace(one, items=one.items * 1000)).has_error()
    assert "at most 2000 evaluations" in node.evaluate(one).error.reason


# Whose configuration it is


def test_a_simulation_is_told_by_where_a_client_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"partition-id": 0, "num-partitions": 2}
    assert not Policy.of(plain).simulated
    assert Policy.of({**plain, SIMULATED: True}).simulated
    monkeypatch.setenv(SIMULATION, "1")
    assert Policy.of(plain).simulated
    assert not Policy.of({**plain, SIMULATED: True, "data-path": "/data"}).simulated
    assert not Policy.of({**plain, "cache-path": "/cache"}).simulated


def test_the_defaults_are_the_careful_ones() -> None:
    found = Policy.of({"partition-id": 0})
    assert (found.tell_words, found.least_rows, found.data_path) == (False, LEAST_ROWS, None)
    assert (found.most_evaluations, found.most_models, found.most_seeds) == (2000, 1000, 20)


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"tell-word": True}, "has the key tell-word; did you mean tell-words?"),
        ({"datapath": "/data"}, "has the key datapath; did you mean data-path?"),
        ({"tell-words": "yes"}, "tell-words is 'yes', but it can only be true or false"),
        ({"least-rows": 0}, "least-rows is 0, but a whole number of at least 1"),
        ({"least-rows": True}, "least-rows is True, but a whole number"),
        ({"most-models": 1.5}, "most-models is 1.5, but a whole number"),
        ({"tasks": "sentimen"}, "tasks has 'sentimen'; choose from classification, translation, language-model"),
        ({"datasets": ""}, "datasets is empty"),
        ({"data-path": 3}, "data-path is 3, but a text is needed"),
    ],
)
def test_a_configuration_that_is_not_understood_is_no_configuration(node: dict[str, Any], told: str) -> None:
    with pytest.raises(FedotError, match=told.replace("?", r"\?")):
        Policy.of({"partition-id": 0, **node})


def test_a_node_without_a_place_is_one_line(home: Path) -> None:
    node = Deployed(home)
    del node.context.node_config["partition-id"]
    assert "a node needs its place in the scenario" in node.describe().error.reason


# Whatever a message does


class PanicException(BaseException):
    """What a panic of compiled code comes up as."""


@pytest.mark.parametrize(
    ("module", "where"),
    [
        (own_checkpoint, "tokenizer_in"),
        (kept_rows, "load_client"),
        (client_side, "train"),
        (client_side, "unpack_state"),
    ],
)
def test_a_panic_is_an_error_reply_and_the_node_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, where: str
) -> None:
    def panic(*_: Any, **__: Any) -> None:
        raise PanicException("Mrs Smith has diabetes")

    node = Deployed(home)
    with monkeypatch.context() as patch:
        patch.setattr(module, where, panic)
        reply = node.train({"x": torch.ones(1)}, server_round=2 if where == "unpack_state" else 1)
    assert "PanicException" in reply.error.reason
    assert "Smith" not in reply.error.reason
    assert not node.train().has_error()


def test_the_longest_shipped_scenario_is_within_the_defaults() -> None:
    """Twenty rounds of six strategies with five seeds: no shipped scenario trains so often."""
    root = Path(__file__).parents[2] / "scenarios"
    longest = load_scenario(root / "periodic.yaml")
    asked = len(longest.seeds) * (1 + len(longest.strategies) * longest.rounds)
    parents = len(longest.seeds) * (len(longest.client_specs()) + 1)
    assert 2 * asked + parents <= Policy().most_evaluations
    assert asked + parents <= Policy().most_models
    assert len(longest.seeds) <= Policy().most_seeds


def test_a_client_reads_its_data_as_in_a_simulation(home: Path) -> None:
    wanted = load_client(scenario().model_copy(update={"base_dir": home / "data"}), 0, 0)
    found = unpack_description(Deployed(home).describe().content)
    assert (found.num_examples, found.num_test) == (len(wanted.train), len(wanted.test))


def test_an_honest_run_of_deployed_clients_is_answered_and_asks_for_each_model_once(home: Path) -> None:
    strategies = ["fedavg", "fedadam", "ot-fusion"]
    plain = scenario(TINY["clients"], data={"source": "stand-in"}, rounds=3, strategies=strategies)
    record = RunRecord(plain, "deployment", "test")
    nodes = [{"partition-id": k, "cache-path": str(home / f"cache-{k}"), "tell-words": True} for k in range(2)]
    with InProcessGrid(nodes, {}) as grid:
        run_scenario(grid, RunSettings(plain, pooled=False), record, lambda *_: None, lambda *_: None, lambda: None)
        spent = [context.state.config_records[LEDGER] for context in grid._contexts.values()]
    assert record.complete
    assert record.failures == []
    assert {row["split"] for row in record.rows} == {"all", "xed-en", "xed-fi"}
    for asked in spent:
        assert len(asked["seeds"]) == 1
        # the parents, and every round's model, which is evaluated and then sent again as the next round's start
        assert len(asked["models"]) == 2 + 3 * 3
        assert asked["evaluations"] == (2 + 1 + 3 * 3) + (1 + 3 * 3)  # the ensemble, too; and all trainings
