"""A client describes itself, trains and evaluates; its texts stay where they are."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from flwr.app import Message, RecordDict

from fedot.data import load_client
from fedot.evaluation.metrics import Tally, accuracy
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.federation.client import handlers as client_side
from fedot.federation.client import kept_rows
from fedot.federation.client import transfer_mod as transfer
from fedot.federation.engines.inprocess import InProcessGrid
from fedot.scenario import Scenario
from fedot.strategies.lengths import step_length
from fedot.tasks.classification import CLASSIFICATION
from fedot.text.word_counts import unpack_words
from fedot.tokenizer import count_words, train_tokenizer
from fedot.wire.evaluations import pack_evaluations, unpack_tallies
from fedot.wire.messages import (
    ARRAYS,
    CONFIG,
    OWN_CACHE,
    ClientUpdate,
    Settings,
    unpack_description,
    unpack_update,
)
from fedot.wire.records import pack_state


class Clients:
    """The real ClientApp on two nodes, and one way to ask each question."""

    def __init__(self, scenario: Scenario, node: Mapping[str, Any] | None = None, **changes: Any) -> None:
        self.scenario = scenario
        words = count_words(load_client(scenario, 0, 0).train["text"])
        tokenizer = train_tokenizer(words, scenario.tokenizer.kind, scenario.tokenizer.vocab_size).to_str()
        values = {"scenario": scenario.model_dump_json(), "seed": 0, "tokenizer": tokenizer, **changes}
        self.settings = Settings(**values)
        self.grid = InProcessGrid([{"partition-id": k, "num-partitions": 2, **(node or {})} for k in range(2)], {})

    def ask(self, content: RecordDict, kind: str, node: int = 1000) -> Message:
        [reply] = self.grid.send_and_receive([Message(content, node, kind)])
        return reply

    def train(self, state: dict[str, torch.Tensor] | None = None, **changes: Any) -> ClientUpdate:
        values = {name: getattr(self.settings, name) for name in Settings.__slots__}
        record = Settings(**{**values, **changes}).to_record()
        return unpack_update(self.ask(RecordDict({ARRAYS: pack_state(state or {}), CONFIG: record}), "train").content)

    def evaluate(self, request: EvaluationRequest) -> tuple[Tally, ...]:
        reply = self.ask(pack_evaluations({0: request}, self.settings)[0], "evaluate")
        return unpack_tallies(reply.content, request, CLASSIFICATION)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Seeds of the trainings that were really carried out."""
    done: list[int] = []
    real = client_side.train

    def counted(*args: Any, seed: int, **kwargs: Any) -> Any:
        done.append(seed)
        return real(*args, seed=seed, **kwargs)

    monkeypatch.setattr(client_side, "train", counted)
    return done


def test_a_description_tells_numbers_and_frequent_words_only(tiny: Any) -> None:
    clients = Clients(tiny())
    reply = clients.ask(RecordDict({CONFIG: clients.settings.to_record()}), "query.describe")
    found = unpack_description(reply.content)
    data = load_client(tiny(), 0, 0)
    assert (found.client, found.num_examples, found.num_test) == ("xed-en", len(data.train), len(data.test))
    assert found.source == "stand-in"
    counts = count_words(data.train["text"])
    assert unpack_words(found.words) == {word: n for word, n in counts.items() if n >= 2}
    assert min(counts.values()) == 1  # or this would show nothing


def test_no_words_leave_a_client_with_a_tokenizer_of_its_own(tiny: Any) -> None:
    clients = Clients(tiny(tokenizer={"vocab_size": 150, "scope": "per-client"}))
    reply = clients.ask(RecordDict({CONFIG: clients.settings.to_record()}), "query.describe")
    assert unpack_description(reply.content).words == b""


def test_a_client_tells_how_many_examples_are_of_which_class(tiny: Any) -> None:
    clients = Clients(tiny())
    reply = clients.ask(RecordDict({ARRAYS: pack_state({}), CONFIG: clients.settings.to_record()}), "train")
    labels = list(load_client(tiny(), 0, 0).train["label"])
    found = unpack_update(reply.content).class_counts
    assert found is not None
    assert found.tolist() == [labels.count(0), labels.count(1)]


def test_no_text_is_in_a_training_reply(tiny: Any) -> None:
    clients = Clients(tiny())
    reply = clients.ask(RecordDict({ARRAYS: pack_state({}), CONFIG: clients.settings.to_record()}), "train")
    about = json.dumps([str(value) for value in reply.content.config_records["update"].values()])
    assert not any(text in about for text in load_client(tiny(), 0, 0).train["text"] if len(text) > 12)


@pytest.mark.parametrize(
    ("module", "where"),
    [
        *((kept_rows, where) for where in ("load_client", "train_tokenizer", "count_words", "OwnCheckpoints")),
        *((client_side, where) for where in ("train", "pack_update")),
    ],
)
def test_whatever_breaks_at_a_client_its_words_stay_there(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: ModuleType, where: str
) -> None:
    secret = "Mrs Smith has diabetes"

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"cannot handle {secret!r}")

    clients = Clients(tiny(tokenizer={"vocab_size": 150, "scope": "per-client"}))
    monkeypatch.setattr(module, where, broken)
    content = RecordDict({ARRAYS: pack_state({}), CONFIG: clients.settings.to_record()})
    reply = clients.ask(content, "train")
    assert reply.error.reason == "RuntimeError (see this client's log)"
    assert secret in caplog.text


@pytest.mark.parametrize("kind", ["train", "evaluate"])
def test_a_failing_mod_tells_its_type_only(tiny: Any, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("Mrs Smith has diabetes")

    clients = Clients(tiny())
    monkeypatch.setattr(transfer, "widen", broken)
    content = RecordDict({ARRAYS: pack_state({}), CONFIG: clients.settings.to_record()})
    assert clients.ask(content, kind).error.reason == "ValueError (see this client's log)"


def test_the_same_request_is_answered_from_the_cache(tiny: Any, trainings: list[int], tmp_path: Path) -> None:
    clients = Clients(tiny(), cache=str(tmp_path))
    first, second = clients.train(), clients.train()
    assert len(trainings) == 1
    assert all(torch.equal(first.state[key], second.state[key]) for key in first.state)
    # fresh models do not look at what they are sent
    clients.train({"x": torch.ones(1)})
    assert len(trainings) == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"proximal_mu": 0.5}, {"tokenizer": "other"}])
def test_another_request_is_not(tiny: Any, trainings: list[int], tmp_path: Path, change: dict[str, Any]) -> None:
    clients = Clients(tiny(), cache=str(tmp_path))
    if change.get("tokenizer"):
        spec = clients.scenario.tokenizer.model_copy(update={"vocab_size": 120})
        words = count_words(load_client(clients.scenario, 1, 0).train["text"])
        change = {"tokenizer": train_tokenizer(words, spec.kind, spec.vocab_size).to_str()}
    clients.train()
    clients.train(**change)
    assert len(trainings) == 2


def test_later_rounds_start_from_what_is_sent(tiny: Any, trainings: list[int], tmp_path: Path) -> None:
    clients = Clients(tiny(), cache=str(tmp_path))
    first = clients.train()
    moved = {key: value + 0.01 for key, value in first.state.items()}
    a = clients.train(first.state, server_round=2)
    b = clients.train(moved, server_round=2)
    assert len(trainings) == 3
    assert any(not torch.equal(a.state[key], b.state[key]) for key in a.state)


def test_who_is_sent_no_model_starts_from_its_own(tiny: Any, trainings: list[int], tmp_path: Path) -> None:
    clients = Clients(tiny(), cache=str(tmp_path))
    first = clients.train()
    later = clients.train({}, server_round=2)
    assert later.server_round == 2
    assert later.config == first.config
    sent = clients.train(first.state, server_round=2)
    assert len(trainings) == 3
    far, near = (step_length(update.state, first.state) for update in (later, sent))
    assert far != near


def test_every_round_shuffles_anew(tiny: Any, trainings: list[int], tmp_path: Path) -> None:
    clients = Clients(tiny(), cache=str(tmp_path))
    first = clients.train()
    second, third, again = (clients.train(first.state, server_round=number) for number in (2, 3, 2))
    assert len(set(trainings)) == len(trainings) == 3
    assert any(not torch.equal(second.state[key], third.state[key]) for key in first.state)
    assert all(torch.equal(second.state[key], again.state[key]) for key in first.state)


def test_a_node_keeps_the_models_that_were_asked_for_last(
    tiny: Any, trainings: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client_side, "MODELS_KEPT", 3)
    clients = Clients(tiny(), {"cache-path": str(tmp_path / "models")}, cache=OWN_CACHE)
    for number in (0, 1, 2, 0, 3):  # 0 is asked for again, so that 1 goes
        clients.train(proximal_mu=float(number))
    assert len(trainings) == 4
    for number in (0, 2, 3):
        clients.train(proximal_mu=float(number))
    assert len(trainings) == 4
    clients.train(proximal_mu=1.0)
    assert len(trainings) == 5
    assert len(list((tmp_path / "models").iterdir())) == 3


def test_nodes_without_a_folder_keep_their_models_apart(
    tiny: Any, trainings: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    clients = Clients(tiny(), cache=OWN_CACHE)
    clients.train()
    clients.train()
    assert len(trainings) == 1
    assert [path.parent for path in tmp_path.rglob("*.safetensors")] == [tmp_path / "fedot" / "nodes" / "0"]


def test_a_node_that_cannot_keep_models_trains(tiny: Any, trainings: list[int]) -> None:
    clients = Clients(tiny(), {"cache-path": "/proc/none"}, cache=OWN_CACHE)
    assert clients.train().num_examples
    assert clients.train().num_examples
    assert len(trainings) == 2


def test_mixtures_of_weights_and_of_probabilities(tiny: Any) -> None:
    clients = Clients(tiny())
    a, b = clients.train(), clients.train(proximal_mu=1.0)
    items = (
        EvaluationItem("weights", ((0, 1.0),)),
        EvaluationItem("weights", ((0, 1.0), (1, 0.0))),
        EvaluationItem("weights", ((0, 0.5), (0, 0.5))),
        EvaluationItem("probabilities", ((0, 0.5), (0, 0.5))),
        EvaluationItem("weights", ((0, 0.5), (1, 0.5))),
        EvaluationItem("probabilities", ((0, 0.5), (1, 0.5))),
    )
    request = EvaluationRequest((a.state, b.state), (a.config, b.config), (None, None), items)
    tallies = clients.evaluate(request)
    plain = tallies[0]
    assert plain.count == len(load_client(tiny(), 0, 0).test)
    assert 0 <= accuracy(plain) <= 1
    for other in tallies[1:4]:
        assert other.nll_sum == pytest.approx(plain.nll_sum, rel=1e-6)
    assert tallies[4].nll_sum != pytest.approx(tallies[5].nll_sum, rel=1e-9)


def test_a_node_beyond_the_scenario_is_told_so(tiny: Any) -> None:
    clients = Clients(tiny())
    clients.grid = InProcessGrid([{"partition-id": 5, "num-partitions": 6}], {})
    reply = clients.ask(RecordDict({CONFIG: clients.settings.to_record()}), "query.describe")
    assert "number 5, but the scenario has only clients 0 to 1" in reply.error.reason


def test_a_global_model_that_does_not_fit_is_told_in_words(tiny: Any) -> None:
    clients = Clients(tiny(), init="shared")
    content = RecordDict({ARRAYS: pack_state({"x": torch.ones(1)}), CONFIG: clients.settings.to_record()})
    reply = clients.ask(content, "train")
    assert "global model" in reply.error.reason
