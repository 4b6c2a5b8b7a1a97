"""Results as TensorBoard's event files: a run for each strategy and seed, and one with the table and the figures."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.report.analysis.findings import findings
from fedot.report.figures.drawing import save, whole_figure
from fedot.report.figures.one_run import figures
from fedot.report.tables.summary import summary_markdown
from fedot.text.names import file_name
from fedot.tracking.points import curves_of

FOLDER = "tensorboard"
EVENTS = "events.out.tfevents.*"


def write_tensorboard(results: Mapping[str, Any], folder: Path) -> str:
    """Write event files below ``tensorboard/`` in the output folder, in place of those of an earlier run there.

    Returns
    -------
    str
        The command that shows them.

    Raises
    ------
    FedotError
        If the folder cannot be written to.
    """
    from matplotlib.image import imread
    from torch.utils.tensorboard import SummaryWriter

    out = folder / FOLDER
    try:
        for old in out.rglob(EVENTS):
            old.unlink()
        for (strategy, seed), points in curves_of(results).items():
            with SummaryWriter(str(out / file_name(strategy) / f"seed{seed}")) as writer:
                for point in points:
                    writer.add_scalar(point.name, point.value, point.round)
        with SummaryWriter(str(out / "report")) as writer:
            writer.add_text("headline", findings(results).headline)
            writer.add_text("table", summary_markdown(results))
            for drawing in figures(results):
                picture = imread(io.BytesIO(save(whole_figure(drawing), "png")), format="png")
                writer.add_image(drawing.key, picture, dataformats="HWC")
    except OSError as error:
        raise FedotError(f"{out} cannot be written ({error.strerror or type(error).__name__})") from None
    return f'tensorboard --logdir "{out}"'
