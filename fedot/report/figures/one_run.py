"""Every figure of one run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fedot.report.figures.between_models import lines_figure
from fedot.report.figures.by_strategy import cost_figure, scores_figure
from fedot.report.figures.confusion import confusion_figure
from fedot.report.figures.couplings_and_fits import couplings_figure, fits_figure
from fedot.report.figures.curves import rounds_figure
from fedot.report.figures.drawing import FORMATS, Drawing, write_drawings
from fedot.report.figures.learning import learning_figure
from fedot.report.figures.reliability import reliability_figure

MAKERS = (
    scores_figure, confusion_figure, lines_figure, rounds_figure, reliability_figure, couplings_figure, fits_figure,
    learning_figure, cost_figure,
)  # fmt: skip


def figures(results: Mapping[str, Any]) -> tuple[Drawing, ...]:
    """Every figure that the results have data for."""
    return tuple(drawing for maker in MAKERS if (drawing := maker(results)) is not None)


def write_figures(results: Mapping[str, Any], folder: Path, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write every figure as SVG, PDF and PNG, or what of these is wanted, for a paper, a README or slides."""
    return write_drawings(figures(results), folder, formats)
