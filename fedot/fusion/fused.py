"""What a fusion method takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedot.fusion.align.align import Alignment
from fedot.fusion.config import FusionConfig
from fedot.fusion.problem import FusionProblem
from fedot.models import State


@dataclass(frozen=True, slots=True)
class Fused:
    """A fused model in canonical form, and how it came about.

    Attributes
    ----------
    state
        The fused tensors, float64, with the labels of the problem's unions.
    config
        A configuration that differs from the anchor's canonical one, or None where it does not.
    aligned
        Every model in the anchor's basis.
    alignments
        One for each model; the anchor's is empty.
    """

    state: State
    aligned: tuple[State, ...]
    alignments: tuple[Alignment, ...]
    config: Any | None = None


Method = Callable[[FusionProblem, FusionConfig], Fused]
