"""Whatever one client of three sends, in any field of any message, the run ends with the figures of the others."""

import tempfile
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import EDITIONS, TINY, hostile_run, wrong_figures

QUIET = settings(
    max_examples=16,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)


@pytest.fixture(scope="module")
def cache() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield folder


@QUIET
@given(seed=st.integers(0, 2**32), edition=st.integers(0, len(EDITIONS) - 1))
def test_the_run_ends_with_the_figures_of_the_rest(tiny: Any, cache: str, seed: int, edition: int) -> None:
    scenario = tiny(**{**TINY, **EDITIONS[edition]})
    record, done = hostile_run(scenario, cache, Random(seed))
    assert wrong_figures(record) == [], done
    assert {row["strategy"] for row in record.rows} - {"parent:xed-en", "parent:xed-fi", "parent:third", "ensemble"}, (
        done
    )


@pytest.mark.parametrize("edition", range(len(EDITIONS)))
def test_an_honest_client_is_never_left_out(tiny: Any, cache: str, edition: int) -> None:
    class Honest(Random):
        def random(self) -> float:
            return 1.0

    record, done = hostile_run(tiny(**{**TINY, **EDITIONS[edition]}), cache, Honest(0))
    assert done == []
    assert not [notice for notice in record.notices if "without" in notice]
    assert {failure["strategy"] for failure in record.failures} <= {"ensemble", "fedavg"}
    assert [row for row in record.rows if row["split"] == "third"]
