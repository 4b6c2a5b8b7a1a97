"""Our closed-form fusion: one rotation of the stream from labelled rows, heads by circuits, then averages."""

from fedot.fusion.align.align import Alignment, align
from fedot.fusion.align.average import average_aligned
from fedot.fusion.canonical.maps import apply_maps, keep_unmatched
from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.problem import FusionProblem


def aligned(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Align every model to the anchor (`fedot.fusion.align.align`) and average them (`fedot.fusion.align.average`)."""
    anchor = problem.anchor
    anchor_evidence = problem.evidence(anchor, config)
    alignments = tuple(
        Alignment({}, {})
        if k == anchor
        else align(
            problem.states[k],
            problem.states[anchor],
            problem.specs[k],
            problem.specs[anchor],
            problem.trust(k, config),
            config,
            problem.evidence(k, config),
            anchor_evidence,
        )
        for k in range(len(problem.states))
    )
    states = tuple(
        keep_unmatched(
            apply_maps(state, spec, alignment.maps),
            problem.states[anchor],
            problem.specs[anchor],
            alignment.couplings,
        )
        for state, spec, alignment in zip(problem.states, problem.specs, alignments, strict=True)
    )
    rows = problem.row_shares(by_count=config.count_rows)
    fused = average_aligned(states, problem.weights, problem.specs[anchor], rows, circuits=config.circuits)
    return Fused(fused, states, alignments)
