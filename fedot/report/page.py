"""What every page is made of: style, macros, and the environment that fills in a template.

Templates are Python files, since Flower's app bundles carry no HTML.
"""

from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from fedot.report.svg import PALETTE, STYLE, Figure, draw, legend_mark, visible

MACROS = """{% macro head(title, version) %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="fedot {{ version }}">
<link rel="icon" href="data:,">
<title>{{ title }}</title>
<style>
{{ style }}
</style>
</head>
{%- endmacro %}
{% macro scroll(label) %}
<div class="scroll" role="region" tabindex="0" aria-label="{{ label }}">{{ caller() }}</div>
{% endmacro %}
{% macro mark(kind) %}<span class="mark k-{{ kind }}" aria-hidden="true"></span>{% endmacro %}
{% macro show(item, level=2) %}
<figure id="{{ item.figure.key }}" aria-labelledby="{{ item.figure.key }}-title">
<h{{ level }} id="{{ item.figure.key }}-title">{{ item.figure.title }}</h{{ level }}>
{% if item.legend %}
<ul class="legend">{% for symbol, label in item.legend %}<li>{{ symbol }}{{ label }}</li>{% endfor %}</ul>
{% endif %}
<div class="panels{{ " small" if item.width < 300 }}" style="--w:{{ (item.width * (0.9 if item.width > 300 else 1.05 if item.width > 200 else 0.86))|round|int }}px;--m:{{ (item.width * 1.12)|round|int }}px">
{% for panel in item.panels %}
{{ panel }}
{% endfor %}
</div>
<figcaption>{{ item.figure.caption }}</figcaption>
</figure>
{% endmacro %}
"""

PAGE_STYLE = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:3.5rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
main,header .in,nav ul,footer{width:100%;max-width:1180px;margin:0 auto;padding:0 clamp(1rem,4vw,2.5rem)}
header{padding:clamp(1.75rem,5vw,3.5rem) 0 1.25rem}
p,ul.points,figcaption,.note{max-width:74ch}
a{color:var(--ot);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--ot);outline-offset:2px}
.over{margin:0 0 .6rem;color:var(--ink-2);font-size:.875rem}
.over b{color:var(--ink);font-weight:600}
h1{margin:0;max-width:26ch;font-size:clamp(1.65rem,4.2vw,2.6rem);line-height:1.16;letter-spacing:-.02em;font-weight:650;text-wrap:balance}
h2{margin:3.25rem 0 .75rem;font-size:1.375rem;line-height:1.25;letter-spacing:-.01em}
h3{margin:2.25rem 0 .5rem;font-size:1.0625rem;line-height:1.3}
.facts{display:flex;flex-wrap:wrap;gap:.7rem 2rem;margin:1.5rem 0 0}
.facts div{min-width:0}.facts dt{font-size:.8125rem;color:var(--ink-2)}.facts dd{margin:0;font-size:.9375rem}
nav{position:sticky;top:0;z-index:2;background:var(--paper);border-block:1px solid var(--grid)}
nav ul{display:flex;gap:1.4rem;overflow-x:auto;list-style:none;padding-block:.55rem;scrollbar-width:none}
nav a{color:var(--ink-2);text-decoration:none;font-size:.875rem;white-space:nowrap}nav a:hover{color:var(--ink);text-decoration:underline}
.banner{margin:1.25rem 0 0;padding:.9rem 1.1rem;border:2px solid var(--baseline);border-radius:6px;max-width:none;background:color-mix(in srgb,var(--baseline) 12%,var(--paper))}
.banner strong{display:block;font-size:1.0625rem}
.headline{margin:2rem 0 1rem;font-size:clamp(1.15rem,2.6vw,1.5rem);line-height:1.4;font-weight:550;max-width:52ch;letter-spacing:-.008em;text-wrap:pretty}
ul.points{margin:0;padding-left:1.15rem;color:var(--ink-2)}ul.points li{margin:.3rem 0}
.scroll{overflow-x:auto;max-width:100%;margin:.75rem 0}
table{border-collapse:collapse;font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;color:var(--ink-2);padding-bottom:.6rem;font-size:.875rem}
.cap{display:block;position:sticky;left:0;max-width:min(74ch,100vw - 2*clamp(1rem,4vw,2.5rem))}
th,td{padding:.36rem .55rem;text-align:right;white-space:nowrap;font-weight:400;vertical-align:baseline}
th:first-child,td:first-child{text-align:left;padding-left:0;position:sticky;left:0;background:var(--paper);z-index:1}
thead th{font-weight:600;border-bottom:1.5px solid var(--ink);vertical-align:bottom;white-space:normal}
tbody tr+tr>*{border-top:1px solid var(--grid)}
tbody+tbody>tr:first-child>*{border-top:1px solid var(--rule)}
.section th{padding-top:.9rem;color:var(--ink-2);font-size:.8125rem}
.pm{color:var(--ink-2);font-size:.9em}
.best{font-weight:700}.ours th{font-weight:600}.fail{color:var(--ink-2);font-style:italic;text-align:left}
td.wrap{white-space:normal;min-width:14rem}th.left,td.left{text-align:left}table.narrow{width:auto;min-width:min(100%,32rem)}
tbody th.m{padding-left:1.15em}.mark{position:absolute;left:0;top:.9em;width:.6em;height:.6em;border-radius:50%;background:var(--c)}
.mark.k-reference{background:none;box-shadow:inset 0 0 0 2px var(--c)}
figure{margin:2.75rem 0 0}
figure h3{margin:0 0 .75rem}
figcaption{color:var(--ink-2);font-size:.875rem;margin-top:.85rem}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.25rem;list-style:none;margin:0 0 .9rem;padding:0;font-size:.8125rem;color:var(--ink-2)}
.legend svg{width:16px;height:12px;margin-right:.45em;vertical-align:-1px}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--w)),1fr));gap:1.5rem 1.75rem}
.panels svg{display:block;width:100%;height:auto;max-width:var(--m)}
details{margin:1rem 0}summary{cursor:pointer;font-weight:600;font-size:.9375rem}
pre{overflow-x:auto;max-width:100%;margin:.75rem 0;padding:.9rem 1.1rem;font:.8125rem/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:color-mix(in srgb,var(--ink) 5%,var(--paper));border-radius:6px}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
dl.pairs{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1.5rem;font-size:.875rem;margin:.75rem 0}
dl.pairs dt{color:var(--ink-2)}dl.pairs dd{margin:0;overflow-wrap:anywhere}
footer{color:var(--ink-2);font-size:.8125rem;margin-top:4rem;padding-block:1.25rem 3rem}
@media (max-width:560px){th,td{padding-inline:.5rem}h2{margin-top:2.5rem}.small{grid-template-columns:1fr 1fr;gap:1.25rem 1rem}dl.pairs{grid-template-columns:1fr;gap:0}dl.pairs dd{margin-bottom:.6rem}
th:first-child,td:first-child{min-width:8.2rem;max-width:10.5rem;white-space:normal}}
@media print{nav,.skip{display:none}body{font-size:10pt}main,header .in,footer{max-width:none;padding:0}h2,h3{break-after:avoid}
figure,.banner,tr,pre{break-inside:avoid}.scroll{overflow:visible}table{font-size:7.5pt}th,td{padding:.2rem .22rem}.section th{font-size:inherit}.cap{font-size:8.5pt}.mark{top:.55em}
pre{white-space:pre-wrap;border:1px solid #bbb}.panels{grid-template-columns:repeat(auto-fit,minmax(calc(var(--w)*.72),1fr))}details>*{display:block}}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.4rem .8rem;z-index:3}
"""


@cache
def page_template(text: str) -> Template:
    """Compile a page; it may use the macros, and `style` is there."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters["keep"] = lambda text: text.replace(" %", "\u00a0%")
    environment.globals["style"] = Markup(PALETTE + STYLE + PAGE_STYLE)
    return environment.from_string(MACROS + text)


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
