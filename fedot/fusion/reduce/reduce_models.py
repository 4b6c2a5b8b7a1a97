"""Our fusion by reduction: all models side by side, reduced to the size of one on texts drawn from token counts.

Averages keep what models agree on. Where clients know different things (two languages), they should rather be
kept apart inside one model: the block model does that, and most of its width turns out to be spare.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from fedot.fusion.align.align import check_planes
from fedot.fusion.canonical.labels import LabelUnion
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, number, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.reduce.reduce import FEW, reduce_block
from fedot.fusion.reduce.wide_model import block_config, block_sum, check_blockable, equal_streams
from fedot.fusion.texts.probe import ROWS
from fedot.terminal.stopwatch import timed


@dataclass(frozen=True, slots=True)
class Reduce(Stage):
    """Put all models side by side, and reduce the result to the size of one.

    Parameters
    ----------
    size
        Widths of the result relative to the anchor's; from the sum of all widths on the result is the wide model.
    at_once
        How many models are put side by side at a time; more of them are reduced in a tree
        (`fedot.fusion.reduce.tree`).
    probe_texts
        Of how many texts drawn from token counts a quarter is taken for each model, where no probe is given.
    """

    size: float = number(1.0)
    at_once: int = whole(4, least=2)
    probe_texts: int = whole(256, least=1)


@timed("reducing")
def reduce_models(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Reduce) -> Fused:
    """Put the models side by side (`fedot.fusion.reduce.wide_model`) and reduce them (`fedot.fusion.reduce.reduce`).

    Raises
    ------
    FedotError
        If the models are post-norm, or not of one of fedot's architectures, or have rotary heads of unequal size, or
        there is nothing to probe with.
    """
    voters = problem.voters()
    configs = [problem.config_of(k) for k in voters]
    specs = [problem.specs[k] for k in voters]
    for each, spec in zip(configs, specs, strict=True):
        check_blockable(each)
        check_planes(spec, problem.specs[problem.anchor])
    probe = texts.probe(texts_to_measure(stage.probe_texts, len(voters))).packed(ROWS)
    states = [
        equal_streams(problem.states[k], spec, each, probe.thinned(FEW))
        for k, spec, each in zip(voters, specs, configs, strict=True)
    ]
    weights = [problem.weights[k] for k in voters]
    confidence = {
        name: row_confidence(union, voters, problem.counts.get(name)) for name, union in problem.unions.items()
    }
    block = block_sum(states, specs, configs, weights, confidence)
    target = target_config(problem.widths or problem.config_of(problem.anchor), configs, stage.size)
    state, reduced = reduce_block(block, specs, configs, target, probe)
    return Fused(state, fused.aligned, fused.alignments, reduced)


def texts_to_measure(probe_texts: int, models: int) -> int:
    """How many texts the stream is measured on: a quarter of `probe_texts` for each model, at most all."""
    return max(1, probe_texts * min(models, 4) // 4)


def row_confidence(union: LabelUnion, models: list[int], counts: Tensor | None) -> Tensor:
    """How far each model is to be believed on each row, (K, rows): 1 for the one that knows it best.

    The square root of a count is the inverse of the standard error of what was learnt from it.
    """
    present = torch.stack([union.present(k) for k in models])
    if counts is None:
        return present
    seen = counts[models]
    most = seen.max(0).values
    return torch.where(most > 0, (seen / most.clamp(min=1e-300)).sqrt(), present)


def target_config(anchor: Any, configs: list[Any], size: float) -> Any:
    """The anchor's configuration scaled by `size`, at most as wide as all models together."""
    whole = block_config(configs)
    heads = max(1, round(size * anchor.n_head))
    if heads * anchor.d_head >= whole.n_head * whole.d_head:
        heads, d_head = whole.n_head, whole.d_head
    else:
        d_head = anchor.d_head
    return replace(
        anchor,
        d_model=min(max(1, round(size * anchor.d_model)), whole.d_model),
        n_head=heads,
        d_head=d_head,
        d_ff=min(max(1, round(size * anchor.d_ff)), whole.d_ff),
    )
