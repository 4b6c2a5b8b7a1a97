"""How a loss runs along the line between two models: the figures that the page's sentence and its plot both tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedot.report.analysis.statistics import Estimate, barrier, dip, estimate

FLAT = 0.005
"""Nats; less would be written as 0.00."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far a loss rises above the straight line between its two ends, and falls below: means over lines, in nats."""

    rise: Estimate
    fall: Estimate

    @property
    def told(self) -> str:
        """What a loss does, as the end of a sentence that begins with it: the greater of the two first.

        Examples
        --------
        >>> course_of([{"alpha": [0, 0.5, 1], "loss": [0.6, 0.5, 0.6]}]).told
        'falls 0.10 nats below the straight line between its two ends'
        """
        up, down = self.rise.mean, self.fall.mean
        parts = [("rises", up, "above")] if up >= FLAT else []
        parts += [("falls", down, "below")] if down >= FLAT else []
        if not parts:
            return "stays on the straight line between its two ends"
        (verb, size, side), *less = sorted(parts, key=lambda part: -part[1])
        more = "".join(f" and {verb} up to {size:.2f} {side} it" for verb, size, side in less)
        return f"{verb} {size:.2f} nats {side} the straight line between its two ends{more}"

    @property
    def short(self) -> str:
        """The greater of the two, signed."""
        up, down = self.rise.mean, self.fall.mean
        return f"+{up:.2f}" if up >= max(down, FLAT) else f"\u2212{down:.2f}" if down >= FLAT else "0.00"


def course_of(lines: Sequence[Mapping[str, Any]]) -> Course | None:
    """How the loss runs along some lines; None where no line has both ends."""
    rise = estimate(barrier(line["alpha"], line["loss"]) for line in lines)
    fall = estimate(dip(line["alpha"], line["loss"]) for line in lines)
    return Course(rise, fall) if rise and fall else None


def lines_by_strategy(results: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Lines that have more than a point, by strategy."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in results.get("lines", []):
        if len(line["alpha"]) > 1:
            found.setdefault(line["strategy"], []).append(line)
    return found
