"""The summary as a LaTeX table for a paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.report.analysis.entries import PLUS_MINUS, Entry
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.titles import SECTIONS
from fedot.report.tables.booktabs import Cell, Table, booktabs
from fedot.report.tables.cells import line_cells
from fedot.storage.atomic import write_bytes

SIDE_METRICS = ("chrf", "perplexity", "nll", "ece", "ece_scaled")
DISPENSABLE = ("Received", "Sent", "Effect", "Time", "95 % interval", "ECE, scaled", "Seeds")
"""Columns that go where there is no room for all, the first first; `summary.csv` has them all."""

TOLD = {
    "Effect": "effect: Cohen's d for paired values with Hedges' correction",
    "Sent": "sent: by all clients",
    "Received": "received: by all clients",
    "Time": "time: of training and fusion",
}
"""What a caption says of a column, where it is shown."""


def summary_latex(results: Mapping[str, Any], columns: int = 2) -> str:
    """Write every strategy's quality, its paired difference, and what it cost, as a table for booktabs.

    The best mean of each metric among the strategies is bold; references do not compete.

    Parameters
    ----------
    columns
        Of a paper, that the table takes: 1 or 2. Columns for which there is no room are left out.
    """
    run = Run.of(results)
    first, side = run.metrics[:1], tuple(metric for metric in run.metrics[1:] if metric.key in SIDE_METRICS)
    best = {metric: run.winner(metric) for metric in (*first, *side)}
    header = ["Strategy", *(f"{m.label}{', %' if m.unit else ''}" for m in first), "Difference", "95 % interval"]
    header += ["Effect", *(m.label for m in side), "Sent", "Received", "Time", "Seeds"]

    def line(entry: Entry) -> tuple[Cell, ...]:
        if entry.failure:
            return (Cell(entry.label), Cell("failed"), *[Cell("")] * (len(header) - 2))
        cells = {key: Cell(str(text)) for key, text in line_cells(run, entry, run.headline).items()}
        return (
            Cell(entry.label),
            *(Cell(run.write(entry, m), best[m] is entry) for m in first),
            *(cells[key] for key in ("difference", "interval", "effect")),
            *(Cell(run.write(entry, m, interval=False), best[m] is entry) for m in side),
            *(cells[key] for key in ("sent", "received", "seconds", "seeds")),
        )

    blocks = [("", tuple(line(entry) for entry in run.entries if entry.kind == kind)) for kind in SECTIONS]
    table = Table(tuple(header), tuple(block for block in blocks if block[1]), DISPENSABLE).fitted(columns)
    caption = " ".join([_caption(run, table), *run.notes((*first, *side))])
    return booktabs(table, caption, f"fedot-{results['scenario'].get('name', 'results')}", columns)


def write_latex(results: Mapping[str, Any], path: Path, columns: int = 2) -> Path:
    """Write `summary_latex` into a file.

    Raises
    ------
    FedotError
        If the file cannot be written.
    """
    write_bytes(path, summary_latex(results, columns).encode())
    return path


def caption_of(table: Table, compared: str, whose: str) -> str:
    """Say what the columns of a table of results mean, those that it has.

    Parameters
    ----------
    compared
        What differences are to.
    whose
        Whose best is bold.
    """
    told = [f"difference to {compared}, paired by seed" if compared else "no baseline"]
    told[0] += ", with its t interval" if "95 % interval" in table.header and compared else ""
    told += [text for title, text in TOLD.items() if title in table.header]
    told[0] = told[0][0].upper() + told[0][1:]
    costs = " Bytes and time are means per seed, summed over rounds." if {"Sent", "Time"} & {*table.header} else ""
    return (
        f"Over all clients, final round: mean {PLUS_MINUS} half the 95 % interval over seeds (Student t). "
        f"{'; '.join(told)}.{costs} Bold: best of {whose}, references apart, over the seeds that all have."
    )


def _caption(run: Run, table: Table) -> str:
    made_up = " Made on the built-in stand-in data." if run.results["provenance"].get("stand_in") else ""
    told = caption_of(table, run.baseline.label if run.baseline else "", "the strategies")
    return f"{run.results['scenario'].get('name', 'results')}. {told}{made_up}"
