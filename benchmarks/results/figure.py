"""The figure of the summary page: a line a study, a mark for what each way of making one model reaches."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.results.placeholders import Files
from benchmarks.results.studies import STUDIES
from benchmarks.results.summary import Row, figures_of
from fedot.report.analysis.entries import METRICS
from fedot.report.figures.drawing import COLOURS, Drawing, Panel, dot, name_line, padded, save, whole_figure

MARKS = {"FedAvg": "baseline", "best client": "s3", "trained on all data": "reference", "OT fusion, default": "ot"}
"""What is drawn, in the order in which one mark may cover another, and its colour."""
TITLE, METRIC = "Accuracy over all clients, %", METRICS["accuracy"]
HOLLOW = "trained on all data"
WIDTH, LABELS, LINE, TOP, FOOT = 720.0, 250.0, 26.0, 34.0, 40.0


def figure(studies: Mapping[str, Files]) -> bytes:
    """Draw the studies that are measured by accuracy as SVG; its description ends with a digest of what it shows."""
    named = [
        (", ".join([STUDIES[name].title, *([values["title"]] if len(files) > 1 else [])]), figures_of(values))
        for name, files in studies.items()
        for values in files.values()
    ]
    rows = [(title, row) for title, row in named if row.metric.key == METRIC.key and any(map(row.figures.get, MARKS))]
    legend = tuple((colour, "hollow" if name == HOLLOW else "dot", name) for name, colour in MARKS.items())
    drawn = whole_figure(Drawing("summary", TITLE, "", (_panel(rows),), legend))
    drawn.patch.set(visible=True, facecolor=COLOURS["paper"])
    return save(drawn, "svg", TITLE, f"Means over seeds. {digest(studies)}")


def digest(studies: Mapping[str, Files]) -> str:
    """Tell one state of the data from another: a digest of every figure of the summary as it is written."""
    told = [
        [name, each, *figures_of(values).cells()] for name, files in studies.items() for each, values in files.items()
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _panel(rows: Sequence[tuple[str, Row]]) -> Panel:
    values = [each.mean * METRIC.scale for _, row in rows for name in MARKS if (each := row.figures[name])]

    def draw(axes: Axes) -> None:
        axes.set(xlim=padded(values or [0.0]), ylim=(len(rows) - 0.5, -0.5))
        axes.yaxis.set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.grid(axis="x")
        for place, (title, row) in enumerate(rows):
            name_line(axes, title, 40, place, -10.0, "ink")
            found = {name: each.mean * METRIC.scale for name in MARKS if (each := row.figures[name])}
            axes.plot([min(found.values()), max(found.values())], [place] * 2, color=COLOURS["rule"], linewidth=2)
            for name, mean in found.items():
                told = f"{title}, {name}: {METRIC.estimate(row.figures[name])}"
                dot(axes, mean, place, MARKS[name], 10.0, name == HOLLOW, told)

    spoken = "; ".join(f"{title}: {', '.join(row.cells())}" for title, row in rows)
    size = (WIDTH, TOP + FOOT + LINE * len(rows))
    return Panel(TITLE, size, (LABELS, TOP, 14.0, FOOT), draw, spoken)
