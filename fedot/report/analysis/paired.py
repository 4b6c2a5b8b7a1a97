"""Paired comparison of two strategies over seeds: difference, two intervals, effect size."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedot.report.analysis.statistics import LEVEL, Estimate, paired_difference

FEWEST_FOR_BOOTSTRAP = 5
FEWEST_FOR_EFFECT = 3
RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Paired:
    """How one strategy differs from another on the seeds that both have.

    `difference` has Student's t interval. `bootstrap` has the same mean with the bootstrap interval, None with
    fewer than five seeds, which can be redrawn in too few ways. `effect` is the
    mean difference in standard deviations of the differences, corrected for few seeds; None with fewer than
    three seeds or where all differences are equal.
    """

    difference: Estimate
    bootstrap: Estimate | None
    effect: float | None

    @property
    def n(self) -> int:
        """Number of seeds that both have."""
        return self.difference.n


def paired(ours: Mapping[Any, float], theirs: Mapping[Any, float]) -> Paired | None:
    """Compare figures by seed; None if no seed has both."""
    difference = paired_difference(ours, theirs)
    if difference is None:
        return None
    return Paired(difference, bca_interval(difference.values), effect_size(difference.values))


def effect_size(differences: Sequence[float]) -> float | None:
    """Cohen's d_z, unbiased: mean over standard deviation, times Hedges' factor (Hedges 1981, equation 6e).

    The factor is Γ(m/2) / (√(m/2) Γ((m-1)/2)) for m = n - 1 degrees of freedom; it is 0 for n = 2, so at least
    three differences are needed.
    """
    if len(differences) < FEWEST_FOR_EFFECT:
        return None
    values = np.asarray(differences, dtype=np.float64)
    deviation = float(values.std(ddof=1))
    if deviation <= 1e-12 * max(float(np.abs(values).max()), 1e-300):
        return None
    m = len(values) - 1
    factor = math.exp(math.lgamma(m / 2) - math.lgamma((m - 1) / 2)) / math.sqrt(m / 2)
    return factor * float(values.mean()) / deviation


def bca_interval(differences: Sequence[float]) -> Estimate | None:
    """Bias-corrected and accelerated bootstrap of the mean (Efron 1987); None with fewer than five values.

    Equal values give an interval without width. The draws are seeded, so that a report can be made again.
    """
    if len(differences) < FEWEST_FOR_BOOTSTRAP:
        return None
    values = np.asarray(differences, dtype=np.float64)
    mean = math.fsum(differences) / len(differences)
    if float(np.ptp(values)) == 0:
        return Estimate(mean, mean, mean, tuple(differences))
    from scipy.stats import bootstrap  # half a second; most reports never need it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy warns where BCa has no answer, which is looked at below
        found = bootstrap(
            (values,), np.mean, confidence_level=LEVEL, n_resamples=RESAMPLES, method="BCa",
            random_state=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return None
    return Estimate(mean, float(found.low), float(found.high), tuple(differences))
