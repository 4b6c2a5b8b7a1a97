"""What every figure is made of: panels, how they are laid out, and the files that come of it.

A figure is one matplotlib `Figure` for a file. A page takes each panel by itself, so that a phone sets them one below
the other. One unit is one point in a file and one pixel in a page.
"""

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from fedot.report.analysis.entries import shorten
from fedot.storage.atomic import write_bytes
from fedot.text.outside import printable

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of its caches is nothing to our users

from matplotlib import style  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402

COLOURS = {
    "paper": "#ffffff", "ink": "#17191e", "ink-2": "#545b67", "rule": "#c9ced6", "grid": "#e9ecf0",
    "ot": "#1d5fd1", "baseline": "#c2540a", "reference": "#7b8494",
    "s2": "#0b8368", "s3": "#a33ea1", "s4": "#8a6d00", "s5": "#c2334d", "s6": "#5b6472", "s7": "#277595",
}  # fmt: skip
"""Colours by what they are for; no two are equal, so that each can be told by its colour."""

CURVES = ("ot", "baseline", "s2", "s3", "s4", "s5", "s6", "s7")
FONT = "DejaVu Sans"  # comes with matplotlib, so that a figure is the same on every machine
FORMATS = ("svg", "pdf", "png")
SETTINGS: Mapping[str, object] = {
    "font.family": [FONT], "font.size": 11.0, "text.parse_math": False, "text.color": COLOURS["ink-2"],
    "axes.spines.left": False, "axes.spines.right": False, "axes.spines.top": False,
    "axes.edgecolor": COLOURS["rule"], "axes.labelcolor": COLOURS["ink-2"], "axes.labelsize": 11.0,
    "axes.axisbelow": True, "axes.formatter.useoffset": False, "axes.formatter.limits": (-9, 9),
    "grid.color": COLOURS["grid"], "grid.linewidth": 1.0,
    "xtick.color": COLOURS["ink-2"], "ytick.color": COLOURS["ink-2"], "xtick.labelsize": 11.0, "ytick.labelsize": 11.0,
    "xtick.major.pad": 5.0, "ytick.major.pad": 6.0,
    "xtick.major.size": 0.0, "ytick.major.size": 0.0, "xtick.minor.size": 0.0,
    "lines.solid_capstyle": "round", "lines.solid_joinstyle": "round", "lines.dashed_pattern": (2.5, 2.0),
    "svg.fonttype": "none", "svg.hashsalt": "fedot", "pdf.fonttype": 42, "figure.dpi": 72, "savefig.dpi": 72,
}  # fmt: skip
GAP, WIDEST, DOTS_PER_INCH = 16.0, 1120.0, 180
HOVER, LONGEST, LINE = "hover:", 10_000, 11.0
_HOVERED = re.compile(rf"<g id=([\"']){HOVER}(.*?)\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing of a figure.

    `size` is its width and height, `margins` are what is left free around the axes: left, top, right, bottom. `label`
    says what is shown, for those who cannot see it. `note` stands below the title, `aside` at the right of it.
    """

    title: str
    size: tuple[float, float]
    margins: tuple[float, float, float, float]
    draw: Callable[[Axes], None]
    label: str
    note: str = ""
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels that belong together, with the caption that tells how to read them.

    `legend` holds (colour, mark, text), the mark being one of dot, hollow, line, dash, bar.
    """

    key: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, str, str], ...] = ()


def hover(text: object) -> str:
    """Give what an artist's `gid` has to be for a text to show on hovering."""
    return HOVER + printable(text, LONGEST)


def words(
    axes: Axes, text: object, at: tuple[float, float], offset: tuple[float, float] = (0.0, 0.0),
    coords: object = "data", color: str = "ink-2", ha: str = "left", title: object = "",
) -> None:  # fmt: skip
    """Write one line of text beside a place of the axes, so many points from it; `title` shows on hovering."""
    axes.annotate(
        printable(text, LONGEST), at, xytext=offset, xycoords=coords, textcoords="offset points",  # type: ignore[arg-type]
        ha=ha, va="center_baseline", color=COLOURS[color], annotation_clip=False,
        gid=hover(title) if title else None,
    )  # fmt: skip


def name_line(axes: Axes, name: str, limit: int, y: float, beside: float, color: str) -> None:
    """Write a line's name at the left of the axes, or at the right if `beside` is positive; a long one on two lines."""
    first, *rest = wrap(printable(name), limit) or [""]
    parts, right = [first, shorten(" ".join(rest), limit)] if rest else [first], beside > 0
    for number, part in enumerate(parts):
        offset = (beside, LINE * ((len(parts) - 1) / 2 - number))
        at, ha = (float(right), y), "left" if right else "right"
        words(axes, part, at, offset, axes.get_yaxis_transform(), color, ha=ha, title=name)


def dot(axes: Axes, x: float, y: float, colour: str, size: float, hollow: bool = False, title: object = "") -> None:
    """Set a mark of so many points across; `title` shows on hovering."""
    paper, ink = COLOURS["paper"], COLOURS[colour]
    axes.plot(
        [x], [y], marker="o", markersize=size, color=paper if hollow else ink, zorder=4, clip_on=False,
        markeredgecolor=ink if hollow else paper, markeredgewidth=2.0 if hollow else 1.5,
        gid=hover(title) if title else None,
    )  # fmt: skip


def small_dots(axes: Axes, xs: Sequence[float], y: float, colour: str, size: float = 3.8, title: object = "") -> None:
    """Set small marks in one line, as of single seeds; `title` shows on hovering."""
    axes.plot(
        xs, [y] * len(xs), linestyle="none", marker="o", markersize=size, markeredgewidth=0.0, color=COLOURS[colour],
        alpha=0.6, clip_on=False, zorder=3, gid=hover(title) if title else None,
    )  # fmt: skip


def padded(values: Sequence[float], low: float | None = None, high: float | None = None) -> tuple[float, float]:
    """Axis limits with air at both ends, inside what is possible."""
    least, most = min(values), max(values)
    pad = (most - least) * 0.06 or abs(least) * 0.05 or 0.05
    start, end = least - pad, most + pad
    return (start if low is None else max(start, low)), (end if high is None else min(end, high))


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the project's style, whatever the user's own settings are, and leave those as they were."""
    with style.context(["default", dict(SETTINGS)]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from|Matplotlib currently does not support")
        yield


def panel_figure(panel: Panel) -> Figure:
    """Draw one panel, without a background."""
    with styled():
        figure = Figure(figsize=(panel.size[0] / 72, panel.size[1] / 72))
        figure.patch.set_visible(False)
        _place(figure, panel, 0.0, 0.0)
    return figure


def whole_figure(drawing: Drawing) -> Figure:
    """Draw all panels side by side, and the legend at the foot."""
    wide, high = (max(panel.size[side] for panel in drawing.panels) + GAP for side in (0, 1))
    columns = min(max(int(WIDEST // wide), 1), len(drawing.panels))
    rows, foot = -(-len(drawing.panels) // columns), 22.0 if drawing.legend else 0.0
    with styled():
        figure = Figure(figsize=((columns * wide + GAP) / 72, (rows * high + GAP + foot) / 72))
        for number, panel in enumerate(drawing.panels):
            _place(figure, panel, GAP + number % columns * wide, GAP + number // columns * high)
        if drawing.legend:
            handles = [legend_mark(colour, mark) for colour, mark, _ in drawing.legend]
            texts = [printable(text, LONGEST) for *_, text in drawing.legend]
            figure.legend(handles, texts, loc="lower left", ncols=len(texts), frameon=False, fontsize=11)
    return figure


def legend_mark(colour: str, mark: str) -> Line2D:
    """Draw a legend's mark."""
    ink, paper = COLOURS[colour], COLOURS["paper"]
    if mark in ("line", "dash"):
        return Line2D([], [], color=ink, linewidth=2, linestyle="--" if mark == "dash" else "-")
    if mark == "bar":
        return Line2D([], [], color=ink, linewidth=8, alpha=0.85, solid_capstyle="butt")
    return Line2D(
        [], [], linestyle="none", marker="o", markersize=8, color=paper if mark == "hollow" else ink,
        markeredgecolor=ink, markeredgewidth=2.0 if mark == "hollow" else 0.0,
    )  # fmt: skip


def save(figure: Figure, kind: str, title: str = "", text: str = "") -> bytes:
    """Write a figure as ``svg``, ``pdf`` or ``png``; equal figures give equal bytes, since no file has a date."""
    told = {
        "svg": {"Title": title, "Description": text, "Date": None, "Creator": None, "Format": None, "Type": None},
        "pdf": {"Title": title, "Subject": text, "CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Title": title, "Description": text, "Software": None},
    }[kind]
    metadata = {key: value and printable(value, LONGEST) for key, value in told.items() if value != ""}
    file = io.BytesIO()
    with styled():
        figure.savefig(file, format=kind, dpi=DOTS_PER_INCH if kind == "png" else 72, metadata=metadata)
    if kind != "svg":
        return file.getvalue()
    return _HOVERED.sub(r"<g><title>\2</title>", file.getvalue().decode()).encode()


def write_drawings(drawings: Sequence[Drawing], folder: Path, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write every figure in each of `formats`, named by its key.

    Raises
    ------
    FedotError
        If the folder cannot be written to.
    """
    paths = []
    for drawing in drawings:
        figure = whole_figure(drawing)
        for kind in formats:
            paths.append(folder / f"{drawing.key}.{kind}")
            write_bytes(paths[-1], save(figure, kind, drawing.title, drawing.caption))
    return tuple(paths)


def _place(figure: Figure, panel: Panel, x: float, y: float) -> None:
    """Draw a panel whose upper left corner lies so many points from the figure's."""
    wide, high = (float(inches) * 72 for inches in figure.get_size_inches())
    left, top, right, bottom = panel.margins
    box = (x + left, high - y - panel.size[1] + bottom, panel.size[0] - left - right, panel.size[1] - top - bottom)
    axes = figure.add_axes((box[0] / wide, box[1] / high, box[2] / wide, box[3] / high))
    axes.patch.set_visible(False)
    panel.draw(axes)
    end = x + panel.size[0] - right
    room = int((panel.size[0] - 70 * bool(panel.aside)) / 7.5)
    figure.text(
        x / wide, 1 - (y + 14) / high, shorten(printable(panel.title), room), color=COLOURS["ink"], fontsize=13,
        fontweight="bold", gid=hover(panel.title),
    )  # fmt: skip
    note = shorten(printable(panel.note), int(panel.size[0] / 6))
    figure.text(x / wide, 1 - (y + 30) / high, note, gid=hover(panel.note))
    figure.text(end / wide, 1 - (y + 14) / high, panel.aside, ha="right")
