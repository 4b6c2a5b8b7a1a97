"""A panel as it stands in a page: its colours are the page's, which follow light and dark, and so is its font."""

import re
from html import escape

from markupsafe import Markup

from fedot.report.figures.drawing import COLOURS, FONT, LONGEST, Panel, panel_figure, save
from fedot.text.outside import printable

DARK = {
    "paper": "#14161a", "ink": "#eceef2", "ink-2": "#a7afbc", "rule": "#434955", "grid": "#272b33",
    "ot": "#78a9ff", "baseline": "#f59a57", "reference": "#8d97a8",
    "s2": "#3fc7a6", "s3": "#dd88dc", "s4": "#d3b53c", "s5": "#ff8496", "s6": "#a7afbc", "s7": "#79c6e8",
}  # fmt: skip
"""The dark page's colours; the light page has those of the files."""

VARIABLES = {**{colour: f"var(--{name})" for name, colour in COLOURS.items()}, f"'{FONT}'": "var(--font)"}
_SEEN = re.compile("|".join(map(re.escape, VARIABLES)))
_TAG = re.compile(r"<[^<>]+>")  # matplotlib writes < and > in texts as entities, so that these are tags
_IDENTIFIER = re.compile(r' id="([^"]*)"|xlink:href="#([^"]*)"|url\(#([^)]*)\)')
_PLACES = re.compile(r'( d| x| y|points)="([^"]*)"')


def palette() -> str:
    """Write the colours of both pages as variables of CSS."""
    light, dark = (";".join(f"--{name}:{colour}" for name, colour in each.items()) for each in (COLOURS, DARK))
    return (
        f":root{{color-scheme:light dark;{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    )


def inline(panel: Panel, name: str) -> Markup:
    """Draw a panel as an `svg` element; `name` makes its identifiers differ from those of the page's others."""
    drawn = save(panel_figure(panel), "svg").decode()
    drawn = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
    drawn = re.sub("<(metadata|style).*?</\\1>", "", drawn, flags=re.DOTALL)
    used = {found for match in _IDENTIFIER.findall(drawn) for found in match[1:] if found}

    def named(match: re.Match[str]) -> str:
        own, linked, clip = match.groups()
        if own is not None:
            return f' id="{name}-{own}"' if own in used else ""
        return f'href="#{name}-{linked}"' if linked else f"url(#{name}-{clip})"

    def of_the_page(match: re.Match[str]) -> str:
        tag = _SEEN.sub(lambda seen: VARIABLES[seen[0]], _IDENTIFIER.sub(named, match[0]))
        tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
        return tag

    body = _TAG.sub(of_the_page, drawn)
    body = compact(body)
    width, height = panel.size
    return Markup(
        f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(printable(panel.label, LONGEST))}">{body}</svg>'
    )


def compact(drawn: str) -> str:
    """Write an SVG in fewer letters: coordinates with two decimals at most, no line breaks, nothing before its tag."""
    drawn = drawn[max(drawn.find("<svg"), 0) :]
    short = _TAG.sub(lambda tag: _PLACES.sub(lambda place: f'{place[1]}="{_short(place[2])}"', tag[0]), drawn)
    return re.sub(r"\n\s*", "", short)


def _short(numbers: str) -> str:
    """Write coordinates with two decimals at most."""
    return re.sub(r"(\.\d\d)\d+", r"\1", " ".join(numbers.split()))
