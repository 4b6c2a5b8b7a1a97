"""The method for those who do not choose: reduction for models that start apart, else aligned averages."""

from dataclasses import replace

from fedot.errors import FedotError
from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.merged import merged
from fedot.fusion.problem import FusionProblem
from fedot.fusion.reduce.wide_model import check_blockable
from fedot.fusion.refine.classifier import refittable

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
    """Replace ``auto`` by what it stands for: ``merged``, or ``aligned``.

    Where models that start apart are averaged, the classifier is fitted anew if they can be run and have counted their
    tokens. Models that come from one global model agree on more than their ensemble knows, so theirs is not.

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
    fits = min(problem.weights) > 0 and not large and refittable(problem.configs, problem.counts.get("vocab", ()))
    return replace(config, method="aligned", refit=config.refit or fits)


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
