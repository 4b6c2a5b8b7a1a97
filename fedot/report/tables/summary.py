"""The summary as a console table, as Markdown, and as CSV."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedot.report.analysis.entries import DASH, PLUS_MINUS, Entry, Metric, failures_by_strategy, marked, shorten
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.titles import base_names, kind_of, section_titles
from fedot.report.tables.cells import PAIRED_COLUMNS, paired_figures
from fedot.report.tables.over_clients import HEADER as HEADER_OVER_CLIENTS
from fedot.report.tables.over_clients import MOST_COLUMNS, shown_splits, spread_cells
from fedot.storage.atomic import write_bytes
from fedot.text.outside import printable

if TYPE_CHECKING:
    from rich.table import Table

MAX_CLIENT_COLUMNS = 2
HEADER = 11
LONGEST_CELL = 2000
NARROWEST_NAME = 22
"""Names are not folded to fewer characters than these."""

EXPENDABLE = ("f1_weighted", "perplexity", "ece", "chrf", "nll")
"""Metrics beside the first, the least important first."""

COLUMNS = (
    "strategy", "section", "round", "split", "metric", "mean", "low", "high", "seeds", *PAIRED_COLUMNS,
    "bytes_up", "bytes_down", "seconds", "missing",
)  # fmt: skip
SIDE_METRICS = ("chrf", "perplexity", "f1_weighted", "nll", "ece")


def summary_table(results: Mapping[str, Any], width: int = 80) -> "Table":
    """Summarise the final round for a console.

    The headline metric is shown over all and for each client; with more than two clients their columns
    become the range of the clients' means. The other metrics are over all. A strategy that failed keeps its
    line and says why. Where not all fits, names are folded between words; what does not fit even then is left
    out from the least important column on, and named below the table.

    Parameters
    ----------
    width
        Columns of the console.
    """
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    run = Run.of(results)
    header = [shorten(column, HEADER) for column in _header(run)]
    rows = [[entry.label, *([] if entry.failure else _cells(run, entry))] for entry in run.entries]
    titles = [title for kind, title in section_titles(results).items() if any(e.kind == kind for e in run.entries)]
    kept, name_width = _fitting(header, [*rows, *([title] for title in titles)], _least_important(run, header), width)
    table = Table(
        title=Text(f"{printable(results['scenario'].get('name', 'results'))}: {_seeds(run)}"),
        box=None,
        padding=(0, 1, 0, 0),
        min_width=min(60, width),
        header_style="bold",
        title_style="bold",
    )
    table.add_column(escape(header[0]), overflow="fold", min_width=name_width)
    for place in kept[1:]:
        table.add_column(escape(header[place]), justify="right", no_wrap=True)
    for kind, title in section_titles(results).items():
        block = [(entry, row) for entry, row in zip(run.entries, rows, strict=True) if entry.kind == kind]
        if block:
            table.add_section()
            table.add_row(Text(title, style="italic dim"))
        for entry, row in block:
            if entry.failure:
                table.add_row(Text(entry.label, style="red"), Text("failed", style="red"))
                continue
            style = "bold" if kind == "ot" else ""
            table.add_row(*(Text(row[place], style=style) for place in kept if place < len(row)))
    left_out = [name for place, name in enumerate(header) if place not in kept]
    room = [f"Left out for want of room: {', '.join(left_out)}. The report has all."] if left_out else []
    reasons = [f"{name} failed: {reason}" for name, found in failures_by_strategy(results).items() for reason in found]
    notes = run.notes([*run.metrics[:1], *_side(run)], shown_splits(run))
    table.caption = Text("\n".join([_caption(run), *room, *notes, *map(printable, reasons)]))
    return table


def _least_important(run: Run, header: Sequence[str]) -> list[int]:
    """Places of the columns that may be left out, in the order in which they are."""
    side = [metric.key for metric in _side(run)]
    first = len(header) - len(side)
    metrics = sorted(range(len(side)), key=lambda k: EXPENDABLE.index(side[k]) if side[k] in EXPENDABLE else -1)
    return [*(first + k for k in metrics), *reversed(range(2, first))]


def _fitting(
    header: Sequence[str], rows: Sequence[Sequence[str]], expendable: Sequence[int], width: int
) -> tuple[list[int], int]:
    """Choose the columns that fit side by side, and the width of the first, in which texts may be folded."""
    from rich.cells import cell_len

    names = [header[0], *(row[0] for row in rows)]
    whole = max(map(cell_len, names))
    words = max(cell_len(word) for name in names for word in name.split())
    folded = min(whole, max(words, NARROWEST_NAME))
    lines = [header, *rows]
    widths = [max(cell_len(each[k]) for each in lines if k < len(each)) for k in range(len(header))]
    kept, dropped = list(range(len(header))), list(expendable)
    while True:
        room = width - sum(widths[place] + 1 for place in kept[1:]) - 1
        if room >= folded or not dropped:
            return kept, max(1, min(whole, room))
        kept.remove(dropped.pop(0))


def summary_markdown(results: Mapping[str, Any]) -> str:
    """Write the same summary as a Markdown table, with every client's column; many have a table of their own."""
    run = Run.of(results)
    clients = min(len(run.scores.clients), MOST_COLUMNS)
    header = _header(run, clients)
    many = run.headline if len(run.scores.clients) > MOST_COLUMNS else None
    rule = [":---", *["---:"] * (len(header) - 1)]
    lines = [markdown_row(header), markdown_row(rule, plain=True)]
    for entry in run.entries:
        label = f"**{markdown_text(entry.label)}**" if entry.kind == "ot" else markdown_text(entry.label)
        cells = ["failed"] + [""] * (len(header) - 2) if entry.failure else _cells(run, entry, clients)
        lines.append(markdown_row([label, *cells], plain=True))
    lines += [
        "",
        markdown_text(f"{results['scenario'].get('name', 'results')}, {_seeds(run)}. {_caption(run)}"),
    ]
    if many:
        lines += ["", *_over_clients(run, many)]
    lines += markdown_notes(run.notes([*run.metrics[:1], *_side(run)], shown_splits(run)))
    if results["provenance"].get("stand_in"):
        lines += ["", "**Made on the built-in stand-in data, not on the real corpus.**"]
    for name, reasons in failures_by_strategy(results).items():
        lines += ["", *(f"{markdown_text(name)} failed: {markdown_text(reason)}" for reason in reasons)]
    return "\n".join(lines) + "\n"


def _over_clients(run: Run, metric: Metric) -> list[str]:
    """Lay out mean, worst, best and spread over clients."""
    named = f"{metric.label}{metric.unit}, over {len(run.scores.clients)} clients"
    rows = [[entry.label, *spread_cells(run, entry, metric)] for entry in run.measured]
    rule = [":---", *["---:"] * len(HEADER_OVER_CLIENTS)]
    return [markdown_row([named, *HEADER_OVER_CLIENTS]), markdown_row(rule, plain=True), *map(markdown_row, rows)]


def write_csv(results: Mapping[str, Any], path: Path) -> Path:
    """Write one line per strategy, split and metric of the final round.

    Mean, interval and seeds; the paired difference to the baseline with both intervals and the effect size; bytes
    and seconds, which are of the whole run whatever the split; and what keeps a figure from being what it seems
    (`fedot.report.analysis.standing`), which is then compared with nothing.
    """
    run, bases = Run.of(results), base_names(results)
    scores, text = run.scores, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in scores.strategies:
        entry = Entry(name, kind_of(name, bases), (name,))
        costs = [cost.mean if cost else None for cost in run.costs(entry)]
        for split, metric in product(scores.splits, run.metrics):
            value = run.estimate(entry, metric, split)
            if value:
                seeds = scores.values(name, split, metric.key)
                number = max(scores.standings[name, seed].reached for seed in seeds)
                place = (csv_text(name), entry.kind, number, csv_text(split), csv_text(metric.key))
                against = paired_figures(run.against(entry, metric, split))
                missing = csv_text(scores.missing(name, split, metric.key))
                writer.writerow((*place, value.mean, value.low, value.high, value.n, *against, *costs, missing))
    write_bytes(path, text.getvalue().encode())
    return path


def _header(run: Run, max_clients: int = MAX_CLIENT_COLUMNS) -> list[str]:
    if run.headline is None:
        return ["Strategy", "Result"]
    first, side = f"{run.headline.label}{run.headline.unit}", [metric.label for metric in _side(run)]
    taken = {name.casefold() for name in ("strategy", run.headline.label, first, *side)}
    clients = run.scores.clients
    own = [f"client {name}" if name.casefold() in taken else name for name in clients]  # one may be called NLL
    return ["Strategy", first, *(own if len(own) <= max_clients else ["clients"]), *side]


def _side(run: Run) -> list[Metric]:
    return [metric for metric in run.metrics[1:] if metric.key in SIDE_METRICS]


def _cells(run: Run, entry: Entry, max_clients: int = MAX_CLIENT_COLUMNS) -> list[str]:
    metric, scores = run.headline, run.scores
    if metric is None:
        return [DASH]
    cells = [run.write(entry, metric)]
    if len(scores.clients) <= max_clients:
        cells += [run.write(entry, metric, client) for client in scores.clients]
    else:
        found = {client: run.estimate(entry, metric, client) for client in scores.clients}
        means = [value.mean for value in found.values() if value]
        text = f"{metric.number(min(means))} to {metric.number(max(means))}" if means else DASH
        odd = next((c for c in found if scores.missing(entry.members, c, metric.key)), scores.clients[0])
        cells.append(marked(text, scores, entry, odd, metric))
    return cells + [run.write(entry, each, interval=False) for each in _side(run)]


def _seeds(run: Run) -> str:
    return f"{len(run.scores.seeds)} seed{'' if len(run.scores.seeds) == 1 else 's'}"


def _caption(run: Run) -> str:
    if not run.metrics:
        return "Nothing was measured."
    if len(run.scores.seeds) < 2:
        return f"{PLUS_MINUS} {DASH}: one seed has no interval. Over all clients unless a column says otherwise."
    return (
        f"Mean {PLUS_MINUS} half the 95 % interval over seeds (Student t). "
        "Over all clients unless a column says otherwise."
    )


def markdown_text(text: str) -> str:
    """Write a text so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", printable(text, LONGEST_CELL))


def markdown_notes(notes: Sequence[str]) -> list[str]:
    """Write footnotes below a table, a paragraph each."""
    return [line for note in notes for line in ("", markdown_text(note))]


def csv_text(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula."""
    shown = printable(text, LONGEST_CELL)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def markdown_row(cells: Sequence[str], plain: bool = False) -> str:
    """Write one row of a Markdown table, its cells escaped unless they are Markdown already."""
    return f"| {' | '.join(cells if plain else map(markdown_text, cells))} |"
