"""Several runs on one page, with the same table as CSV and LaTeX."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedot.report.analysis.compared_runs import headline_metric, runs_of
from fedot.report.analysis.entries import DASH, Metric, failures_by_strategy
from fedot.report.analysis.findings import joint_findings
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.standing import MARK
from fedot.report.analysis.titles import label_of
from fedot.report.figures.drawing import FORMATS, Drawing, write_drawings
from fedot.report.figures.several_runs import compare_figures
from fedot.report.pages.render import figure_parts, render
from fedot.report.tables.booktabs import Cell, Table, booktabs
from fedot.report.tables.cells import PAIRED_COLUMNS, line_cells, paired_figures
from fedot.report.tables.summary import csv_text
from fedot.report.tables.summary_latex import DISPENSABLE, caption_of
from fedot.storage.atomic import write_bytes

COLUMNS = (
    "run", "strategy", "section", "metric", "mean", "low", "high", "seeds", "baseline", *PAIRED_COLUMNS,
    "bytes_up", "bytes_down", "seconds", "failure", "missing",
)  # fmt: skip


def compare(results: Sequence[tuple[str, Mapping[str, Any]]], out_dir: Path) -> Path:
    """Join runs into `compare.html`, `compare.csv`, `compare.tex` and ``figures/`` (SVG, PDF, PNG).

    Parameters
    ----------
    results
        Each run's title and its results, as `fedot.report.load_results` gives them.
    out_dir
        Created when missing.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FedotError
        If there is no run, tasks differ, or the folder cannot be written to.
    """
    return write_comparison(results, out_dir)[0]


def write_comparison(
    results: Sequence[tuple[str, Mapping[str, Any]]],
    out_dir: Path,
    formats: Sequence[str] = FORMATS,
    columns: int = 2,
) -> tuple[Path, ...]:
    """Do what `compare` does, and give all files that were written, the page first.

    Parameters
    ----------
    formats
        Of the figures.
    columns
        Of a paper, that the LaTeX table takes: 1 or 2.
    """
    runs = runs_of(results)
    metric = headline_metric(runs)
    figures = compare_figures(runs, metric) if metric else ()
    files = {
        out_dir / "compare.html": _page(runs, metric, figures),
        out_dir / "compare.csv": _csv(runs, metric),
        out_dir / "compare.tex": _latex(runs, metric, columns),
    }
    for path, text in files.items():
        write_bytes(path, text.encode())
    return (*files, *write_drawings(figures, out_dir / "figures", formats))


def _page(runs: Sequence[Run], metric: Metric | None, figures: Sequence[Drawing]) -> str:
    cells = [[(entry, line_cells(run, entry, metric)) for entry in run.entries] for run in runs]
    return render(
        "compare.html",
        title=f"{len(runs)} runs compared" if len(runs) > 1 else runs[0].title,
        version=str(runs[-1].results["provenance"].get("fedot", "")),
        facts=[
            ("Task", str(runs[0].results["scenario"].get("task", DASH))),
            ("Runs", str(len(runs))),
            ("Seeds", ", ".join(sorted({str(len(run.scores.seeds)) for run in runs})) + " a run"),
        ],
        findings=joint_findings(runs),
        metric=metric,
        runs=[
            (run, run.results["scenario"], run.results["provenance"], lines, run.winner(metric) if metric else None)
            for run, lines in zip(runs, cells, strict=True)
        ],
        stand_in=[run.title for run in runs if run.results["provenance"].get("stand_in")],
        failures=[
            (run.title, label_of(name, run.results), reason)
            for run in runs
            for name, reasons in failures_by_strategy(run.results).items()
            for reason in reasons
        ],
        notes=_notes(runs, metric),
        bootstrap=any(cell["bootstrap"] not in ("", DASH) for lines in cells for _, cell in lines),
        figures=[figure_parts(figure) for figure in figures],
    )


def _notes(runs: Sequence[Run], metric: Metric | None) -> list[str]:
    """Footnotes of every run, with its title where there are several."""
    found = [(run.title, note) for run in runs if metric for note in run.notes([metric])]
    return [f"{note[: len(MARK)]} {title}, {note[len(MARK) + 1 :]}" if len(runs) > 1 else note for title, note in found]


def _csv(runs: Sequence[Run], metric: Metric | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for run, entry in [(each, entry) for each in runs for entry in each.entries]:
        value = run.estimate(entry, metric) if metric else None
        writer.writerow(
            (
                csv_text(run.title),
                csv_text("+".join(entry.members)),
                entry.kind,
                csv_text(metric.key) if metric else None,
                *((value.mean, value.low, value.high, value.n) if value else (None, None, None, 0)),
                csv_text(run.baseline.members[0]) if run.baseline else None,
                *paired_figures(run.against(entry, metric) if metric else None),
                *(cost.mean if cost else None for cost in run.costs(entry)),
                csv_text(entry.failure),
                csv_text(run.scores.missing(entry.members, "all", metric.key) if metric else ""),
            )
        )
    return text.getvalue()


def _latex(runs: Sequence[Run], metric: Metric | None, columns: int) -> str:
    name = f"{metric.label}{', %' if metric.unit else ''}" if metric else "Result"
    keys = ("difference", "interval", "effect", "seeds", "sent", "received", "seconds")
    header = ("Strategy", name, "Difference", "95 % interval", "Effect", "Seeds", "Sent", "Received", "Time")
    blocks = []
    for run in runs:
        block, best = [], run.winner(metric) if metric else None
        for entry in run.entries:
            cells = line_cells(run, entry, metric)
            figures = [""] * len(keys) if entry.failure else [str(cells[key]) for key in keys]
            value = Cell("failed" if entry.failure else cells["value"], entry is best)
            block.append((Cell(entry.label), value, *map(Cell, figures)))
        blocks.append((run.title, tuple(block)))
    baselines = dict.fromkeys(run.baseline.label for run in runs if run.baseline)
    table = Table(header, tuple(blocks), DISPENSABLE).fitted(columns)
    caption = " ".join([caption_of(table, " or ".join(baselines), "a run's strategies"), *_notes(runs, metric)])
    return booktabs(table, caption, "fedot-comparison", columns)
