"""Calibration before and after temperature scaling, as Markdown."""

from collections.abc import Mapping
from typing import Any

from fedot.errors import FedotError
from fedot.report.analysis.entries import METRICS
from fedot.report.analysis.indexed_run import Run
from fedot.report.tables.cells import SCALED, calibration_lines
from fedot.report.tables.summary import markdown_notes, markdown_row


def calibration_markdown(results: Mapping[str, Any]) -> str:
    """Write ECE, Brier score and NLL of every line, as they are and scaled: mean over seeds ± half the 95 % interval.

    Raises
    ------
    FedotError
        If the run has no such figures, as where models are no classifiers.
    """
    run = Run.of(results)
    lines = calibration_lines(run)
    if not lines:
        raise FedotError(
            "this run has no figures of temperature scaling; only classifiers that were evaluated have them"
        )
    header = [
        "Strategy",
        *(METRICS[key].label for pair in SCALED.items() for key in pair),
        "Temperature, mean",
        "Seeds",
    ]
    rows = [[line["entry"].label, *line["cells"], line["temperature"], str(line["seeds"])] for line in lines]
    notes = run.notes([METRICS[key] for key in SCALED.values() if key in run.scores.metrics])
    ruler = markdown_row([":---", *["---:"] * (len(header) - 1)], plain=True)
    return "\n".join([markdown_row(header), ruler, *map(markdown_row, rows), *markdown_notes(notes)]) + "\n"
