"""The plain mean of all weights, neurons as they come (McMahan et al. 2017)."""

from dataclasses import dataclass

from fedot.fusion.align.average import average_aligned
from fedot.fusion.canonical.maps import Alignment
from fedot.fusion.methods.pairwise import check_equal_shapes
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource


@dataclass(frozen=True, slots=True)
class Vanilla(Stage):
    """The plain mean of all weights (McMahan et al. 2017).

    Parameters
    ----------
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    count_rows: bool = True


def vanilla(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Vanilla) -> Fused:
    """Average canonical states without any alignment.

    Rows of labels go by the models' weights, or by counts with `count_rows`. Models must have equal shapes.
    """
    del texts, fused
    check_equal_shapes(problem, "vanilla")
    rows = problem.row_shares(by_count=stage.count_rows)
    spec = problem.specs[problem.anchor]
    mean = average_aligned(problem.states, problem.weights, spec, rows, circuits=False)
    return Fused(mean, tuple(problem.states), (Alignment({}, {}),) * len(problem.states))
