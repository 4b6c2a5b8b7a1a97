"""A fusion while it is under way: what a stage takes and gives."""

from dataclasses import dataclass
from typing import Any

from fedot.fusion.canonical.maps import Alignment
from fedot.models import State


@dataclass(frozen=True, slots=True)
class Fused:
    """A fused model in canonical form, and how it came about.

    Attributes
    ----------
    state
        The fused tensors, float64, with the labels of the problem's unions; empty until models are averaged or reduced.
    aligned
        Every model in the anchor's basis; empty where none was brought there.
    alignments
        One for each model; the anchor's is empty.
    config
        A configuration that differs from the anchor's canonical one, or None where it does not.
    """

    state: State
    aligned: tuple[State, ...] = ()
    alignments: tuple[Alignment, ...] = ()
    config: Any | None = None
