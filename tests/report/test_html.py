import copy
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from fedot.errors import FedotError
from fedot.report import load_results, render_report, write_report, write_results
from fedot.report.figures.by_strategy import scores_figure
from fedot.report.figures.drawing import save, whole_figure
from fedot.report.figures.one_run import figures
from fedot.report.pages.inline_svg import compact
from fedot.report.pages.render import figure_parts
from fedot.report.pages.run_page import scenario_yaml
from fedot.scenario import load_scenario

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>&"
VOID = {"meta", "link", "br", "img", "hr", "input"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Outline(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.mark.usefixtures("undrawn")
def test_the_page_is_written_whole(results, tmp_path):
    path = write_report(results, tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == render_report(results)
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_same_results_give_the_same_bytes_also_after_a_round_trip(results, tmp_path):
    first = render_report(copy.deepcopy(results))
    assert render_report(load_results(write_results(results, tmp_path))) == first


def test_the_page_loads_nothing_from_anywhere(make):
    for results in (make(), make(clients=("https://a.example/x", "b"), rounds=2, stand_in=True)):
        text = render_report(results)
        page = Outline(text)
        assert not {"script", "iframe", "object", "embed", "img", "base", "form"} & set(page.tags)
        for tag, key, value in page.attributes:
            if key in ("src", "srcset", "action", "data", "xlink:href"):
                raise AssertionError((tag, key))
            if key == "href":
                saved = tag == "a" and value.startswith("data:image/svg+xml,")  # with `download`, so nobody goes there
                assert value.startswith("#") or (tag, value) == ("link", "data:,") or saved
            assert not key.startswith("on")
        style = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
        assert "url(" not in style
        assert "@import" not in style


def test_links_inside_the_page_lead_somewhere_and_ids_are_unique(make):
    results = make(rounds=2, stand_in=True)
    results["failures"] = [{"seed": 0, "strategy": "krum", "reason": "too few"}]
    page = Outline(render_report(results))
    ids = [value for _, key, value in page.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    targets = {v[1:] for tag, key, v in page.attributes if (tag, key) == ("a", "href") and v.startswith("#")}
    assert targets <= set(ids)
    named = {value for _, key, value in page.attributes if key == "aria-labelledby"}
    assert named <= set(ids)


def test_whatever_a_user_can_name_is_escaped(make):
    results = make(clients=(EVIL, "b"), rounds=2, strategies=("fedavg", EVIL))
    results["scenario"]["name"] = results["scenario"]["question"] = EVIL
    results["provenance"] |= {
        "notices": [EVIL],
        "command": EVIL,
        "commit": EVIL,
        "platform": EVIL,
        "engine": EVIL,
    }
    results["provenance"]["data"][EVIL]["labels"] = [EVIL]
    results["failures"] = [{"seed": 0, "strategy": EVIL + "2", "reason": EVIL}]
    for item in results["couplings"]:
        item["group"] = item["kind"] = EVIL
    page = Outline(render_report(results))
    assert not {"script", "img"} & set(page.tags)
    assert not [key for _, key, _ in page.attributes if key.startswith("on")]
    assert EVIL in page.text


def test_the_page_is_accessible_in_its_bones(make):
    results = make(clients=tuple(f"c{i}" for i in range(6)))
    text = render_report(results)
    page = Outline(text)
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.tags.count("caption") == page.tags.count("table")
    assert page.tags.count("figcaption") == page.tags.count("figure")
    drawings = re.findall(r"<svg [^>]*>", text)
    assert drawings
    assert all('role="img" aria-label=' in item or 'aria-hidden="true"' in item for item in drawings)
    assert ("meta", "name", "viewport") in page.attributes


@pytest.mark.usefixtures("undrawn")
def test_stand_in_data_and_incomplete_runs_are_said_loudly(make):
    plain = Outline(render_report(make())).text
    assert "These are stand-in data" not in plain
    assert "incomplete" not in plain
    results = make(stand_in=True)
    results["provenance"]["complete"] = False
    loud = Outline(render_report(results)).text
    assert "These are stand-in data, not a real corpus." in loud
    assert "This run is incomplete." in loud
    assert loud.index("stand-in data") < loud.index(results["scenario"]["question"])  # a word above all
    assert loud.index("OT fusion") < loud.index("These are stand-in data")  # and the answer before the whole of it


@pytest.mark.parametrize(("source", "why"), [("stand-in", "as the scenario asks"), ("auto", "could not be read")])
@pytest.mark.usefixtures("undrawn")
def test_stand_in_data_that_were_asked_for_are_no_failure(make, source, why):
    results = make(stand_in=True)
    results["scenario"]["data"]["source"] = source
    assert why in Outline(render_report(results)).text


@pytest.mark.usefixtures("undrawn")
def test_the_answer_comes_before_banners_and_facts(make):
    results = make(stand_in=True)
    results["provenance"]["complete"] = False
    page = render_report(results)
    order = ['class="headline"', "<table", 'id="made-up"', 'id="incomplete"', 'class="facts"']
    assert sorted(order, key=page.index) == order
    results["rows"] = []
    assert "These are stand-in data" in Outline(render_report(results)).text


@pytest.mark.usefixtures("undrawn")
def test_what_scrolls_sideways_shows_that_it_does(results):
    page = render_report(results)
    assert page.count("<table") == page.count('<div class="scroll"')
    rule = re.search(r"^\.scroll,nav ul,pre\{(.*)\}$", page, re.M)[1]
    # the shade stays at the edge, and what covers it goes along with the end of the content
    assert "background-attachment:local,scroll,local" in rule
    assert "var(--under)" in rule
    assert "var(--end)" in rule


def test_each_figure_can_be_saved(make):
    page = Outline(render_report(make(rounds=2)))
    assert page.tags.count("figure") == 7
    links = [value for tag, key, value in page.attributes if (tag, key) == ("a", "download")]
    assert links == [f"{d.key}.svg" for d in figures(make(rounds=2)) if d.key != "cost"] + ["cost.svg"]
    for _, key, value in page.attributes:
        if key == "href" and value.startswith("data:image"):
            kind, _, text = value.partition(",")
            assert kind == "data:image/svg+xml"
            root = ElementTree.fromstring(unquote(text))
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert root.find("{http://www.w3.org/2000/svg}title").text


def test_the_address_of_a_figure_leads_to_what_is_drawn(results):
    drawing = scores_figure(results)
    text = unquote(figure_parts(drawing)["address"].partition(",")[2])
    assert compact(text) == text
    whole = ElementTree.fromstring(save(whole_figure(drawing), "svg", drawing.title, drawing.caption))
    found = ElementTree.fromstring(text)
    assert [each.tag for each in found.iter()] == [each.tag for each in whole.iter()]
    assert [each.text.strip() for each in found.iter() if each.text and each.text.strip()] == [
        each.text.strip() for each in whole.iter() if each.text and each.text.strip()
    ]


@pytest.mark.usefixtures("undrawn")
def test_the_page_tells_figures_failures_training_provenance_and_scenario(results):
    results["failures"] = [{"seed": 1, "strategy": "krum", "reason": "Krum needs 4 clients, got 2"}]
    text = Outline(render_report(results)).text
    for wanted in (
        results["scenario"]["question"],
        "Krum needs 4 clients, got 2 (seed 1)",
        "12,345",
        "python -m fedot.simulate scenarios/bilingual.yaml",
        "0123456789abcdef0123456789abcdef01234567",
        "torch 2.13.0",
        "xed-fi: 3 rows without a label were dropped",
        "vocab_size: 8000",
        "5.23 MB",
        "No text, no label of a single example",
    ):
        assert wanted in text


@pytest.mark.usefixtures("undrawn")
def test_word_counts_are_mentioned_only_where_they_are_sent(results):
    assert "counts of words" in Outline(render_report(results)).text
    results["scenario"]["tokenizer"]["scope"] = "per-client"
    assert "counts of words" not in Outline(render_report(results)).text


@pytest.mark.parametrize("key", ["rows", "lines", "reliability", "couplings", "diagnostics", "training"])
def test_missing_pieces_do_not_break_the_page(make, key):
    results = make(seeds=(0, 1), strategies=("fedavg", "ot-fusion"))
    results[key] = []
    Outline(render_report(results))


def test_a_page_of_failures_only(results):
    for key in ("rows", "lines", "reliability", "couplings", "diagnostics", "training"):
        results[key] = []
    results["failures"] = [{"seed": seed, "strategy": "fedavg", "reason": "no reply"} for seed in (0, 1)]
    results["provenance"] |= {"data": {}, "notices": [], "commit": None, "seconds": None, "complete": False}
    text = Outline(render_report(results)).text
    assert "No strategy finished" in text
    assert "no reply (seeds 0, 1)" in text


def test_null_metrics_are_dashes(results):
    for row in results["rows"]:
        if row["strategy"] == "fedadam":
            row["metrics"]["nll"] = None
    Outline(render_report(results))


@pytest.mark.usefixtures("undrawn")
def test_one_seed_and_translation(make):
    assert "one seed, so there is no interval" in Outline(render_report(make(seeds=(4,)))).text
    text = Outline(render_report(make(task="translation"))).text
    assert "BLEU" in text
    assert "Accuracy" not in text


@pytest.mark.usefixtures("undrawn")
def test_many_clients_fold_their_parents(make):
    text = Outline(render_report(make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1)))).text
    assert "Parents, mean of 16" in text
    assert "Every parent on every client" not in text
    assert "Every parent on every client" in Outline(render_report(make(clients=tuple(f"c{i}" for i in range(8))))).text


@pytest.mark.usefixtures("undrawn")
def test_of_more_than_twelve_clients_a_table_shows_mean_worst_best_and_spread(make):
    page = render_report(make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1)))
    assert '<th scope="col">Worst</th><th scope="col">Best</th><th scope="col">Spread</th>' in page
    assert '<th scope="col">c3</th>' not in page
    assert "mean of 16 clients" in page
    assert "16 clients, c0 to c15" in page
    few = render_report(make(clients=tuple(f"c{i}" for i in range(12))))
    assert '<th scope="col">c3</th>' in few


@pytest.mark.usefixtures("undrawn")
def test_timings_are_on_the_page_where_they_were_asked_for(make):
    step = {"seed": 0, "step": "fedavg", "round": 1, "clock": 2.0, "processor": 3.0, "seconds": {"training": 2.5}}
    results = make()
    assert "Where time went" not in render_report(results)
    text = Outline(render_report({**results, "timings": [step]})).text
    assert "Where time went" in text
    assert "FedAvg, round 1" in text


def test_the_scenario_is_shown_in_the_form_of_a_scenario_file(results, tmp_path):
    path = tmp_path / "again.yaml"
    path.write_text(scenario_yaml(results["scenario"]))
    again = load_scenario(path)
    assert again.question == results["scenario"]["question"]
    assert again.seeds == tuple(results["scenario"]["seeds"])
    assert [item.name for item in again.strategies] == [item["name"] for item in results["scenario"]["strategies"]]
    assert "unheard_of" in scenario_yaml({**results["scenario"], "unheard_of": 1})


@pytest.mark.usefixtures("undrawn")
def test_an_unwritable_folder_is_one_clear_line(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FedotError, match=r"report\.html cannot be written"):
        write_report(results, tmp_path / "file")


def browse(path, profile, *options):
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
    logging = ("--enable-logging=stderr", "--log-level=0", f"--user-data-dir={profile}")
    command = (browser, *flags, *logging, *options, path.as_uri())
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_a_browser_opens_the_page_without_a_complaint(make, tmp_path):
    results = make(rounds=2, stand_in=True)
    done = browse(write_report(results, tmp_path), tmp_path / "profile", "--dump-dom")
    assert "CONSOLE" not in done.stderr
    page = done.stdout
    assert "OT fusion</th>" in page
    assert page.count("<figure") == 7
    assert page.count("<table") == Outline(render_report(results)).tags.count("table")


def phone_widths(page, folder):
    """Give the width that a page takes and the width that there is, on a phone."""
    # The browser's own window is never narrower than 500 pixels, so the phone is a frame inside it.
    wrapper = folder / "phone.html"
    wrapper.write_text(
        f"<!doctype html><iframe src='{page.name}' style='width:390px;height:800px;border:0'></iframe><p></p>"
        "<script>onload=()=>{const r=document.querySelector('iframe').contentDocument.documentElement;"
        "document.querySelector('p').textContent='widths '+r.scrollWidth+' '+r.clientWidth}</script>"
    )
    done = browse(wrapper, folder / "profile", "--hide-scrollbars", "--allow-file-access-from-files", "--dump-dom")
    found = re.search(r"widths (\d+) (\d+)", done.stdout)
    assert found, done.stderr
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("clients", [2, 16])
def test_a_browser_sees_no_sideways_scroll_on_a_phone(make, tmp_path, clients):
    results = make(clients=tuple(f"a-long-client-name-{i}" for i in range(clients)), seeds=(0, 1), rounds=2)
    taken, there = phone_widths(write_report(results, tmp_path), tmp_path)
    assert taken <= there == 390
