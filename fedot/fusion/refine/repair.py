"""Optional second stage: give the neurons of an average back the spread that averaging took from them.

The mean of two unlike neurons varies less than either, and the effect builds up from layer to layer. REPAIR (Jordan
et al., ICLR 2023) rescales every neuron to the mean of what its parents have; norms between the layers of a transformer
do a part of that already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.canonical.groups import matched_groups
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import Probe, activations
from fedot.models import State
from fedot.symmetry import SymmetrySpec


@dataclass(frozen=True, slots=True)
class Repair(Stage):
    """Give the feed-forward neurons of an average back the spread that their parents' have.

    Parameters
    ----------
    probe_texts
        How many texts are drawn from token counts where no probe is given.
    """

    probe_texts: int = whole(256, least=1)


def repair_average(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Repair) -> Fused:
    """Rescale the neurons of the average that was fused."""
    return replace(fused, state=repair(fused.state, fused.aligned, problem, texts.probe(stage.probe_texts)))


def repair(state: State, aligned: Sequence[State], problem: FusionProblem, probe: Probe) -> State:
    """Rescale the feed-forward neurons of an average, layer by layer (equation 3 of the paper).

    Mean and standard deviation of each neuron before its activation, over the tokens of a probe, become the weighted
    means of those in the aligned parents. Weights go in and bias; outgoing weights stay.

    Parameters
    ----------
    state
        The average, in the anchor's basis.
    aligned
        The parents in that basis.
    """
    spec, config = problem.specs[problem.anchor], problem.config_of(problem.anchor)
    names = [name for group in matched_groups(spec) for name in writers(spec, group)]
    goals: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in names}
    for parent in aligned:
        inputs = activations(probe.module(config, to_float32(parent)), probe, names)
        for name in names:
            goals[name].append(_spread(parent, name, inputs[name]))
    out = dict(state)
    for name in names:  # in the order of layers: what a layer reads has been repaired before
        inputs = activations(probe.module(config, to_float32(out)), probe, [name])
        mean, deviation = _spread(out, name, inputs[name])
        wanted_mean, wanted = (
            sum((w * part for w, part in zip(problem.weights, parts, strict=True)), torch.zeros_like(mean))
            for parts in zip(*goals[name], strict=True)
        )
        factor = torch.where(deviation > 0, wanted / deviation.clamp(min=1e-300), 1.0)
        out[f"{name}.weight"] = out[f"{name}.weight"] * factor[:, None]
        if f"{name}.bias" in out:
            out[f"{name}.bias"] = (out[f"{name}.bias"] - mean) * factor + wanted_mean
    return out


def writers(spec: SymmetrySpec, group: str) -> list[str]:
    """Names of the linear maps whose outputs are a neuron group."""
    return [
        name.removesuffix(".weight")
        for name, index in spec.tensors_of(group)
        if name.endswith(".weight") and spec.axes[name][index].role == "write"
    ]


def _spread(state: State, name: str, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a linear map's outputs, (n,) each."""
    out = inputs @ state[f"{name}.weight"].double().T
    if f"{name}.bias" in state:
        out = out + state[f"{name}.bias"].double()
    return out.mean(0), out.std(0)
