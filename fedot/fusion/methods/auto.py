"""The method for those who do not choose: reduction for models that start apart, else aligned averages."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.block import check_blockable
from fedot.fusion.config import FusionConfig
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.merged import merged
from fedot.fusion.methods.types import Fused
from fedot.fusion.outputs import refittable
from fedot.fusion.problem import FusionProblem

OPTIONS_OF_ALIGNMENT = (
    "support",
    "ground_cost",
    "solver",
    "mass",
    "circuits",
    "token_power",
    "class_rows",
    "position_rows",
    "count_rows",
    "scheme",
    "repair",
    "refit",
    "learn_steps",
)


def auto(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Take the method that `choose` names."""
    probed = problem.probe is not None
    return (merged if choose(problem, config, probed=probed) == "merged" else aligned)(problem, config)


def settle(problem: FusionProblem, config: FusionConfig, *, probed: bool, large: bool) -> FusionConfig:
    """Replace ``auto`` by what it stands for: ``merged``, or an `average`.

    Parameters
    ----------
    probed
        Whether there is a probe.
    large
        Whether models are too large to be run.
    """
    if config.method != "auto":
        return config
    if choose(problem, config, probed=probed) == "merged":
        return replace(config, method="merged")
    voters = [k for k, weight in enumerate(problem.weights) if weight > 0]
    counts = problem.counts.get("vocab")
    return average(config, [problem.configs[k] for k in voters], () if counts is None else counts[voters], large=large)


def average(config: FusionConfig, configs: Sequence[Any], counts: Iterable[Tensor], *, large: bool) -> FusionConfig:
    """Choose ``aligned``, with a classifier fitted anew where models can be run and have counted their tokens."""
    return replace(config, method="aligned", refit=config.refit or (refittable(configs, counts) and not large))


def choose(problem: FusionProblem, config: FusionConfig, *, probed: bool) -> str:
    """Name ``merged`` where it can be had, ``aligned`` otherwise; no tensor is looked at.

    Models that come from one global model (the anchor, which then has no vote) share a basis already; so they
    are averaged. A reduction needs something to probe with, and models that `check_blockable` lets pass. Who sets
    an option of the alignment wants an alignment.

    Parameters
    ----------
    probed
        Whether there is a probe.
    """
    default = FusionConfig()
    chosen = any(getattr(config, name) != getattr(default, name) for name in OPTIONS_OF_ALIGNMENT)
    if chosen or problem.weights[problem.anchor] == 0 or not (probed or problem.counts):
        return "aligned"
    try:
        for k in range(len(problem.weights)):
            check_blockable(problem.config_of(k))
    except FedotError:
        return "aligned"
    return "merged"
