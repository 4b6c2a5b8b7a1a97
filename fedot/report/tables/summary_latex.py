"""The summary as a LaTeX table for a paper."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.report.analysis.entries import PLUS_MINUS, Entry
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.titles import SECTIONS
from fedot.report.tables.booktabs import Cell, booktabs
from fedot.report.tables.cells import line_cells
from fedot.storage.atomic import write_bytes

SIDE_METRICS = ("chrf", "perplexity", "nll", "ece", "ece_scaled")


def summary_latex(results: Mapping[str, Any]) -> str:
    """Write quality, paired difference, effect size, bytes, seconds and seeds of every strategy with booktabs.

    The best mean of each metric among the strategies is bold; references do not compete.
    """
    run = Run.of(results)
    first, side = run.metrics[:1], tuple(metric for metric in run.metrics[1:] if metric.key in SIDE_METRICS)
    best = {metric: run.winner(metric) for metric in (*first, *side)}
    header = ["Strategy", *(f"{m.label}{', %' if m.unit else ''}" for m in first), "Difference", "95 % interval"]
    header += ["Effect", *(m.label for m in side), "Sent", "Received", "Time", "Seeds"]

    def line(entry: Entry) -> list[Cell]:
        if entry.failure:
            return [Cell(entry.label), Cell("failed"), *[Cell("")] * (len(header) - 2)]
        cells = {key: Cell(str(text)) for key, text in line_cells(run, entry, run.headline).items()}
        return [
            Cell(entry.label),
            *(Cell(run.write(entry, m), best[m] is entry) for m in first),
            *(cells[key] for key in ("difference", "interval", "effect")),
            *(Cell(run.write(entry, m, interval=False), best[m] is entry) for m in side),
            *(cells[key] for key in ("sent", "received", "seconds", "seeds")),
        ]

    blocks = [[line(entry) for entry in run.entries if entry.kind == kind] for kind in SECTIONS]
    caption = " ".join([_caption(run), *run.notes((*first, *side))])
    return booktabs(header, [block for block in blocks if block], caption)


def write_latex(results: Mapping[str, Any], path: Path) -> Path:
    """Write `summary_latex` into a file.

    Raises
    ------
    FedotError
        If the file cannot be written.
    """
    write_bytes(path, summary_latex(results).encode())
    return path


def _caption(run: Run) -> str:
    baseline = run.baseline
    against = f"Difference to {baseline.label}, paired by seed, with its t interval" if baseline else "No baseline"
    made_up = " Made on the built-in stand-in data." if run.results["provenance"].get("stand_in") else ""
    return (
        f"{run.results['scenario'].get('name', 'results')}. Over all clients, final round: mean {PLUS_MINUS} half the "
        f"95 % interval over seeds (Student t). {against}; effect: Cohen's d for paired values with Hedges' "
        f"correction. Sent by and to all clients and time: mean per seed, summed over rounds. Bold: best of the "
        f"strategies, references apart, over the seeds that all have.{made_up}"
    )
