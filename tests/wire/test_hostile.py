"""Whatever one client of three sends, in any field of any message, the run ends with the figures of the others."""

import math
import tempfile
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from flwr.app import Error, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.hostile import spoil
from fedot.federation.inprocess import InProcessGrid
from fedot.federation.plan import Plan
from fedot.federation.results import RunRecord
from fedot.federation.run import run_scenario
from fedot.outside import printable
from fedot.scenario import Scenario

BAD = 1002
RANGES = {"accuracy": 1, "f1_weighted": 1, "f1_macro": 1, "ece": 1, "ece_scaled": 1, "brier": 2, "brier_scaled": 2}


class Hostile(InProcessGrid):
    """A grid whose third client answers what `random` says; what it did is kept."""

    random: Random
    done: list[str]

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> Iterator[Message]:
        for reply in super().send_and_receive(messages, timeout=timeout):
            if reply.metadata.src_node_id == BAD and reply.has_content() and self.random.random() < 0.7:
                for _ in range(self.random.choice([1, 1, 2, 5])):
                    self.done.append(f"{reply.metadata.message_type}: {spoil(reply.content, self.random)}")
                if self.random.random() < 0.05:
                    yield Message(Error(self.random.choice([0, 2, 200]), "x\x1b[2J\n" * 5000), reply_to=reply)
                    continue
                if self.random.random() < 0.1:
                    yield reply  # twice
            yield reply


@pytest.fixture(scope="module")
def cache() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield folder


def three(tiny: Any, **changes: Any) -> Scenario:
    clients = [
        {"dataset": "xed", "lang": "en", "examples": 90, "test_examples": 30},
        {"dataset": "xed", "lang": "fi", "examples": 80, "test_examples": 30},
        {"dataset": "xed", "lang": "en", "name": "third", "examples": 85, "test_examples": 30},
    ]
    strategies = ["fedavg", {"name": "ot-fusion", "probe-texts": 32}]
    return tiny(clients=clients, strategies=strategies, references=["parents"], **changes)


def figures(scenario: Scenario, cache: str, random: Random) -> tuple[RunRecord, list[str]]:
    record = RunRecord(scenario, "inprocess", "test")
    nodes = [{"partition-id": k, "num-partitions": 3} for k in range(3)]
    with Hostile(nodes, {}) as grid:
        grid.random, grid.done = random, []
        plan = Plan(scenario, cache=cache, pooled=False)
        run_scenario(grid, plan, record, lambda *_: None, lambda *_: None, lambda: None)
        return record, grid.done


def check(record: RunRecord, done: list[str]) -> None:
    """Every strategy has the figures of the other two, or says why not; none is out of its range."""
    for name in ("fedavg", "ot-fusion", "parent:xed-en", "parent:xed-fi"):
        splits = {row["split"] for row in record.rows if row["strategy"] == name}
        assert {"xed-en", "xed-fi"} <= splits or _failed(record, name) or "per-client" in str(record.scenario), done
    for row in record.rows:
        for key, value in row["metrics"].items():
            assert 0 <= value <= RANGES.get(key, math.inf), (key, value, done)
            assert math.isfinite(value), (key, done)
        assert 0 <= row["seconds"] < 2e7
    for line in [*record.notices, *(failure["reason"] for failure in record.failures)]:
        assert line.isprintable(), done
        assert len(line) < 1500, done
    assert printable(record.as_dict()["provenance"]["data"], 5000).isprintable()


def _failed(record: RunRecord, name: str) -> bool:
    return any(failure["strategy"] == name for failure in record.failures)


QUIET = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.differing_executors],
    derandomize=True,
)


@QUIET
@given(seed=st.integers(0, 2**32))
def test_the_run_ends_with_the_figures_of_the_rest(tiny: Any, cache: str, seed: int) -> None:
    check(*figures(three(tiny), cache, Random(seed)))


@QUIET
@given(seed=st.integers(0, 2**32))
def test_with_vocabularies_of_their_own_too(tiny: Any, cache: str, seed: int) -> None:
    scenario = three(tiny, tokenizer={"vocab_size": 150, "scope": "per-client"}, rounds=2)
    check(*figures(scenario, cache, Random(seed)))


@QUIET
@given(seed=st.integers(0, 2**32))
def test_at_half_precision_and_aligned_by_the_clients_too(tiny: Any, cache: str, seed: int) -> None:
    scenario = three(tiny, transfer="float16", rounds=2)
    aligned = [{"name": "fedavg", "align": "client"}, {"name": "ot-fusion", "align": "client"}]
    changed = Scenario.model_validate({**scenario.model_dump(exclude_none=True), "strategies": aligned})
    check(*figures(changed, cache, Random(seed)))


def test_an_honest_client_is_never_left_out(tiny: Any, cache: str) -> None:
    class Honest(Random):
        def random(self) -> float:
            return 1.0

    for changes in (
        {},
        {"tokenizer": {"vocab_size": 150, "scope": "per-client"}},
        {"transfer": "float16", "rounds": 2},
    ):
        record, done = figures(three(tiny, **changes), cache, Honest(0))
        assert done == []
        assert record.failures == [] or changes.get("tokenizer")
        assert not [notice for notice in record.notices if "without" in notice]
