"""The summary as a console table, as Markdown, and as CSV."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedot.report.headline import baseline_of
from fedot.report.progress import costs_of
from fedot.report.results import write_atomically
from fedot.report.sections import PAIRED_COLUMNS, paired_figures, paired_of
from fedot.report.statistics import Scores
from fedot.report.svg import shorten
from fedot.report.views import (
    DASH,
    PLUS_MINUS,
    SECTIONS,
    Entry,
    Metric,
    base_names,
    entries_of,
    failures_by_strategy,
    finished,
    footnotes,
    kind_of,
    marked,
    metrics_of,
)
from fedot.text.outside import printable

if TYPE_CHECKING:
    from rich.table import Table

MAX_CLIENT_COLUMNS = 2
HEADER = 11
LONGEST_CELL = 2000
COLUMNS = (
    "strategy", "section", "round", "split", "metric", "mean", "low", "high", "seeds", *PAIRED_COLUMNS,
    "bytes_up", "bytes_down", "seconds", "missing",
)  # fmt: skip
SIDE_METRICS = ("chrf", "perplexity", "f1_weighted", "nll", "ece")


def summary_table(results: Mapping[str, Any]) -> "Table":
    """Summarise the final round for a console of 80 columns.

    The headline metric is shown over all and for each client; with more than two clients their columns
    become the range of the clients' means. The other metrics are over all. A strategy that failed keeps its
    line and says why.
    """
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    scores = Scores.of_results(results)
    header = _header(scores)
    table = Table(
        title=Text(f"{printable(results['scenario'].get('name', 'results'))}: {_seeds(scores)}"),
        caption=Text(_caption(scores)),
        box=None,
        padding=(0, 1, 0, 0),
        min_width=60,
        header_style="bold",
        title_style="bold",
    )
    name, *figures = (escape(shorten(column, HEADER)) for column in header)
    table.add_column(name, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    entries = entries_of(results, scores)
    for kind, title in SECTIONS.items():
        block = [entry for entry in entries if entry.kind == kind]
        if block:
            table.add_section()
            table.add_row(Text(title, style="italic dim"))
        for entry in block:
            if entry.failure:
                table.add_row(Text(entry.label, style="red"), Text("failed", style="red"))
                continue
            style = "bold" if kind == "ot" else ""
            table.add_row(*(Text(cell, style=style) for cell in (entry.label, *_cells(scores, entry))))
    reasons = [f"{name} failed: {reason}" for name, found in failures_by_strategy(results).items() for reason in found]
    notes = footnotes(scores, entries, _shown(scores), scores.splits)
    table.caption = Text("\n".join([_caption(scores), *notes, *map(printable, reasons)]))
    return table


def summary_markdown(results: Mapping[str, Any]) -> str:
    """Write the same summary as a Markdown table, with every client's column."""
    scores = Scores.of_results(results)
    header = _header(scores, len(scores.clients))
    rule = [":---", *["---:"] * (len(header) - 1)]
    lines = [markdown_row(header), markdown_row(rule, plain=True)]
    entries = entries_of(results, scores)
    for entry in entries:
        label = f"**{_markdown(entry.label)}**" if entry.kind == "ot" else _markdown(entry.label)
        cells = ["failed"] + [""] * (len(header) - 2) if entry.failure else _cells(scores, entry, len(scores.clients))
        lines.append(markdown_row([label, *cells], plain=True))
    lines += [
        "",
        _markdown(f"{results['scenario'].get('name', 'results')}, {_seeds(scores)}. {_caption(scores)}"),
    ]
    lines += markdown_notes(footnotes(scores, entries, _shown(scores), scores.splits))
    if results["provenance"].get("stand_in"):
        lines += ["", "**Made on the built-in stand-in data, not on the real corpus.**"]
    for name, reasons in failures_by_strategy(results).items():
        lines += ["", *(f"{_markdown(name)} failed: {_markdown(reason)}" for reason in reasons)]
    return "\n".join(lines) + "\n"


def write_csv(results: Mapping[str, Any], path: Path) -> Path:
    """Write one line per strategy, split and metric of the final round.

    Mean, interval and seeds; the paired difference to the baseline with both intervals and the effect size; bytes
    and seconds, which are of the whole run whatever the split; and what keeps a figure from being what it seems
    (`fedot.report.standing`), which is then compared with nothing.
    """
    scores, bases = Scores.of_results(results), base_names(results)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    singles = [Entry(name, kind_of(name, bases), (name,)) for name in scores.strategies]
    baseline = baseline_of(results, finished(scores, singles))
    for entry in singles:
        costs = [cost.mean if cost else None for cost in costs_of(scores, results["rows"], entry)]
        for split, metric in product(scores.splits, metrics_of(scores)):
            value = scores.estimate(entry.members, split, metric.key)
            if value:
                number = max(
                    scores.standings[entry.label, seed].reached for seed in _seeds_of(scores, entry, split, metric)
                )
                place = (csv_text(entry.label), entry.kind, number, csv_text(split), csv_text(metric.key))
                against = paired_figures(paired_of(scores, entry, baseline, metric, split))
                missing = csv_text(scores.missing(entry.members, split, metric.key))
                writer.writerow((*place, value.mean, value.low, value.high, value.n, *against, *costs, missing))
    return write_atomically(path, text.getvalue())


def _header(scores: Scores, max_clients: int = MAX_CLIENT_COLUMNS) -> list[str]:
    metrics = metrics_of(scores)
    if not metrics:
        return ["Strategy", "Result"]
    first, side = f"{metrics[0].label}{metrics[0].unit}", [metric.label for metric in _side(metrics)]
    taken = {name.casefold() for name in ("strategy", metrics[0].label, first, *side)}
    own = [f"client {name}" if name.casefold() in taken else name for name in scores.clients]  # one may be called NLL
    return ["Strategy", first, *(own if len(own) <= max_clients else ["clients"]), *side]


def _side(metrics: Sequence[Metric]) -> list[Metric]:
    return [metric for metric in metrics[1:] if metric.key in SIDE_METRICS]


def _cells(scores: Scores, entry: Entry, max_clients: int = MAX_CLIENT_COLUMNS) -> list[str]:
    metrics = metrics_of(scores)
    if not metrics:
        return [DASH]
    first = metrics[0]

    def cell(split: str) -> str:
        return marked(first.estimate(scores.estimate(entry.members, split, first.key)), scores, entry, split, first)

    cells = [cell("all")]
    if len(scores.clients) <= max_clients:
        cells += map(cell, scores.clients)
    else:
        found = {client: scores.estimate(entry.members, client, first.key) for client in scores.clients}
        means = [value.mean for value in found.values() if value]
        text = f"{first.number(min(means))} to {first.number(max(means))}" if means else DASH
        odd = next((c for c in found if scores.missing(entry.members, c, first.key)), scores.clients[0])
        cells.append(marked(text, scores, entry, odd, first))
    for metric in _side(metrics):
        value = scores.estimate(entry.members, "all", metric.key)
        cells.append(marked(metric.number(value.mean) if value else DASH, scores, entry, "all", metric))
    return cells


def _shown(scores: Scores) -> list[Metric]:
    """The metrics of a table, the headline metric first."""
    metrics = list(metrics_of(scores))
    return [*metrics[:1], *_side(metrics)]


def _seeds_of(scores: Scores, entry: Entry, split: str, metric: Metric) -> list[int]:
    return list(scores.values(entry.members, split, metric.key))


def _seeds(scores: Scores) -> str:
    return f"{len(scores.seeds)} seed{'' if len(scores.seeds) == 1 else 's'}"


def _caption(scores: Scores) -> str:
    metrics = metrics_of(scores)
    if not metrics:
        return "Nothing was measured."
    if len(scores.seeds) < 2:
        return f"{PLUS_MINUS} {DASH}: one seed has no interval. Over all clients unless a column says otherwise."
    return (
        f"Mean {PLUS_MINUS} half the 95 % interval over seeds (Student t). "
        "Over all clients unless a column says otherwise."
    )


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", printable(text, LONGEST_CELL))


def markdown_notes(notes: Sequence[str]) -> list[str]:
    """Write footnotes below a table, a paragraph each."""
    return [line for note in notes for line in ("", _markdown(note))]


def csv_text(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula."""
    shown = printable(text, LONGEST_CELL)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def markdown_row(cells: Sequence[str], plain: bool = False) -> str:
    """Write one row of a Markdown table, its cells escaped unless they are Markdown already."""
    return f"| {' | '.join(cells if plain else map(_markdown, cells))} |"
