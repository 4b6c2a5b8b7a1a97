"""Small building blocks for figures drawn by hand as SVG.

Figures name roles (`k-ot`, `k-baseline`, ...), never colours, so one drawing serves a light page, a dark page
and print. Every number is written with at most two decimals: the same results give the same bytes.
"""

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category

from fedot.text.outside import HIDDEN

# What XML 1.0 cannot hold at all, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_LIGHT = (
    "--paper:#fff;--ink:#17191e;--ink-2:#545b67;--rule:#c9ced6;--grid:#e9ecf0;"
    "--ot:#1d5fd1;--baseline:#c2540a;--reference:#7b8494;"
    "--s0:#1d5fd1;--s1:#c2540a;--s2:#0b8368;--s3:#a33ea1;--s4:#8a6d00;--s5:#c2334d;--s6:#5b6472;--s7:#277595"
)
_DARK = (
    "--paper:#14161a;--ink:#eceef2;--ink-2:#a7afbc;--rule:#434955;--grid:#272b33;"
    "--ot:#78a9ff;--baseline:#f59a57;--reference:#8d97a8;"
    "--s0:#78a9ff;--s1:#f59a57;--s2:#3fc7a6;--s3:#dd88dc;--s4:#d3b53c;--s5:#ff8496;--s6:#a7afbc;--s7:#79c6e8"
)
PALETTE = (
    f":root{{color-scheme:light dark;{_LIGHT}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}\n"
)
STYLE = """
.plot{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow:visible}
.plot text{fill:var(--ink-2)}
.plot .t{fill:var(--ink);font-weight:600;font-size:13px}
.plot .l{fill:var(--ink)}
.plot .s{font-size:11px}
.plot .n{font-variant-numeric:tabular-nums}
.plot .own{fill:var(--c)}
.plot .grid{stroke:var(--grid)}
.plot .axis{stroke:var(--rule)}
.plot .ref{stroke:var(--ink-2);stroke-dasharray:2 3}
.plot .frame{fill:none;stroke:var(--rule)}
.plot .dot{fill:var(--c);stroke:var(--paper);stroke-width:1.5}
.plot .hollow{fill:var(--paper);stroke:var(--c);stroke-width:2}
.plot .seed{fill:var(--c);opacity:.6}
.plot .whisker{stroke:var(--c);stroke-width:2}
.plot .line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.plot .dash{stroke-dasharray:5 4}
.plot .faint{stroke-width:1;opacity:.4}
.plot .band{fill:var(--c);opacity:.14}
.plot .bar{fill:var(--c);opacity:.85}
.plot .soft{fill:var(--c);opacity:.3}
.plot .cell{fill:var(--ot);shape-rendering:crispEdges}
.k-ot{--c:var(--ot)}.k-baseline{--c:var(--baseline)}.k-reference{--c:var(--reference)}
.k-0{--c:var(--s0)}.k-1{--c:var(--s1)}.k-2{--c:var(--s2)}.k-3{--c:var(--s3)}
.k-4{--c:var(--s4)}.k-5{--c:var(--s5)}.k-6{--c:var(--s6)}.k-7{--c:var(--s7)}
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """Map `low..high` onto pixels `start..end`; values outside are held at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        share = 0.5 if self.high == self.low else (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing: its body in a box of `width` by `height` units, and what it shows in words."""

    width: float
    height: float
    body: str
    label: str


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels that belong together, with the caption that tells how to read them.

    `legend` holds (colour role, mark, text), the mark being one of dot, hollow, seed, line, dash, bar, cell.
    """

    key: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, str, str], ...] = ()


def clean(value: object) -> str:
    """Text that XML can hold and that shows what it is, escaped for content and attributes."""
    return html.escape(visible(_FORBIDDEN.sub("\ufffd", str(value))), quote=True)


def visible(text: str) -> str:
    """Put a mark for each letter of a foreign text that nobody sees, or that turns the text around it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if letter not in "\n\t" and category(letter) in HIDDEN else letter for letter in text)


def px(value: float) -> str:
    """Write a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def text(x: float, y: float, content: object, role: str = "", anchor: str = "start", title: object = "") -> str:
    """Place a line of text; `title` shows on hovering."""
    hover = f"<title>{clean(title)}</title>" if title else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    kind = f' class="{role}"' if role else ""
    return f'<text x="{px(x)}" y="{px(y)}"{place}{kind}>{clean(content)}{hover}</text>'


def line(x1: float, y1: float, x2: float, y2: float, role: str) -> str:
    """Draw a straight line."""
    return f'<line x1="{px(x1)}" y1="{px(y1)}" x2="{px(x2)}" y2="{px(y2)}" class="{role}"/>'


def circle(x: float, y: float, radius: float, role: str, title: object = "") -> str:
    """Draw a dot; `title` shows on hovering."""
    body = f"><title>{clean(title)}</title></circle>" if title else "/>"
    return f'<circle cx="{px(x)}" cy="{px(y)}" r="{px(radius)}" class="{role}"{body}'


def rect(x: float, y: float, width: float, height: float, role: str, title: object = "") -> str:
    """Draw a rectangle; `title` shows on hovering."""
    body = f"><title>{clean(title)}</title></rect>" if title else "/>"
    size = f'width="{px(max(width, 0))}" height="{px(max(height, 0))}"'
    return f'<rect x="{px(x)}" y="{px(y)}" {size} class="{role}"{body}'


def path(points: Sequence[tuple[float, float]], role: str) -> str:
    """Draw a line through points."""
    return f'<path d="M{"L".join(f"{px(x)} {px(y)}" for x, y in points)}" class="{role}"/>' if points else ""


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers inside ``low..high``, about `count` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def tick_label(value: float, all_ticks: Sequence[float]) -> str:
    """Write a tick with as many decimals as its neighbours need."""
    digits = max((len(f"{tick:.6f}".rstrip("0").split(".")[1]) for tick in all_ticks), default=0)
    return f"{value:.{digits}f}".replace("-", "\u2212")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart to at least `gap`, keeping their order and staying near where they belong."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    floor = low
    for index in order:
        placed[index] = floor = max(wanted[index], floor)
        floor += gap
    ceiling = high
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return placed


def draw(panel: Panel, style: str = "") -> str:
    """Turn a panel into an `svg` element for a page."""
    return (
        f'<svg class="plot" viewBox="0 0 {px(panel.width)} {px(panel.height)}" role="img" '
        f'aria-label="{clean(panel.label)}">'
        f"{style}{panel.body}</svg>"
    )


def standalone(figure: Figure, columns: int = 3) -> str:
    """Turn a figure into one SVG file that follows the reader's light or dark theme."""
    width = max(panel.width for panel in figure.panels)
    height = max(panel.height for panel in figure.panels)
    columns = min(columns, len(figure.panels))
    rows = -(-len(figure.panels) // columns)
    total_width, total_height = (
        columns * (width + 16) + 16,
        rows * (height + 16) + 16 + (22 if figure.legend else 0),
    )
    body = [rect(0, 0, total_width, total_height, "paper")]
    for index, panel in enumerate(figure.panels):
        x, y = 16 + index % columns * (width + 16), 16 + index // columns * (height + 16)
        body.append(f'<g transform="translate({px(x)} {px(y)})">{panel.body}</g>')
    x = 16.0
    for role, mark, label in figure.legend:
        body.append(f'<g class="k-{role}">{legend_mark(mark, x, total_height - 24)}</g>')
        body.append(text(x + 20, total_height - 20, label))
        x += 36 + 6.6 * len(label)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="plot" '
        f'viewBox="0 0 {px(max(total_width, x))} {px(total_height)}" '
        f'width="{px(max(total_width, x))}" role="img" aria-label="{clean(figure.title)}">'
        f"<style>{PALETTE}{STYLE}.paper{{fill:var(--paper)}}</style>{''.join(body)}</svg>\n"
    )


def legend_mark(mark: str, x: float = 0, y: float = 6) -> str:
    """Draw a legend's mark in a box 16 wide, centred on `y`."""
    if mark in ("line", "dash"):
        return line(x, y, x + 16, y, "line dash" if mark == "dash" else "line")
    if mark == "bar":
        return rect(x, y - 5, 16, 10, "bar")
    if mark == "cell":
        return rect(x + 3, y - 5, 10, 10, "cell")
    if mark == "whisker":
        return line(x, y, x + 16, y, "whisker") + circle(x + 8, y, 4.5, "dot")
    return circle(x + 8, y, 2.5 if mark == "seed" else 4.5, mark)
