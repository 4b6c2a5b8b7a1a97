"""All files that are made of one run, or of a folder of runs."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.report.figures.drawing import FORMATS
from fedot.report.figures.one_run import write_figures
from fedot.report.pages.run_page import write_report
from fedot.report.tables.summary import write_csv
from fedot.report.tables.summary_latex import write_latex
from fedot.report.write_cards import write_cards

RESULTS = "results.json"


def write_files(
    results: Mapping[str, Any], folder: Path, formats: Sequence[str] = FORMATS, columns: int = 2
) -> tuple[Path, ...]:
    """Write the page, the table as CSV and LaTeX, figures, and cards of checkpoints there; give their paths.

    Parameters
    ----------
    formats
        Of the figures: ``svg``, ``pdf``, ``png``.
    columns
        Of a paper, that the LaTeX table takes: 1 or 2.

    Raises
    ------
    FedotError
        If the folder cannot be written to.
    """
    return (
        write_report(results, folder),
        write_csv(results, folder / "summary.csv"),
        write_latex(results, folder / "summary.tex", columns),
        *write_figures(results, folder / "figures", formats),
        *write_cards(results, folder),
    )


def results_in(path: Path) -> Path:
    """The results that a path means: in a folder the file of that name, else the file itself."""
    return path / RESULTS if os.path.isdir(path) else path


def runs_in(path: Path) -> dict[str, Path]:
    """Find the results that a path means, by title: a file, a run's folder, or a folder of runs as variants leave it.

    Numbers in titles are put in their order.

    Raises
    ------
    FedotError
        If there is no run in a folder.
    """
    if not path.is_dir() or (path / RESULTS).exists():
        file = results_in(path)
        return {file.absolute().parent.name: file}
    found = {each.parent.name: each for each in path.glob(f"*/{RESULTS}")}
    if not found:
        raise FedotError(
            f"{path} has no {RESULTS}, nor has a folder in it; give the output folder of a run, or a folder of such"
        )
    return {title: found[title] for title in sorted(found, key=_in_order)}


def _in_order(title: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", title)]
