import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fedot.report.analysis.statistics import (
    Scores,
    barrier,
    estimate,
    paired_difference,
    t_quantile,
)


def row(seed, strategy, split, value, number=1):
    return {
        "seed": seed,
        "strategy": strategy,
        "round": number,
        "split": split,
        "metrics": {"accuracy": value},
    }


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=8))
def test_interval_is_students_t(values):
    found = estimate(values)
    assert found is not None
    error = stats.sem(values)
    low, high = (
        (np.mean(values), np.mean(values))
        if error == 0
        else stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=error)
    )
    np.testing.assert_allclose([found.mean, found.low, found.high], [np.mean(values), low, high], atol=1e-8)


def test_interval_by_hand():
    found = estimate([1.0, 2.0, 3.0])
    assert found is not None
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(4.302652729911275 / math.sqrt(3))


def test_quantile_against_the_printed_table():
    assert t_quantile(1) == pytest.approx(12.706, abs=1e-3)


def test_one_seed_has_a_mean_but_no_interval():
    found = estimate([0.7])
    assert found is not None
    assert (found.mean, found.low, found.high, found.half_width, found.n) == (0.7, None, None, None, 1)
    assert not found.settled


def test_missing_and_not_finite_values_do_not_count():
    found = estimate([0.5, None, math.nan, math.inf, 0.7])
    assert found is not None
    assert found.values == (0.5, 0.7)
    assert estimate([None, math.nan]) is None


def test_pairing_uses_only_shared_seeds_and_removes_what_they_share():
    hard = {0: 0.50, 1: 0.70, 2: 0.90, 3: 0.1}
    ours = {0: 0.52, 1: 0.72, 2: 0.92, 7: 0.9}
    found = paired_difference(ours, hard)
    assert found is not None
    assert found.n == 3
    assert found.mean == pytest.approx(0.02)
    assert found.half_width == pytest.approx(0, abs=1e-12)
    assert found.settled
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_paired_interval_is_that_of_the_paired_t_test():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.7, 0.1, 6), rng.normal(0.6, 0.1, 6)
    found = paired_difference(dict(enumerate(a)), dict(enumerate(b)))
    wanted = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert found is not None
    np.testing.assert_allclose([found.low, found.high], [wanted.low, wanted.high])


def test_barrier_is_measured_over_the_line_between_the_ends():
    assert barrier([0, 0.5, 1], [1.0, 1.7, 2.0]) == pytest.approx(0.2)
    assert barrier([0, 0.5, 1], [1.0, 1.2, 2.0]) == pytest.approx(0.0)
    assert barrier([1, 0.5, 0], [2.0, 1.7, 1.0]) == pytest.approx(0.2)
    assert barrier([0, 0.5, 1], [None, 1.7, 2.0]) is None
    assert barrier([0], [1.0]) is None


def test_final_round_is_the_strategys_last_and_a_cut_off_seed_has_no_say():
    rows = [row(seed, "fedavg", "all", 0.1 * number, number) for seed in (0, 1) for number in (1, 2, 3)]
    rows += [row(2, "fedavg", "all", 0.9, 1), row(0, "ensemble", "all", 0.8, 1)]
    scores = Scores.of(rows)
    assert scores.values("fedavg", "all", "accuracy") == pytest.approx({0: 0.3, 1: 0.3})
    assert scores.values("ensemble", "all", "accuracy") == {0: 0.8}
    assert scores.final_round == {"fedavg": 3, "ensemble": 1}
    assert scores.seeds == (0, 1, 2)


def test_splits_begin_with_all_and_groups_are_averaged_by_seed():
    rows = [
        row(s, f"parent:{c}", split, v) for s in (0, 1) for c, v in (("a", 0.2), ("b", 0.6)) for split in ("a", "all")
    ]
    scores = Scores.of([*rows, row(2, "parent:a", "all", 0.9)])
    assert scores.splits == ("all", "a")
    assert scores.clients == ("a",)
    assert scores.values(("parent:a", "parent:b"), "all", "accuracy") == pytest.approx({0: 0.4, 1: 0.4})
    assert scores.estimate("nobody", "all", "accuracy") is None


def test_null_metrics_are_missing():
    scores = Scores.of([row(0, "fedavg", "all", None), row(1, "fedavg", "all", 0.5)])
    assert scores.values("fedavg", "all", "accuracy") == {1: 0.5}
