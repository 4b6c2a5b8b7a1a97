"""Where the processors' time of a process goes: seconds by the kind of work, each second counted once.

Work within other work is counted for itself. What a process does before `started` is its start, and what is done in no
part is the rest of `Spent.total`.
"""

import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

STARTING = "starting"
PARTS = (
    *(STARTING, "reading", "tokenising", "training", "packing", "checking"),
    *("aligning", "reducing", "averaging", "evaluating", "writing"),
)
"""Kinds of work, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What processes have spent since they were asked last.

    Attributes
    ----------
    seconds
        Processor seconds by kind of work.
    total
        All processor seconds.
    clock
        Seconds by the clock, of whoever asked.
    peaks
        Largest resident set of each process so far, in bytes, by process id.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    total: float = 0.0
    clock: float = 0.0
    peaks: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Watch:
    """The process's own watch, and what others have told of theirs."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    open: list[str] = field(default_factory=lambda: [STARTING])
    mark: float = 0.0
    taken: float = 0.0
    others: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    peaks: dict[int, int] = field(default_factory=dict)

    def switch(self) -> None:
        """Give the seconds since the last switch to the innermost part."""
        now = time.process_time()
        if self.open:
            self.seconds[self.open[-1]] += now - self.mark
        self.mark = now


_WATCH = _Watch()


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Count what is done here as one of `PARTS`; usable before a function, too.

    Examples
    --------
    >>> started()
    >>> with timed("packing"):
    ...     _ = sum(range(1000))
    >>> take().seconds["packing"] > 0
    True
    """
    _WATCH.switch()
    _WATCH.open.append(part)
    try:
        yield
    finally:
        _WATCH.switch()
        _WATCH.open.pop()


def started() -> None:
    """Say that a process has started, and begins with its work; again it changes nothing."""
    if STARTING in _WATCH.open:
        _WATCH.switch()
        _WATCH.open.remove(STARTING)


def take() -> Spent:
    """What was spent since the last call, here and by those who were added."""
    _WATCH.switch()
    own = {os.getpid(): resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)}
    now, total = time.perf_counter(), _WATCH.mark - _WATCH.taken + _WATCH.others
    spent = Spent(dict(_WATCH.seconds), total, now - _WATCH.began, {**_WATCH.peaks, **own})
    _WATCH.seconds.clear()
    _WATCH.taken, _WATCH.others, _WATCH.began = _WATCH.mark, 0.0, now
    return spent


def add(spent: Spent) -> None:
    """Count what another process has spent as if it were done here."""
    for part, seconds in spent.seconds.items():
        _WATCH.seconds[part] += seconds
    _WATCH.others += spent.total
    _WATCH.peaks.update(spent.peaks)
