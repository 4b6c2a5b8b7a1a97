"""Where a run's time went, by round: a table for the page and the console."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedot.report.analysis.entries import DASH, quantity
from fedot.report.analysis.titles import base_names, label_of
from fedot.terminal.stopwatch import PARTS

if TYPE_CHECKING:
    from rich.table import Table

MOST_LINES = 40
"""So many steps have a line each; of more, the rounds of a strategy share one."""

OTHER = "other"


@dataclass(frozen=True, slots=True)
class TimingTable:
    """Names of columns, and a line for each step; the last is of all together."""

    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def timing_lines(results: Mapping[str, Any]) -> TimingTable | None:
    """Lay out the timings of a run; None where it has none.

    Examples
    --------
    >>> step = {"seed": 0, "step": "fedavg", "round": 1, "clock": 2.0, "processor": 3.0, "seconds": {"training": 2.5}}
    >>> step["peak_bytes"] = {"server": 3_000_000_000}
    >>> found = timing_lines({"timings": [step], "scenario": {"strategies": ["fedavg"]}})
    >>> found.header, found.lines[0]
    (('Step', 'clock', 'training', 'other', 'memory'), ('FedAvg, round 1', '2.0', '2.5', '0.5', '3 GB'))
    """
    entries = results.get("timings") or []
    if not entries:
        return None
    used = [part for part in PARTS if any(entry["seconds"].get(part, 0.0) >= 0.05 for entry in entries)]
    seeds = {entry["seed"] for entry in entries}
    steps: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        steps.setdefault(_name(entry, results, len(seeds) > 1, len(entries) > MOST_LINES), []).append(entry)
    lines = [_line(name, found, used) for name, found in steps.items()]
    if len(lines) > 1:
        lines.append(_line("all", entries, used))
    return TimingTable(("Step", "clock", *used, OTHER, "memory"), tuple(lines))


def timing_table(timings: TimingTable) -> "Table":
    """Lay the same out for a console."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text("Where time went: processor seconds of all processes"), box=None, padding=(0, 1, 0, 0))
    for place, name in enumerate(timings.header):
        table.add_column(Text(name), justify="right" if place else "left", overflow="fold")
    for line in timings.lines:
        table.add_row(*map(Text, line))
    return table


def _name(entry: Mapping[str, Any], results: Mapping[str, Any], several: bool, short: bool) -> str:
    step = str(entry["step"])
    if step in {*base_names(results), "fedavg-shared-init"}:
        step = label_of(step, results) + ("" if short else f", round {entry['round']}")
    return f"seed {entry['seed']}: {step}" if several and not short else step


def _line(name: str, entries: Sequence[Mapping[str, Any]], parts: Iterable[str]) -> tuple[str, ...]:
    spent = {part: sum(entry["seconds"].get(part, 0.0) for entry in entries) for part in parts}
    known = sum(sum(entry["seconds"].values()) for entry in entries)
    other = max(0.0, sum(entry["processor"] for entry in entries) - known)
    memory = max(sum((entry.get("peak_bytes") or {}).values()) for entry in entries)
    clock = sum(entry["clock"] for entry in entries)
    return (name, *(f"{value:.1f}" for value in (clock, *spent.values(), other)), quantity(memory) if memory else DASH)
