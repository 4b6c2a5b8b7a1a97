"""Live progress on the console: one line that changes on a terminal, else a line a step."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fedot.terminal.logs import is_json
from fedot.terminal.pace import Pace
from fedot.text.outside import printable

BAR = 20
LONGEST_NAME = 24


@contextmanager
def track(name: str, pace: Pace, *, visible: bool, patience: float = 0.0) -> Iterator[Callable[[str], float]]:
    """Show what is running, how much of the work is over, the time gone and the time left.

    Call the result with the phase of each step when it begins; it gives the work that is over since the last call.
    Where the output is no terminal, each step is one plain line instead; where the log is written as JSON, nothing is
    shown, since the log says it.

    Parameters
    ----------
    patience
        Seconds before anything is shown, and at least so long between two plain lines.
    """
    console, shown = Console(stderr=True), printable(name)
    plain = visible and not console.is_terminal and not is_json()
    started = last = time.monotonic()
    phase = "starting"

    def draw() -> Text:
        now = time.monotonic()
        if now - started < patience:
            return Text()
        return line(console.width, shown, phase, pace.share, now - started, pace.left(now))

    def begin(to: str) -> float:
        nonlocal phase, last
        now = time.monotonic()
        work, phase = pace.begin(to, now), printable(to)
        if plain and now - last >= patience:
            last = now
            left = pace.left(now)
            rest = "" if left is None else f" ({about(left)} left)"
            told = f"{shown}: {100 * pace.share:3.0f} % {phase}{rest}"
            console.print(told, highlight=False, markup=False, soft_wrap=True)
        if live.is_started:
            live.refresh()
        return work

    live = Live(get_renderable=draw, console=console, refresh_per_second=4, transient=patience > 0)
    if not visible or plain or is_json():
        yield begin
    else:
        with live:
            yield begin
            pace.end(time.monotonic())
            phase = "done"


def line(width: int, name: str, phase: str, share: float, gone: float, left: float | None) -> Text:
    """Write the line that changes; where it is too narrow for all, the least important parts are left out.

    Parameters
    ----------
    width
        Characters of the terminal.
    share
        Part of the work that is over, 0 to 1.
    gone, left
        Seconds; None where the time left is not known.

    Examples
    --------
    >>> line(60, "trial", "seed 1: fedavg, round 2", 0.5, 61.0, 40.0).plain
    'trial  50 % seed 1: fedavg, round 2 1:01 about 40 s left'
    >>> line(40, "trial", "seed 1: fedavg, round 2", 0.5, 61.0, 40.0).plain
    ' 50 % seed 1: fedavg, round 2 1:01'
    """
    rest = "" if left is None or share >= 1 else f"{about(left)} left"
    full = round(BAR * share)
    parts = {
        "name": Text(_cut(name, LONGEST_NAME), "bold"),
        "bar": Text("\u2501" * full, "green") + Text("\u2501" * (BAR - full), "dim"),
        "share": Text(f"{100 * share:3.0f} %", "magenta"),
        "phase": Text(phase),
        "gone": Text(clock(gone), "dim"),
        "left": Text(rest, "cyan"),
    }
    kept = ["share", "phase"]
    for part in ("left", "gone", "name", "bar"):
        if _width(parts, [*kept, part]) < width:
            kept.append(part)
    room = width - 1 - _width(parts, [part for part in kept if part != "phase"]) - 1
    parts["phase"] = Text(_cut(phase, max(room, 1)))
    return Text(" ").join(parts[part] for part in parts if part in kept and parts[part].plain)


def about(seconds: float) -> str:
    """Say a time that nobody knows exactly.

    Examples
    --------
    >>> about(4.0), about(38.0), about(150.0), about(4000.0), about(90000.0)
    ('a few s', 'about 40 s', 'about 3 min', 'about 1 h 5 min', 'about 25 h')
    """
    if seconds < 10:
        return "a few s"
    if seconds < 55:
        return f"about {10 * round(seconds / 10)} s"
    minutes = max(1, round(seconds / 60 + 1e-9))
    if minutes < 60:
        return f"about {minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"about {hours} h {rest} min" if rest and hours < 10 else f"about {round(minutes / 60)} h"


def clock(seconds: float) -> str:
    """Write a time as a clock does.

    Examples
    --------
    >>> clock(61.4), clock(3723.0)
    ('1:01', '1:02:03')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _width(parts: dict[str, Text], names: Sequence[str]) -> int:
    found = [cell_len(parts[name].plain) for name in names if parts[name].plain]
    return sum(found) + len(found) - 1


def _cut(text: str, cells: int) -> str:
    return text if cell_len(text) <= cells else set_cell_size(text, max(cells - 1, 0)).rstrip() + "\u2026"
