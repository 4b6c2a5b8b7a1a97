"""Fit the classifier of a fused model to what its parents say of texts that were drawn from their token counts.

Luo et al. (2021, CCVR, arXiv:2106.05001) found that the last layer suffers most from averaging, and fit it anew on
features drawn from class statistics of the clients. Here texts are drawn from token counts, and labels are what
the parents say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.reduce.layers import refit_linear
from fedot.fusion.texts.probe import ROWS, activations
from fedot.models import symmetry
from fedot.symmetry import Axis, SymmetrySpec

OUTPUT_RIDGE = 1.0
"""How firmly the classifier is held in its refit; chosen on validation data (docs/results.md)."""


@dataclass(frozen=True, slots=True)
class Refit(Stage):
    """Fit the classifier to the parents' gated ensemble on drawn texts.

    Parameters
    ----------
    probe_texts
        How many texts are drawn for two models, in proportion for more (`texts_to_fit`).
    """

    probe_texts: int = whole(256, least=1)


def refittable(configs: Sequence[Any], counts: Iterable[Tensor]) -> bool:
    """Whether a classifier can be fitted: all models are classifiers of fedot, and each has counted its tokens."""
    counted = [bool(count.any()) for count in counts]
    return all(hasattr(config, "n_class") for config in configs) and len(counted) == len(configs) and all(counted)


def check_refittable(problem: FusionProblem) -> None:
    """Refuse models that have no classifier to fit, or nothing to fit it on, by all of a problem but its tensors.

    Raises
    ------
    FedotError
        If a model is no classifier of fedot, or one has no token counts.
    """
    if not refittable(problem.configs, problem.counts.get("vocab", ())):
        raise FedotError(
            "fusion.refit fits the classifier of encoders on texts drawn from token counts, but these models have no "
            "classes or no counts; set it to false, or pass `token_counts`"
        )


def texts_to_fit(probe_texts: int, models: int) -> int:
    """How many texts the classifier is fitted on: `probe_texts` for two models, in proportion for more.

    A stream is seen anew at every token; whose data a text comes from, only once a text.
    """
    return probe_texts * max(2, models) // 2


def classifier_of(config: Any) -> str:
    """Name of the linear map whose outputs are the classes; it has constants (`has_constants`)."""
    [name] = _constants(symmetry(config))
    return name.removesuffix(".bias")


def has_constants(spec: SymmetrySpec) -> bool:
    """Whether a classifier has a bias, by which each class can be made more or less likely; GPT-2's has none."""
    return bool(_constants(spec))


def _constants(spec: SymmetrySpec) -> list[str]:
    return [name for name, axes in spec.axes.items() if axes == (Axis(("class",), "write"),)]


def refit_classifier(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Refit) -> Fused:
    """Fit the classifier to the parents' gated ensemble on texts drawn anew (`texts_to_fit`), or on the given probe."""
    state, config = fused.state, fused.config or problem.config_of(problem.anchor)
    number = texts_to_fit(stage.probe_texts, len(problem.voters()))
    probe = texts.probe(number, seed=1).packed(ROWS)
    teacher = gated_ensemble(problem)
    said = torch.cat([teacher(*batch) for batch in probe.batches]).double()
    said = said - said.mean(1, keepdim=True)
    name = classifier_of(config)
    inputs = activations(probe.module(config, to_float32(state)), probe, [name])[name]
    outputs = inputs @ state[f"{name}.weight"].T + state[f"{name}.bias"]
    level = outputs.mean(1, keepdim=True)  # which no probability depends on; it stays
    return replace(fused, state=refit_linear(state, name, inputs, said + level, OUTPUT_RIDGE))
