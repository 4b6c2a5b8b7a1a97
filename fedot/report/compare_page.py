"""The page that compares runs, as a Jinja2 template."""

COMPARE_PAGE = """{{ head(title ~ " – fedot", version) }}
<body>
<a class="skip" href="#results">Skip to the results</a>
<header><div class="in">
<p class="over">fedot comparison</p>
<h1>{{ title }}</h1>
<dl class="facts">
{% for name, value in facts %}
<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
{% if stand_in %}
<div class="banner" role="note"><strong>{{ "These are" if stand_in|length == runs|length else "Some of these are" }} stand-in data, not a real corpus.</strong>
Made on sentences from the built-in generator: {{ stand_in|join(", ") }}. Their figures say nothing about real text.</div>
{% endif %}
</div></header>
<nav aria-label="Sections"><ul>
<li><a href="#results">Results</a></li>
{% for item in figures %}<li><a href="#{{ item.figure.key }}">{{ {"runs": "By run", "setting": "By setting", "progress": "Rounds, bytes, time"}[item.figure.key] }}</a></li>
{% endfor %}
{% if failures %}<li><a href="#failures">Failures</a></li>{% endif %}
<li><a href="#about">Runs</a></li>
</ul></nav>
<main>
<section aria-labelledby="results">
<h2 id="results">Results</h2>
{% if metric %}
{% call scroll("Results of every run and strategy") %}
<table>
<caption><span class="cap">Over all clients, final round: mean ± half the 95 % interval over seeds (Student t; ± – with one seed). Differences are paired by seed.</span></caption>
<thead><tr><th scope="col">Run and strategy</th>
<th scope="col">{{ metric.label }}{{ ", %" if metric.unit }} <span aria-label="{{ 'higher is better' if metric.higher_is_better else 'lower is better' }}">{{ "↑" if metric.higher_is_better else "↓" }}</span></th>
<th scope="col">Difference</th><th scope="col">95 % interval, t</th>{% if bootstrap %}<th scope="col">95 %, bootstrap</th>{% endif %}<th scope="col">Effect size</th><th scope="col">Seeds</th>
<th scope="col">Sent</th><th scope="col">Received</th><th scope="col">Time</th></tr></thead>
{% for run in runs %}
<tbody>
<tr class="section"><th scope="rowgroup" colspan="{{ 10 if bootstrap else 9 }}">{{ run.title }}{{ ", incomplete" if run.incomplete }}, against {{ run.baseline }}</th></tr>
{% for line in run.lines %}
<tr{{ ' class="ours"'|safe if line.entry.kind == "ot" }}><th scope="row" class="m">{{ mark(line.entry.kind) }}{{ line.entry.label }}</th>
{% if line.entry.failure %}
<td class="fail" colspan="{{ 9 if bootstrap else 8 }}">failed: see <a href="#failures">failures</a></td></tr>
{% else %}
<td{{ ' class="best"'|safe if line.best }}>{{ line.value }}</td>
<td{{ ' class="best"'|safe if line.settled }}>{{ line.difference }}</td><td>{{ line.interval }}</td>{% if bootstrap %}<td>{{ line.bootstrap }}</td>{% endif %}<td>{{ line.effect }}</td><td>{{ line.seeds }}</td>
<td>{{ line.sent }}</td><td>{{ line.received }}</td><td>{{ line.seconds }}</td></tr>
{% endif %}
{% endfor %}
</tbody>
{% endfor %}
</table>
{% endcall %}
{% if notes %}<p class="note pm">{% for note in notes %}{{ note }}{{ "<br>"|safe if not loop.last }}{% endfor %}</p>{% endif %}

<p class="note pm">Bold: best mean among a run’s strategies (references apart), over the seeds that all have, and differences whose t interval leaves out zero. Effect size: Cohen’s d for paired values with Hedges’ correction, from three seeds on. {% if bootstrap %}Bootstrap: bias-corrected and accelerated, from five seeds on; with fewer only the t interval is an honest one. {% endif %}Sent by all clients, received by them, and time of training and fusion: mean per seed, summed over the rounds. Intervals are not corrected for the number of comparisons.</p>
{% else %}
<p>Nothing was measured.</p>
{% endif %}
</section>

{% for item in figures %}
{{ show(item) }}
{% endfor %}

{% if failures %}
<section aria-labelledby="failures">
<h2 id="failures">Failures</h2>
<dl class="pairs">
{% for run, strategy, reason in failures %}
<dt>{{ run }}: {{ strategy }}</dt><dd>{{ reason }}</dd>
{% endfor %}
</dl>
</section>
{% endif %}

<section aria-labelledby="about">
<h2 id="about">Runs</h2>
{% call scroll("What was run") %}
<table>
<caption><span class="cap">What was run, and how.</span></caption>
<thead><tr><th scope="col">Run</th><th scope="col">Clients</th><th scope="col">Rounds</th><th scope="col">Seeds</th><th scope="col">Data</th><th scope="col">Commit</th><th scope="col" class="left">Command</th></tr></thead>
<tbody>
{% for run in runs %}
<tr><th scope="row">{{ run.title }}</th><td>{{ run.clients }}</td><td>{{ run.rounds }}</td><td>{{ run.seeds }}</td><td>{{ "stand-in" if run.stand_in else "real" }}</td><td>{{ run.commit }}</td><td class="wrap left"><code>{{ run.command }}</code></td></tr>
{% endfor %}
</tbody></table>
{% endcall %}
</section>
</main>
<footer>Made by fedot {{ version }} from each run’s results.json, schema 1. The page is complete in itself and loads nothing.</footer>
</body>
</html>
"""
