"""Where models cannot be brought into one basis: the anchor's model as it is, for a second stage to teach."""

from dataclasses import dataclass

from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource


@dataclass(frozen=True, slots=True)
class AnchorAlone(Stage):
    """Begin with the anchor's model; nothing of the others is in it yet."""


def anchor_alone(problem: FusionProblem, texts: TextSource, fused: Fused, stage: AnchorAlone) -> Fused:
    """Give the anchor's model as it came."""
    del texts, fused, stage
    return Fused(problem.states[problem.anchor], config=problem.config_of(problem.anchor))
