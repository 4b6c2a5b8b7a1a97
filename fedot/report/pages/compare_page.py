"""Several runs on one page, with the same table as CSV and LaTeX."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedot.report.analysis.compared_runs import Line, Run, headline_metric, lines_of, runs_of
from fedot.report.analysis.entries import DASH, PLUS_MINUS, Metric, duration, failures_by_strategy, footnotes, quantity
from fedot.report.analysis.standing import MARK
from fedot.report.analysis.titles import label_of
from fedot.report.figures.drawing import write_drawings
from fedot.report.figures.several_runs import compare_figures
from fedot.report.pages.render import figure_parts, render
from fedot.report.tables.booktabs import Cell, booktabs
from fedot.report.tables.paired_and_calibration import PAIRED_COLUMNS, paired_cells, paired_figures
from fedot.report.tables.summary import csv_text
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
    runs = runs_of(results)
    metric = headline_metric(runs)
    lines = tuple(lines_of(run, metric) for run in runs)
    figures = compare_figures(runs, lines, metric) if metric else ()
    page = out_dir / "compare.html"
    write_bytes(page, _page(runs, lines, metric, figures).encode())
    write_bytes(out_dir / "compare.csv", _csv(lines, metric).encode())
    write_bytes(out_dir / "compare.tex", _latex(runs, lines, metric).encode())
    write_drawings(figures, out_dir / "figures")
    return page


def _page(runs: Sequence[Run], lines: Sequence[Sequence[Line]], metric: Metric | None, figures: Sequence[Any]) -> str:
    provenance = [run.results["provenance"] for run in runs]
    return render(
        "compare.html",
        title=f"{len(runs)} runs compared" if len(runs) > 1 else runs[0].title,
        version=str(provenance[-1].get("fedot", "")),
        facts=[
            ("Task", str(runs[0].results["scenario"].get("task", DASH))),
            ("Runs", str(len(runs))),
            ("Seeds", ", ".join(sorted({str(len(run.scores.seeds)) for run in runs})) + " a run"),
        ],
        metric=metric,
        runs=[
            {
                "title": run.title,
                "question": run.results["scenario"].get("question") or "",
                "stand_in": bool(run.results["provenance"].get("stand_in")),
                "incomplete": not run.results["provenance"].get("complete", True),
                "baseline": run.baseline.label if run.baseline else DASH,
                "clients": run.clients,
                "seeds": ", ".join(map(str, run.scores.seeds)) or DASH,
                "rounds": run.results["scenario"].get("rounds", 1),
                "command": run.results["provenance"].get("command") or DASH,
                "commit": run.results["provenance"].get("commit") or DASH,
                "lines": [_cells(line, metric) for line in mine],
            }
            for run, mine in zip(runs, lines, strict=True)
        ],
        stand_in=[run.title for run in runs if run.results["provenance"].get("stand_in")],
        failures=[
            (run.title, label_of(name, run.results), reason)
            for run in runs
            for name, reasons in failures_by_strategy(run.results).items()
            for reason in reasons
        ],
        notes=_notes(runs, metric),
        bootstrap=any(line.against and line.against.bootstrap for mine in lines for line in mine),
        figures=[figure_parts(figure) for figure in figures],
    )


def _notes(runs: Sequence[Run], metric: Metric | None) -> list[str]:
    """Footnotes of every run, with its title where there are several."""
    found = [(run.title, note) for run in runs if metric for note in footnotes(run.scores, run.entries, [metric])]
    return [f"{note[: len(MARK)]} {title}, {note[len(MARK) + 1 :]}" if len(runs) > 1 else note for title, note in found]


def _cells(line: Line, metric: Metric | None) -> dict[str, Any]:
    """Write one line's figures for people."""
    mark = MARK if line.missing else ""
    return {
        "entry": line.entry,
        "value": f"{metric.estimate(line.value)}{mark}" if metric else DASH,
        "best": line.best,
        "seeds": line.value.n if line.value else 0,
        **paired_cells(metric, line.against),
        "sent": f"{quantity(line.sent.mean)}{mark}" if line.sent else DASH,
        "received": f"{quantity(line.received.mean)}{mark}" if line.received else DASH,
        "seconds": f"{duration(line.seconds.mean)}{mark}" if line.seconds else DASH,
    }


def _csv(lines: Sequence[Sequence[Line]], metric: Metric | None) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in (line for mine in lines for line in mine):
        value = line.value
        baseline = line.run.baseline.members[0] if line.run.baseline else None
        writer.writerow(
            (
                csv_text(line.run.title),
                csv_text("+".join(line.entry.members)),
                line.entry.kind,
                csv_text(metric.key) if metric else None,
                *((value.mean, value.low, value.high, value.n) if value else (None, None, None, 0)),
                csv_text(baseline) if baseline else None,
                *paired_figures(line.against),
                *(cost.mean if cost else None for cost in (line.sent, line.received, line.seconds)),
                csv_text(line.entry.failure),
                csv_text(line.missing),
            )
        )
    return text.getvalue()


def _latex(runs: Sequence[Run], lines: Sequence[Sequence[Line]], metric: Metric | None) -> str:
    name = f"{metric.label}{', %' if metric.unit else ''}" if metric else "Result"
    header = ["Run", "Strategy", name, "Difference", "95 % interval", "Effect", "Seeds", "Sent", "Received", "Time"]
    blocks = []
    for run, mine in zip(runs, lines, strict=True):
        block = []
        for place, line in enumerate(mine):
            cells = _cells(line, metric)
            found = [cells[key] for key in ("difference", "interval", "effect", "seeds", "sent", "received", "seconds")]
            figures = ["failed", *[""] * 7] if line.entry.failure else [cells["value"], *map(str, found)]
            block.append(
                [
                    Cell(run.title if place == 0 else ""),
                    Cell(line.entry.label),
                    *(Cell(text, best=line.best and at == 0) for at, text in enumerate(figures)),
                ]
            )
        blocks.append(block)
    baselines = dict.fromkeys(run.baseline.label for run in runs if run.baseline)
    caption = (
        f"Over all clients, final round: mean {PLUS_MINUS} half the 95 % interval over seeds (Student t). Difference "
        f"to {', '.join(baselines) or 'no baseline'}, paired by seed, with its t interval; effect: Cohen's d for "
        "paired values with Hedges' correction. Sent by and to all clients and time: mean per seed, summed over "
        "rounds. Bold: best of a run's strategies, references apart, over the seeds that all have."
    )
    caption = " ".join([caption, *_notes(runs, metric)])
    return booktabs(header, blocks, caption, names=2)
