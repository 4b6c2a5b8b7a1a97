"""What a page gives to copy: a BibTeX entry, and the lines that use a model."""

import contextlib
import io
import re
import shlex

import pytest
from typer.testing import CliRunner

from fedot.commands.fedot import cli
from fedot.models import EncoderConfig, build_model, state_of
from fedot.report import render_report
from fedot.report.analysis.indexed_run import Run
from fedot.report.pages import citation
from fedot.report.pages.use_model import use_of
from fedot.saved import SavedModel
from fedot.tokenizer import count_words, train_tokenizer
from tests.report.test_html import Outline


def entry(results):
    text = citation.bibtex(results)
    assert text.startswith("@misc{")
    assert text.endswith("\n}")
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    return dict(re.findall(r"^  (\w+) *= \{(.*)\},$", text, re.M)), re.match(r"@misc\{([^,]*),", text)[1]


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_cited_with_author_year_and_what_it_ran(make):
    fields, key = entry(make())
    assert fields["author"] == "{The fedot authors}"
    assert (fields["year"], fields["version"]) == ("2026", "0.1.0")
    assert fields["note"] == "commit 0123456789ab; seeds 0, 1, 2; run 2026-01-31"
    assert key == "fedot-bilingual-2026"
    assert "@misc{fedot-bilingual-2026," in Outline(render_report(make())).text


def test_an_address_is_the_projects_own_or_there_is_none(make, monkeypatch, tmp_path):
    monkeypatch.setattr(citation, "__file__", str(tmp_path / "fedot/report/pages/citation.py"))
    about = '[project]\nname = "fedot-fl"\nauthors = [{ name = "A" }, { name = "B" }]\n'
    (tmp_path / "pyproject.toml").write_text(about)
    assert citation.project() == ("A and B", "")
    assert "url" not in entry(make())[0]
    urls = '[project.urls]\nHomepage = "https://h.example"\nRepository = "https://r.example/fedot"\n'
    (tmp_path / "pyproject.toml").write_text(about + urls)
    assert entry(make())[0]["url"] == "https://r.example/fedot"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\nauthors = [{ name = "C" }]\n')
    assert citation.project()[0] != "C"  # a project that has fedot in its own folder is not cited


def test_what_is_not_known_has_no_field_and_names_are_escaped(make):
    results = make()
    results["scenario"]["name"] = "50%_of {it}"
    results["provenance"] |= {"started": None, "commit": None, "fedot": ""}
    fields, key = entry(results)
    assert {"year", "version"}.isdisjoint(fields)
    assert fields["title"] == r"{fedot} report: 50\%\_of \{it\}"
    assert key == "fedot-50-of-it"


def saved_at(folder, use):
    """Write a small model where the lines of a page look for it."""
    texts = ["a good film", "a bad film"]
    tokenizer = train_tokenizer(count_words(texts, "wordpiece"), "wordpiece", 60)
    size = tokenizer.get_vocab_size()
    config = EncoderConfig(vocab_size=size, d_model=8, n_head=2, n_layer=1, d_ff=8, max_length=6, n_class=2)
    model = SavedModel(config, state_of(build_model(config, seed=0)), tokenizer.to_str(), classes=("no", "yes"))
    for path in dict.fromkeys(re.findall(r"models/[^\s'\"]+", use.shell + use.python)):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(model.to_bytes())
    (folder / "texts.csv").write_text("text\n" + "\n".join(texts) + "\n")


@pytest.mark.parametrize("scope", ["shared", "per-client"])
def test_the_lines_run_as_they_stand(make, tmp_path, monkeypatch, scope):
    results = make(seeds=(3, 4), clients=("ward 3", "b"))
    results["scenario"]["tokenizer"]["scope"] = scope
    use = use_of(Run.of(results))
    assert use.told.startswith("FedAvg, token rows, seed 3")
    assert "models/fedavg-token-rows-seed3.safetensors" in use.shell
    assert ("models/parent-ward%203-seed3.safetensors" in use.shell) == (scope == "per-client")
    saved_at(tmp_path, use)
    monkeypatch.chdir(tmp_path)
    for line in use.shell.splitlines():
        command, *arguments = shlex.split(line)
        assert command == "fedot"
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
    assert (tmp_path / "answers.csv").read_text().count("\n") == 3
    *lines, last = use.python.splitlines()
    with contextlib.redirect_stdout(io.StringIO()):
        space = {}
        exec("\n".join(lines), space)
        [row] = eval(last, space).to_dict("records")
    assert row["text"] == "Your own text."
    assert row["class"] in ("no", "yes")


@pytest.mark.usefixtures("undrawn")
def test_a_run_without_a_strategy_has_no_such_section(make):
    results = make()
    results["rows"] = [row for row in results["rows"] if row["strategy"] == "ensemble"]
    assert use_of(Run.of(results)) is None
    assert "Use this model" not in Outline(render_report(results)).text
    assert "Use this model" in Outline(render_report(make())).text
