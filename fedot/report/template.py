"""The report page, as a Jinja2 template.

It is a Python file, since Flower's app bundles carry no HTML.
"""

TEMPLATE = """{% macro scroll(label) %}
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
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="fedot {{ provenance.fedot }}">
<link rel="icon" href="data:,">
<title>{{ scenario.name }} – fedot report</title>
<style>
{{ style }}
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
th,td{padding:.36rem .7rem;text-align:right;white-space:nowrap;font-weight:400;vertical-align:baseline}
th:first-child,td:first-child{text-align:left;padding-left:0;position:sticky;left:0;background:var(--paper);z-index:1}
thead th{font-weight:600;border-bottom:1.5px solid var(--ink);vertical-align:bottom}
tbody tr+tr>*{border-top:1px solid var(--grid)}
tbody+tbody>tr:first-child>*{border-top:1px solid var(--rule)}
.section th{padding-top:.9rem;color:var(--ink-2);font-size:.8125rem}
.pm{color:var(--ink-2);font-size:.9em}
.best{font-weight:700}.ours th{font-weight:600}.fail{color:var(--ink-2);font-style:italic;text-align:left}
td.wrap{white-space:normal;min-width:14rem}table.narrow{width:auto;min-width:min(100%,32rem)}
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
</style>
</head>
<body>
<a class="skip" href="#results">Skip to the results</a>
<header><div class="in">
<p class="over">fedot report · <b>{{ scenario.name }}</b></p>
<h1>{{ scenario.question or scenario.name }}</h1>
<dl class="facts">
{% for name, value in facts %}
<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
{% if stand_in %}
<div class="banner" role="note"><strong>These are stand-in data, not a real corpus.</strong>
At least one client was trained and tested on sentences from the built-in generator, because the real data could not be read.
The figures show that the method runs; they say nothing about real text. See <a href="#provenance">provenance</a>.</div>
{% endif %}
{% if incomplete %}
<div class="banner" role="note"><strong>This run is incomplete.</strong>
It ended before everything was done; what is here is what was finished. Means may rest on fewer seeds than planned.</div>
{% endif %}
</div></header>
<nav aria-label="Sections"><ul>
<li><a href="#results">Results</a></li>
{% for item in figures if item.figure.key != "cost" %}<li><a href="#{{ item.figure.key }}">{{ {"scores": "By client", "lines": "Barrier", "rounds": "Rounds", "reliability": "Reliability", "couplings": "Couplings", "fits": "Fit"}[item.figure.key] }}</a></li>
{% endfor %}
{% if failures %}<li><a href="#failures">Failures</a></li>{% endif %}
<li><a href="#training">Training</a></li><li><a href="#sent">What was sent</a></li><li><a href="#provenance">Provenance</a></li><li><a href="#scenario">Scenario</a></li>
</ul></nav>
<main>
<p class="headline">{{ findings.headline|keep }}</p>
{% if findings.points %}
<ul class="points">
{% for point in findings.points %}
<li>{{ point|keep }}</li>
{% endfor %}
</ul>
{% endif %}

<section aria-labelledby="results">
<h2 id="results">Results</h2>
{% if summary %}
{% call scroll("Results over all clients") %}
<table>
<caption><span class="cap">Over all clients, final round{% if seeds|length > 1 %}: mean ± half the 95 % interval over seeds (Student t){% elif seeds %}; one seed, so there is no interval (± –){% endif %}.</span></caption>
<thead><tr><th scope="col">Strategy</th>
{% for metric in metrics %}<th scope="col">{{ metric.label }}{{ ", %" if metric.unit }} <span aria-label="{{ 'higher is better' if metric.higher_is_better else 'lower is better' }}">{{ "↑" if metric.higher_is_better else "↓" }}</span></th>
{% if loop.first %}<th scope="col">Against FedAvg</th>{% endif %}
{% endfor %}
<th scope="col">Seeds</th></tr></thead>
{% for section in summary %}
<tbody>
<tr class="section"><th scope="rowgroup" colspan="{{ metrics|length + 3 }}">{{ section.title }}</th></tr>
{% for line in section.lines %}
<tr{{ ' class="ours"'|safe if section.kind == "ot" }}><th scope="row" class="m">{{ mark(section.kind) }}{{ line.entry.label }}</th>
{% if line.entry.failure %}
<td class="fail" colspan="{{ metrics|length + 2 }}">failed: see <a href="#failures">failures</a></td></tr>
{% else %}
{% for cell in line.cells %}
<td>{% if cell %}<span{{ ' class="best"'|safe if cell.best }}>{{ cell.mean }}</span> <span class="pm">{{ cell.half }}</span>{% else %}–{% endif %}</td>
{% if loop.first %}<td>{% if line.difference %}<span{{ ' class="best"'|safe if line.difference.settled }}>{{ line.difference.mean }}</span> <span class="pm">{{ line.difference.half }}</span>{% endif %}</td>{% endif %}
{% endfor %}
<td>{{ line.seeds }}</td></tr>
{% endif %}
{% endfor %}
</tbody>
{% endfor %}
</table>
{% endcall %}
{% if metrics %}<p class="note pm">Bold: best mean among the strategies (references apart). “Against FedAvg” is the difference in {{ metrics[0].label|lower if metrics and metrics[0].key == "accuracy" else metrics[0].label if metrics else "the metric" }}, paired by seed; bold where its 95 % interval leaves out zero. Intervals are not corrected for the number of strategies compared.</p>{% endif %}
{% else %}
<p>Nothing was measured.</p>
{% endif %}
{% if by_client %}
<h3>{{ metrics[0].label }} by client{{ ", %" if metrics[0].unit }}</h3>
{% call scroll("Results by client") %}
<table{{ ' class="narrow"'|safe if clients|length < 5 }}>
<caption><span class="cap">Each column is one client’s own test set.</span></caption>
<thead><tr><th scope="col">Strategy</th>{% for client in clients %}<th scope="col">{{ client }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in by_client %}
<tr{{ ' class="ours"'|safe if line.entry.kind == "ot" }}><th scope="row" class="m">{{ mark(line.entry.kind) }}{{ line.entry.label }}</th>
{% for cell in line.cells %}<td{{ ' class="best"'|safe if cell.best }}>{{ cell.text }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table>
{% endcall %}
{% endif %}
{% if parents %}
<details><summary>Every parent on every client</summary>
{% call scroll("Every parent on every client") %}
<table>
<caption><span class="cap">{{ metrics[0].label }}{{ ", %" if metrics[0].unit }}: rows are the models as their clients trained them, columns are test sets; mean over seeds.</span></caption>
<thead><tr><th scope="col">Parent</th><th scope="col">all</th>{% for client in clients %}<th scope="col">{{ client }}</th>{% endfor %}</tr></thead>
<tbody>
{% for parent in parents %}
<tr><th scope="row">{{ parent.name }}</th>{% for cell in parent.cells %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table>
{% endcall %}
</details>
{% endif %}
</section>

{% for item in figures if item.figure.key != "cost" %}
{{ show(item) }}
{% if item.figure.key == "couplings" and couplings %}
{% call scroll("Couplings by kind of group") %}
<table class="narrow">
<caption><span class="cap">All couplings of all seeds and clients, by kind of neuron group. “Moved” is the share of mass that leaves the neuron of its own number.</span></caption>
<thead><tr><th scope="col">Group</th><th scope="col">Symmetry</th><th scope="col">Couplings</th><th scope="col">Moved</th><th scope="col">Transport cost</th></tr></thead>
<tbody>
{% for name, kind, count, distance, cost in couplings %}
<tr><th scope="row">{{ name }}</th><td>{{ kind }}</td><td>{{ count }}</td><td>{{ "%.3f"|format(distance.mean) if distance else "–" }}</td><td>{{ "%.3f"|format(cost.mean) if cost else "–" }}</td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
{% endif %}
{% if item.figure.key == "fits" %}
{% call scroll("Fit by kind of group") %}
<table class="narrow">
<caption><span class="cap">All seeds and clients, by kind of neuron group. “Spread” is how far a neuron's mass is spread: 0 for a matching, 1 for no information.</span></caption>
<thead><tr><th scope="col">Group</th><th scope="col">Symmetry</th><th scope="col">Groups</th><th scope="col">Fit</th><th scope="col">Spread</th><th scope="col">Held, because</th></tr></thead>
<tbody>
{% for line in fits %}
<tr><th scope="row">{{ line.family }}</th><td>{{ line.kind }}</td><td>{{ line.count }}</td><td>{{ ("%.3f"|format(line.fit.mean)).replace("-", "\u2212") if line.fit else "–" }}</td><td>{{ "%.3f"|format(line.entropy.mean) if line.entropy else "–" }}</td><td>{{ line.pinned or "–" }}</td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
{% endif %}
{% endfor %}

{% if failures %}
<section aria-labelledby="failures">
<h2 id="failures">Failures</h2>
<p>These strategies could not run to the end. The others are not affected.</p>
<dl class="pairs">
{% for strategy, reasons in failures.items() %}
<dt>{{ label_of(strategy) }}</dt><dd>{% for reason in reasons %}{{ reason }}{{ "; " if not loop.last }}{% endfor %}</dd>
{% endfor %}
</dl>
</section>
{% endif %}

<section aria-labelledby="training">
<h2 id="training">Local training</h2>
{% if training %}
{% call scroll("Local training") %}
<table>
<caption><span class="cap">Last round of each client, mean over seeds. Strategies that start from the same trained models share a line.</span></caption>
<thead><tr><th scope="col">Client</th><th scope="col">Round</th><th scope="col">Examples</th><th scope="col">Training loss</th><th scope="col">Validation loss</th><th scope="col">Texts cut short</th><th scope="col">Time</th><th scope="col">Strategies</th></tr></thead>
<tbody>
{% for line in training %}
<tr><th scope="row">{{ line.client }}</th><td>{{ line.round }}</td>
<td>{{ "{:,.0f}".format(line.means.num_examples.mean) if line.means.num_examples else "–" }}</td>
<td>{{ "%.3f"|format(line.means.train_loss.mean) if line.means.train_loss else "–" }}</td>
<td>{{ "%.3f"|format(line.means.validation_loss.mean) if line.means.validation_loss else "–" }}</td>
<td>{{ "{:,.0f}".format(line.means.truncated.mean) if line.means.truncated else "–" }}</td>
<td>{{ "%.1f s"|format(line.seconds.mean) if line.seconds else "–" }}</td>
<td class="wrap">{{ line.strategies|join(", ") }}</td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
{% else %}
<p>No training was recorded.</p>
{% endif %}
</section>

<section aria-labelledby="sent">
<h2 id="sent">What was sent</h2>
<p>A client sends its trained weights, the number of its examples, how often each token occurs in them and its losses; from evaluation only sums
{{ "" if scenario.get("task") == "translation" else "(a confusion matrix, the summed loss, calibration bins) " }}leave it.
{% if (scenario.get("tokenizer") or {}).get("scope") == "shared" %}
For the shared tokenizer it also sends the counts of words that it holds at least twice.
{% endif %}
No text, no label of a single example and no single prediction is sent. Weights and counts can still tell something about the data they come from; nothing here is a formal privacy guarantee.</p>
{% for item in figures if item.figure.key == "cost" %}{{ show(item, 3) }}{% endfor %}
</section>

<section aria-labelledby="provenance">
<h2 id="provenance">Provenance</h2>
{% if provenance.data %}
{% call scroll("Data of each client") %}
<table class="narrow">
<caption><span class="cap">Data of each client, in examples{% if seeds|length > 1 %} (of the first seed, where a split depends on it){% endif %}.</span></caption>
<thead><tr><th scope="col">Client</th><th scope="col">Source</th><th scope="col">Train</th><th scope="col">Validation</th><th scope="col">Test</th><th scope="col">Classes</th></tr></thead>
<tbody>
{% for client, item in provenance.data.items() %}
<tr><th scope="row">{{ client }}</th><td>{% if item.source == "stand-in" %}<b>stand-in</b>{% else %}{{ item.source }}{% endif %}</td>
<td>{{ "{:,}".format(item.train) }}</td><td>{{ "{:,}".format(item.validation) }}</td><td>{{ "{:,}".format(item.test) }}</td><td>{{ (item.get("labels") or [])|join(", ") or "–" }}</td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
{% endif %}
{% if provenance.notices %}
<h3>Notices</h3>
<ul class="points">
{% for notice in provenance.notices %}<li>{{ notice }}</li>
{% endfor %}
</ul>
{% endif %}
<h3>Run</h3>
<dl class="pairs">
<dt>Command</dt><dd><code>{{ provenance.command or "–" }}</code></dd>
<dt>Started</dt><dd>{{ provenance.started or "–" }}, took {{ duration }}</dd>
<dt>Engine</dt><dd>{{ provenance.engine or "–" }}</dd>
<dt>Commit</dt><dd>{% if provenance.commit %}<code>{{ provenance.commit }}</code>{% else %}not run from a repository{% endif %}</dd>
<dt>Machine</dt><dd>{{ provenance.platform or "–" }}{% if provenance.cpu_count %}, {{ provenance.cpu_count }} processors{% endif %}</dd>
<dt>Versions</dt><dd>{% for name, version in versions %}{{ name }} {{ version }}{{ ", " if not loop.last }}{% endfor %}</dd>
<dt>Seeds</dt><dd>{{ seeds|join(", ") or "–" }}</dd>
</dl>
<h3>How to cite</h3>
<pre>@misc{fedot-{{ scenario.name }},
  title  = {fedot report: {{ scenario.name }}},
  note   = {fedot {{ provenance.fedot }}{% if provenance.commit %}, commit {{ provenance.commit[:12] }}{% endif %}; {% if stand_in %}stand-in data; {% endif %}seeds {{ seeds|join(", ") }}; run {{ (provenance.started or "")[:10] }}},
}</pre>
</section>

<section aria-labelledby="scenario">
<h2 id="scenario">Scenario as run</h2>
<pre>{{ scenario_yaml }}</pre>
</section>
</main>
<footer>Made by fedot {{ provenance.fedot }} from results.json, schema 1. The page is complete in itself and loads nothing.</footer>
</body>
</html>
"""
