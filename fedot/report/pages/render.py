"""Fill in a page's template file."""

from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import category
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fedot.report.figures.drawing import Drawing, save, whole_figure
from fedot.report.pages.inline_svg import compact, inline, palette
from fedot.text.outside import HIDDEN

TEMPLATES = Path(__file__).parent / "templates"
PLAIN_IN_ADDRESS = " /:;=,()'!*@$?"
"""What may stand in the address of a figure as it is, so that it does not grow threefold."""


def render(name: str, **values: Any) -> str:
    """Fill in ``templates/NAME``; every text that is no markup of this project is escaped."""
    return _environment().get_template(name).render(**values)


def figure_parts(drawing: Drawing) -> dict[str, Any]:
    """Draw a figure for the macro `show`."""
    panels = [inline(panel, f"{drawing.key}-{number}") for number, panel in enumerate(drawing.panels)]
    saved = compact(save(whole_figure(drawing), "svg", drawing.title, drawing.caption).decode())
    return {
        "figure": drawing,
        "panels": panels,
        "width": max(panel.size[0] for panel in drawing.panels),
        "address": f"data:image/svg+xml,{quote(saved, safe=PLAIN_IN_ADDRESS)}",
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters["keep"] = lambda text: text.replace(" %", "\u00a0%")
    environment.globals["style"] = Markup(palette() + (TEMPLATES / "page.css").read_text(encoding="utf-8"))
    return environment


def _visible(value: object) -> object:
    """Put a mark for each letter of a foreign text that nobody sees, or that turns the text around it."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value  # `Markup` is what this project wrote
    return "".join("\ufffd" if letter not in "\n\t" and category(letter) in HIDDEN else letter for letter in value)
