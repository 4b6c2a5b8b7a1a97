import math

import numpy as np
import pytest
from scipy import stats

from fedot.report.analysis.paired import bca_interval, effect_size, paired


def by_seed(values):
    return dict(enumerate(values))


def test_three_seeds_have_a_t_interval_and_no_bootstrap():
    found = paired(by_seed([0.7, 0.8, 0.75]), by_seed([0.6, 0.62, 0.7]))
    wanted = stats.ttest_rel([0.7, 0.8, 0.75], [0.6, 0.62, 0.7]).confidence_interval(0.95)
    assert found.n == 3
    assert found.bootstrap is None
    assert (found.difference.low, found.difference.high) == pytest.approx((wanted.low, wanted.high))


def test_five_seeds_have_both_and_the_same_figures_every_time():
    ours, theirs = by_seed([0.7, 0.8, 0.75, 0.72, 0.9]), by_seed([0.6, 0.62, 0.7, 0.71, 0.7])
    found = paired(ours, theirs)
    assert found == paired(ours, theirs)
    assert found.bootstrap.mean == found.difference.mean
    differences = found.difference.values
    assert min(differences) <= found.bootstrap.low < found.bootstrap.mean < found.bootstrap.high <= max(differences)


def test_bootstrap_covers_the_mean_of_many_values_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = sum(b.low <= 1 <= b.high for b in (bca_interval(tuple(rng.exponential(1, 40))) for _ in range(60)))
    assert 51 <= hits <= 60


def test_equal_differences_have_an_interval_without_width_and_no_effect_size():
    found = bca_interval((0.25,) * 6)
    assert (found.low, found.high) == (0.25, 0.25)
    assert effect_size((0.25,) * 6) is None


def test_effect_size_by_hand():
    values = (1.0, 2.0, 3.0, 4.0)
    factor = math.gamma(1.5) / (math.sqrt(1.5) * math.gamma(1.0))
    assert effect_size(values) == pytest.approx(factor * 2.5 / np.std(values, ddof=1))
    assert factor == pytest.approx(1 - 3 / (4 * 3 - 1), abs=0.005)  # the usual approximation
    assert effect_size(tuple(-v for v in values)) == pytest.approx(-effect_size(values))
    assert effect_size((1.0, 2.0)) is None


def test_the_effect_size_is_unbiased():
    rng = np.random.default_rng(1)
    found = [effect_size(tuple(row)) for row in rng.normal(0.8, 1.0, (8_000, 5))]
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)


def test_no_shared_seed_is_no_comparison():
    assert paired({0: 1.0}, {1: 2.0}) is None
    assert paired({0: 1.0}, {0: 0.5}).difference.low is None
