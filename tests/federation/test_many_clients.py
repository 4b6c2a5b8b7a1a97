"""What a message costs does not hang on the number of clients: calls are counted, not seconds."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flwr.app import Message, RecordDict

import clients.app as client_app
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.client.kept_rows import KeptRows
from fedot.federation.engines.inprocess import FIRST_NODE, InProcessGrid
from fedot.federation.experiment.ask_clients import Federation, ask, evaluate_where_possible
from fedot.federation.experiment.gather import gather
from fedot.federation.experiment.record import RunRecord
from fedot.models import build_model, model_config, state_of
from fedot.scenario import Scenario, parse_scenario
from fedot.standin import sentences as standin
from fedot.wire.messages import ARRAYS, CONFIG, Settings, unpack_update
from fedot.wire.records import pack_state

FEW, MANY = 50, 500
ONCE = (
    *("Scenario._consistent", "CorpusSpec.of_client", "told_apart", "check_clients", "read_tokenizer"),
    *("_shapes", "_symmetry", "_corpus", "iid", "read_scenario"),
)
"""What a process does once, however many messages come."""


def scenario(count: int) -> Scenario:
    corpus = {"dataset": "imdb", "examples": 12, "test_examples": 3, "partition": {"kind": "iid", "count": count}}
    model = {"name": "encoder", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 8, "max_length": 8}
    values: dict[str, Any] = {"name": "many", "clients": corpus, "tokenizer": {"vocab_size": 120}, "model": model}
    return parse_scenario({**values, "train": {"epochs": 1}, "data": {"source": "stand-in"}, "references": []})


def calls(work: Callable[[], Any]) -> Counter[str]:
    """How often each function of fedot is called."""
    found: Counter[str] = Counter()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and "/fedot/" in frame.f_code.co_filename:
            found[frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


class Many:
    """A federation of so many clients, all of them in this process."""

    def __init__(self, count: int) -> None:
        client_app.rows = KeptRows()
        self.scenario = scenario(count)
        self.settings = Settings(scenario=self.scenario.model_dump_json(exclude={"strategies"}), seed=0)
        self.grid = InProcessGrid([{"partition-id": k, "num-partitions": count} for k in range(count)], {})

    def gathered(self) -> Federation:
        return gather(self.grid, self.scenario, self.settings)


@pytest.fixture(scope="module")
def counted() -> dict[int, dict[str, Counter[str]]]:
    """Calls of each kind of message of three clients, once a process is warm, and of the server's work for all."""
    kept = standin.TRAIN_ROWS
    standin.TRAIN_ROWS = 10_000
    found: dict[int, dict[str, Counter[str]]] = {}
    try:
        for count in (FEW, MANY):
            found[count] = _counted(Many(count))
    finally:
        standin.TRAIN_ROWS = kept
    return found


def _counted(many: Many) -> dict[str, Counter[str]]:
    kept: list[Federation] = []
    told = {"gather": calls(lambda: kept.append(many.gathered()))}
    federation = kept[0]
    settings = federation.settings.to_record()
    fit = RecordDict({ARRAYS: pack_state({}), CONFIG: settings})
    config = model_config(many.scenario.model, next(iter(federation.known.values())).vocab_size, 2)
    request = EvaluationRequest.of(state_of(build_model(config, 0)), config, None)
    replies: list[Message] = []

    def evaluate(first: int) -> Any:
        nodes = {node: federation.clients[node] for node in range(first, first + 3)}
        small = Federation(many.grid, federation.settings, nodes, federation.known)
        return evaluate_where_possible(small, lambda _: request)

    def train(first: int) -> None:
        replies.extend(ask(many.grid, dict.fromkeys(range(first, first + 3), fit), "train"))

    evaluate(FIRST_NODE)  # the first message of a process does what is done once
    train(FIRST_NODE)
    client_app.rows.data.cache_clear()  # of few clients the rows are still there
    told["evaluate"] = calls(lambda: evaluate(FIRST_NODE + 10))
    told["train"] = calls(lambda: train(FIRST_NODE + 10))
    record, updates = RunRecord(many.scenario, "inprocess", ""), [unpack_update(reply.content) for reply in replies]
    told["record"] = calls(lambda: record.add_training(0, "fedavg", 1, updates))
    return told


@pytest.mark.parametrize("kind", ["evaluate", "train", "record"])
def test_a_message_makes_as_many_calls_among_five_hundred_clients_as_among_fifty(
    counted: dict[int, dict[str, Counter[str]]], kind: str
) -> None:
    few, many = (counted[count][kind] for count in (FEW, MANY))
    assert few.total() > 0
    assert many.total() <= 1.1 * few.total()
    assert set(many) == set(few)


@pytest.mark.parametrize("kind", ["evaluate", "train", "record"])
def test_nothing_is_parsed_or_built_again(counted: dict[int, dict[str, Counter[str]]], kind: str) -> None:
    for count in (FEW, MANY):
        assert {name: counted[count][kind][name] for name in ONCE if counted[count][kind][name]} == {}


def test_to_find_out_who_is_there_is_linear(counted: dict[int, dict[str, Counter[str]]]) -> None:
    few, many = (counted[count]["gather"] for count in (FEW, MANY))
    assert many.total() / MANY <= 1.2 * few.total() / FEW
    assert many["read_scenario"] <= 1
    assert many["CorpusSpec.of_client"] <= 2 * MANY  # the server's own, and that of the messages


def test_a_scenario_is_parsed_in_linear_time() -> None:
    few, many = (calls(lambda count=count: scenario(count)) for count in (FEW, MANY))  # type: ignore[misc]
    assert many.total() / MANY <= 1.2 * few.total() / FEW


def test_what_is_computed_once_is_no_part_of_a_scenario() -> None:
    import copy
    import pickle

    fresh, used = scenario(3), scenario(3)
    assert used.client_names() == ("imdb-0", "imdb-1", "imdb-2")
    assert used == fresh
    assert used.model_dump_json() == fresh.model_dump_json()
    assert pickle.loads(pickle.dumps(used)) == fresh
    assert copy.deepcopy(used) == fresh
    wider = used.model_copy(update={"clients": scenario(5).clients})
    assert len(wider.client_specs()) == len(wider.client_names()) == 5
    assert len(used.client_specs()) == 3
