"""The report page, as a Jinja2 template.

Its style and macros are in `fedot.report.page`.
"""

TEMPLATE = """{{ head(scenario.name ~ " – fedot report", provenance.fedot) }}
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
{% for metric in metrics %}<th scope="col">{{ metric.label }}{{ ", %" if metric.unit }}&nbsp;<span aria-label="{{ 'higher is better' if metric.higher_is_better else 'lower is better' }}">{{ "↑" if metric.higher_is_better else "↓" }}</span></th>
{% if loop.first and baseline %}<th scope="col">Against {{ baseline }}</th>{% endif %}
{% endfor %}
<th scope="col">Sent</th><th scope="col">Received</th><th scope="col">Time</th><th scope="col">Seeds</th></tr></thead>
{% for section in summary %}
<tbody>
<tr class="section"><th scope="rowgroup" colspan="{{ metrics|length + (6 if baseline else 5) }}">{{ section.title }}</th></tr>
{% for line in section.lines %}
<tr{{ ' class="ours"'|safe if section.kind == "ot" }}><th scope="row" class="m">{{ mark(section.kind) }}{{ line.entry.label }}</th>
{% if line.entry.failure %}
<td class="fail" colspan="{{ metrics|length + (5 if baseline else 4) }}">failed: see <a href="#failures">failures</a></td></tr>
{% else %}
{% for cell in line.cells %}
<td>{% if cell %}<span{{ ' class="best"'|safe if cell.best }}>{{ cell.mean }}</span> <span class="pm">{{ cell.half }}</span>{% else %}–{% endif %}</td>
{% if loop.first and baseline %}<td>{% if line.difference %}<span{{ ' class="best"'|safe if line.difference.settled }}>{{ line.difference.mean }}</span> <span class="pm">{{ line.difference.half }}</span>{% endif %}</td>{% endif %}
{% endfor %}
{% for cost in line.costs %}<td>{{ cost }}</td>{% endfor %}<td>{{ line.seeds }}</td></tr>
{% endif %}
{% endfor %}
</tbody>
{% endfor %}
</table>
{% endcall %}
{% if notes %}<p class="note pm">{% for note in notes %}{{ note }}{{ "<br>"|safe if not loop.last }}{% endfor %}</p>{% endif %}

{% if metrics %}<p class="note pm">Bold: best mean among the strategies (references apart), over the seeds that all have. {% if baseline %}“Against {{ baseline }}” is the difference in {{ metrics[0].label|lower if metrics[0].key == "accuracy" else metrics[0].label }}, paired by seed; bold where its 95 % interval leaves out zero. {% endif %}Sent by all clients, received by them, and time: mean per seed, summed over the rounds. Intervals are not corrected for the number of strategies compared.</p>{% endif %}
{% else %}
<p>Nothing was measured.</p>
{% endif %}
{% if paired and seeds|length > 1 %}
<h3>Paired differences to {{ baseline }}</h3>
{% call scroll("Paired differences") %}
<table class="narrow">
<caption><span class="cap">{{ metrics[0].label }}{{ ", points" if metrics[0].points }}, over all clients, on equal seeds. Effect size: Cohen’s d for paired values with Hedges’ correction, from three seeds on. {{ "The bootstrap is bias-corrected and accelerated." if paired|selectattr("bootstrap")|list else "With fewer than five seeds a bootstrap would come out too narrow; the t interval is the honest one." }}</span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col">Difference</th><th scope="col">95 % interval, t</th>{% if paired|selectattr("bootstrap")|list %}<th scope="col">95 %, bootstrap</th>{% endif %}<th scope="col">Effect size</th><th scope="col">Seeds</th></tr></thead>
<tbody>
{% for line in paired %}
<tr{{ ' class="ours"'|safe if line.entry.kind == "ot" }}><th scope="row" class="m">{{ mark(line.entry.kind) }}{{ line.entry.label }}</th><td{{ ' class="best"'|safe if line.settled }}>{{ line.difference }}</td><td>{{ line.interval }}</td>{% if paired|selectattr("bootstrap")|list %}<td>{{ line.bootstrap or "–" }}</td>{% endif %}<td>{{ line.effect }}</td><td>{{ line.seeds }}</td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
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
{% if client_notes %}<p class="note pm">{% for note in client_notes %}{{ note }}{{ "<br>"|safe if not loop.last }}{% endfor %}</p>{% endif %}

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
{% if item.figure.key == "reliability" and calibration %}
{% call scroll("Calibration") %}
<table class="narrow">
<caption><span class="cap">Over all clients, lower is better; before and after (T) temperature scaling (Guo et al. 2017). The temperature is the one of a fixed grid with the least loss on all clients’ validation data; test data have no say. Above 1 a model was too sure of itself, below 1 too unsure; accuracy does not change.</span></caption>
<thead><tr><th scope="col">Strategy</th><th scope="col">ECE</th><th scope="col">ECE, T</th><th scope="col">Brier</th><th scope="col">Brier, T</th><th scope="col">NLL</th><th scope="col">NLL, T</th><th scope="col">T, mean</th><th scope="col">Seeds</th></tr></thead>
<tbody>
{% for line in calibration %}
<tr{{ ' class="ours"'|safe if line.entry.kind == "ot" }}><th scope="row" class="m">{{ mark(line.entry.kind) }}{{ line.entry.label }}</th>{% for cell in line.cells %}<td>{{ cell }}</td>{% endfor %}<td>{{ line.temperature }}</td><td>{{ line.seeds }}</td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
{% if calibration_notes %}<p class="note pm">{% for note in calibration_notes %}{{ note }}{{ "<br>"|safe if not loop.last }}{% endfor %}</p>{% endif %}

{% endif %}
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
{{ sums_in_words }}leave it.
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
{% for key in ("train", "validation", "test") %}<td>{{ "{:,}".format(item[key]) if item.get(key) is not none else "–" }}</td>{% endfor %}<td>{{ (item.get("labels") or [])|join(", ") or "–" }}</td></tr>
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
