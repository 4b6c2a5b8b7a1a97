"""Fill in a page's template file."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fedot.report.figures.svg import PALETTE, STYLE, Figure, draw, legend_mark, visible

TEMPLATES = Path(__file__).parent / "templates"


def render(name: str, **values: Any) -> str:
    """Fill in ``templates/NAME``; every text that is no markup of this project is escaped."""
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["keep"] = lambda text: text.replace(" %", "\u00a0%")
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(PALETTE + STYLE + style)
    return environment


def _shown(value: object) -> object:
    return visible(value) if type(value) is str else value  # `Markup` is what this project wrote


def figure_parts(figure: Figure) -> dict[str, Any]:
    """Draw a figure for the macro `show`."""
    legend = [
        (
            Markup(f'<svg class="plot k-{role}" viewBox="0 0 16 12" aria-hidden="true">{legend_mark(mark)}</svg>'),
            label,
        )
        for role, mark, label in figure.legend
    ]
    width = max(panel.width for panel in figure.panels)
    return {
        "figure": figure,
        "panels": [Markup(draw(panel)) for panel in figure.panels],
        "legend": legend,
        "width": width,
    }
