"""Which figures are what they seem: the one rule for strategies that ended early and sums that lack a client.

A figure is *final* if its strategy came through all of its rounds without a failure, and *whole* if it is also of all
clients. A mean is only ever taken over seeds of one standing, the best that there is. A difference is taken over seeds
in which both sides are final and of the same clients. Whatever is shown and is not whole, or rests on fewer seeds than
there are, is marked, and a footnote says what is missing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MARK = "\u2020"
"""Stands behind every figure that is not what it seems."""

ONE_ROUND = ("ensemble", "centralised")
"""References that have one round by design, as parents have."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a strategy came in one seed, and which clients its sums lack."""

    reached: int
    wanted: int
    failed: bool = False
    without: tuple[str, ...] = ()

    @property
    def final(self) -> bool:
        """Whether it came through all of its rounds."""
        return self.reached >= self.wanted and not self.failed

    @property
    def rank(self) -> tuple[bool, int, int]:
        """What is shown where seeds stand differently: the greatest."""
        return self.final, self.reached, -len(self.without)

    def told(self) -> str:
        """Say what is missing; nothing where nothing is.

        Examples
        --------
        >>> Standing(1, 3, without=("north",)).told()
        'stopped after round 1 of 3, without north'
        """
        how = "stopped" if self.reached < self.wanted else "failed"
        ended = "" if self.final else f"{how} after round {self.reached} of {self.wanted}"
        lacking = f"without {', '.join(self.without)}" if self.without else ""
        return ", ".join(filter(None, (ended, lacking)))


def standings(
    rows: Iterable[Mapping[str, Any]], rounds: int | None = None, failed: Iterable[tuple[str, int]] = ()
) -> dict[tuple[str, int], Standing]:
    """How each strategy stands in each seed that it has rows of.

    Parameters
    ----------
    rounds
        Of the scenario; the most that any strategy has, if that is not known.
    failed
        Strategies and seeds that ended with a failure.
    """
    rows, ended = list(rows), set(failed)
    wanted = rounds or max((row["round"] for row in rows), default=1)
    last: dict[tuple[str, int], int] = {}
    for row in rows:
        place = (row["strategy"], row["seed"])
        last[place] = max(row["round"], last.get(place, row["round"]))
    lacking = {
        (row["strategy"], row["seed"]): tuple(sorted(row.get("without") or ()))
        for row in rows
        if row["split"] == "all" and row["round"] == last[row["strategy"], row["seed"]]
    }
    return {
        place: Standing(reached, 1 if _has_one_round(place[0]) else wanted, place in ended, lacking.get(place, ()))
        for place, reached in last.items()
    }


def _has_one_round(strategy: str) -> bool:
    return strategy.startswith("parent:") or strategy in ONE_ROUND
