"""The plain mean of all weights, neurons as they come (McMahan et al. 2017)."""

from fedot.fusion.align.align import Alignment
from fedot.fusion.align.average import average_aligned
from fedot.fusion.config import FusionConfig
from fedot.fusion.fused import Fused
from fedot.fusion.methods.pairwise import check_equal_shapes
from fedot.fusion.problem import FusionProblem


def vanilla(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Average canonical states without any alignment.

    Rows of labels go by the models' weights, or by counts with `count_rows`. Models must have equal shapes.
    """
    check_equal_shapes(problem, "vanilla")
    rows = problem.row_shares(by_count=config.count_rows)
    spec = problem.specs[problem.anchor]
    fused = average_aligned(problem.states, problem.weights, spec, rows, circuits=False)
    return Fused(fused, problem.states, (Alignment({}, {}),) * len(problem.states))
