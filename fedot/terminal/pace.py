"""How far a piece of work is, and how long the rest will take, judged by the steps that are over."""

from collections.abc import Sequence
from dataclasses import dataclass, field

KNOWN = 0.05
"""Share of all work that must be over before anything is said of the time left."""

TRUST = 0.5
"""Weight of a new estimate of the time left against the last one, so that it does not jump."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a piece of work.

    Attributes
    ----------
    phase
        What it does, in words.
    work
        How much it is thought to be, in any unit that all steps share; 0 where its time tells nothing of the others'.
    like
        Steps with the same text here take about as long as each other.
    """

    phase: str
    work: float
    like: str = ""


@dataclass(slots=True)
class Pace:
    """Follows steps as they begin; all times are seconds of one clock.

    A step that is left out counts as done when a later one begins.

    Examples
    --------
    >>> pace = Pace([Step("train", 9.0), Step("score", 1.0)], 0.0)
    >>> pace.begin("train", 0.0), pace.begin("score", 90.0)
    (0.0, 9.0)
    >>> pace.share, pace.left(94.0)
    (0.9, 6.0)
    """

    steps: Sequence[Step]
    started: float
    at: int = -1
    began: float = 0.0
    took: dict[str, list[float]] = field(default_factory=dict)
    rate: tuple[float, float] = (0.0, 0.0)
    shown: tuple[float, float] | None = None

    def begin(self, phase: str, now: float) -> float:
        """Begin a step, with which the one before it is over; give the work that is over since the last call.

        A phase that is not among the steps that are still to come changes nothing.
        """
        found = next((k for k, step in enumerate(self.steps) if k > self.at and step.phase == phase), None)
        return 0.0 if found is None else self._move(found, now)

    def end(self, now: float) -> float:
        """End the last step; give the work that is over since the last call."""
        return self._move(len(self.steps), now)

    @property
    def total(self) -> float:
        """All work."""
        return sum(step.work for step in self.steps)

    @property
    def share(self) -> float:
        """Part of the work that is over, 0 to 1."""
        return self._done(self.at) / self.total if self.total else 0.0

    def left(self, now: float) -> float | None:
        """Seconds that the rest will take; None before that can be told."""
        if self.shown is None:
            return None
        at, seconds = self.shown
        return max(0.0, seconds - (now - at))

    def _move(self, to: int, now: float) -> float:
        before = self._done(self.at)
        if 0 <= self.at < len(self.steps) and to == self.at + 1:
            step, seconds = self.steps[self.at], now - self.began
            self.took.setdefault(step.like or step.phase, []).append(seconds)
            if step.work:
                self.rate = (self.rate[0] + seconds, self.rate[1] + step.work)
        last = self.left(now)
        self.at, self.began = to, now
        if self.rate[1] and self.share >= KNOWN:
            fresh = sum(map(self._expected, self.steps[to:]))
            self.shown = (now, fresh if last is None else TRUST * fresh + (1 - TRUST) * last)
        return self._done(to) - before

    def _done(self, at: int) -> float:
        return sum((step.work for step in self.steps[: max(at, 0)]), 0.0)

    def _expected(self, step: Step) -> float:
        """Seconds of a step: the mean of those like it, or else by its work at the pace of all that are over."""
        alike = self.took.get(step.like or step.phase)
        return sum(alike) / len(alike) if alike else step.work * self.rate[0] / self.rate[1]
