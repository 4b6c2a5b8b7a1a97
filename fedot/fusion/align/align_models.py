"""Bring every model into the anchor's basis, and tell how well each fits."""

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align import masses as neuron_masses
from fedot.fusion.align import supports as neuron_supports
from fedot.fusion.align.activations import Evidence, measure
from fedot.fusion.align.align import align
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.diagnostics import Diagnostics, diagnose
from fedot.fusion.canonical.groups import matched_groups, streams_of
from fedot.fusion.canonical.maps import Alignment, apply_maps, keep_unmatched
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State


def align_models(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Align) -> Fused:
    """Align every model to the anchor (`fedot.fusion.align.align`); none of them is averaged yet."""
    anchor = problem.states[problem.anchor]
    evidence = evidence_of(problem, texts, problem.anchor, stage)
    found = [
        (anchor, Alignment({}, {})) if k == problem.anchor else aligned_to(problem, texts, k, stage, anchor, evidence)
        for k in range(len(problem.states))
    ]
    states, alignments = zip(*found, strict=True)
    return Fused(fused.state, states, alignments, fused.config)


def aligned_to(
    problem: FusionProblem, texts: TextSource, model: int, stage: Align, anchor: State, evidence: Evidence
) -> tuple[State, Alignment]:
    """Align one model to the anchor's state, of which there is that evidence."""
    state, spec, home = problem.states[model], problem.specs[model], problem.specs[problem.anchor]
    ground, own = common_ground(problem, model, stage), evidence_of(problem, texts, model, stage)
    alignment = align(state, anchor, spec, home, ground, stage, own, evidence)
    return keep_unmatched(apply_maps(state, spec, alignment.maps), anchor, home, alignment.couplings), alignment


def common_ground(problem: FusionProblem, source: int, stage: Align) -> dict[str, Tensor]:
    """How far each label is common ground of a model and the anchor, (rows,): 0 where one lacks it.

    Positions count where the option says so, and where all other rows are too few to fix the widest stream.
    """
    spec, out = problem.specs[problem.anchor], {}
    rows = sum(len(union.labels) for name, union in problem.unions.items() if name != "position")
    few = rows < max((spec.groups[name].size for name in streams_of(spec)), default=0)
    for name, union in problem.unions.items():
        common = union.present(source) * union.present(problem.anchor)
        used = {"class": stage.class_rows, "position": stage.position_rows or few}.get(name, True)
        out[name] = common if used else torch.zeros_like(common)
        if name in problem.counts:
            least = torch.minimum(problem.counts[name][source], problem.counts[name][problem.anchor])
            if bool(least.any()):
                out[name] = common * least**stage.token_power
    return out


def evidence_of(problem: FusionProblem, texts: TextSource, model: int, stage: Align) -> Evidence:
    """What the chosen mass and support need to know of a model's neurons beyond its weights.

    Raises
    ------
    FedotError
        If they need a probe or counts, and there are none.
    """
    spec, groups = problem.specs[model], matched_groups(problem.specs[model])
    activations: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}
    own: dict[str, Tensor] = {}
    if stage.support in neuron_supports.ON_PROBE or stage.mass in neuron_masses.ON_PROBE:
        probe = texts.probe(stage.probe_texts)
        module = probe.module(problem.config_of(model), problem.states[model])
        activations, gradients = measure(module, probe, spec, groups)
    if stage.mass == "token-count":
        if model not in problem.counted():
            raise FedotError(f"the mass token-count needs token counts, but model {model} has none")
        drawn = texts.drawn(model, 128, 0)
        own, _ = measure(drawn.module(problem.config_of(model), problem.states[model]), drawn, spec, groups)
    return Evidence(activations, gradients, own, problem.masses[model] if problem.masses else {})


def diagnostics_of(problem: FusionProblem, fused: Fused, stage: Align) -> tuple[Diagnostics, ...]:
    """Compare every aligned model with the anchor; empty where no model was brought into another's basis."""
    if not fused.aligned:
        return ()
    anchor, spec = fused.aligned[problem.anchor], problem.specs[problem.anchor]
    return tuple(
        Diagnostics({}, 1.0)
        if k == problem.anchor
        else diagnose(aligned, anchor, problem.specs[k], spec, alignment, common_ground(problem, k, stage))
        for k, (aligned, alignment) in enumerate(zip(fused.aligned, fused.alignments, strict=True))
    )
