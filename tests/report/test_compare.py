import csv
import subprocess
import sys

import pytest

from fedot.errors import FedotError
from fedot.report import compare, summary_latex, write_results
from fedot.report.analysis.compared_runs import runs_of, setting_of
from fedot.report.analysis.statistics import Scores
from tests.report.test_html import EVIL, Outline, browse, phone_widths


def outline(path):
    return Outline(path.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("undrawn")
def test_two_runs_become_one_page_with_csv_and_latex(make, tmp_path):
    runs = [("one-shot", make()), ("periodic", make(rounds=3, seeds=(0, 1, 2, 3, 4)))]
    page = compare(runs, tmp_path)
    assert {item.name for item in tmp_path.iterdir()} == {"compare.html", "compare.csv", "compare.tex", "figures"}
    assert {item.stem for item in (tmp_path / "figures").iterdir()} == {"runs", "progress", "setting"}
    text = outline(page).text
    assert text.index("is best in both runs: ") < text.index("Run and strategy")
    for wanted in ("one-shot, against FedAvg", "periodic, against FedAvg", "95 %, bootstrap", "5.23 MB", "15.7 MB"):
        assert wanted in text
    with (tmp_path / "compare.csv").open(newline="") as file:
        lines = {(line["run"], line["strategy"]): line for line in csv.DictReader(file)}
    for title, results in runs:
        scores, line = Scores.of(results["rows"]), lines[title, "ot-fusion"]
        found = scores.difference("ot-fusion", "fedavg", "all", "accuracy")
        assert float(line["mean"]) == pytest.approx(scores.estimate("ot-fusion", "all", "accuracy").mean)
        assert float(line["difference"]) == pytest.approx(found.mean)
        assert float(line["difference_low"]) == pytest.approx(found.low)
        assert (line["bootstrap_low"] == "") == (found.n < 5)
        assert line["baseline"] == "fedavg"
    assert float(lines["periodic", "fedavg"]["bytes_up"]) == 3 * float(lines["one-shot", "fedavg"]["bytes_up"])
    assert lines["one-shot", "ensemble"]["bytes_up"] == ""


@pytest.mark.usefixtures("undrawn")
def test_runs_that_differ_by_the_number_of_clients_get_a_line_over_it(make, tmp_path):
    runs = [(f"{n} clients", make(clients=tuple(f"c{i}" for i in range(n)))) for n in (8, 2, 4)]
    across, places = setting_of(runs_of(runs))
    assert (across.label, across.marks, places) == ("number of clients", (2.0, 4.0, 8.0), (8.0, 2.0, 4.0))
    assert "Accuracy against the number of clients" in outline(compare(runs, tmp_path)).text


def test_runs_that_differ_by_one_number_of_the_scenario_get_a_line_over_it(make):
    runs = [(str(lr), make()) for lr in (0.1, 0.01)]
    for (_, results), lr in zip(runs, (0.1, 0.01), strict=True):
        results["scenario"]["train"]["lr"] = lr
        results["scenario"]["name"] = f"lr-{lr}"
    across, places = setting_of(runs_of(runs))
    assert (across.label, places) == ("train.lr", (0.1, 0.01))
    runs[1][1]["scenario"]["init"] = "shared"
    assert setting_of(runs_of(runs)) is None


def test_words_and_equal_runs_are_no_setting(make):
    runs = [("a", make()), ("b", make())]
    assert setting_of(runs_of(runs)) is None
    runs[1][1]["scenario"]["init"] = "shared"
    assert setting_of(runs_of(runs)) is None
    assert setting_of(runs_of(runs[:1])) is None


def test_different_tasks_and_no_runs_are_refused_in_one_line(make, tmp_path):
    with pytest.raises(FedotError, match="a is classification, b is translation") as told:
        compare([("a", make()), ("b", make(task="translation"))], tmp_path)
    assert "\n" not in str(told.value)
    unsaid = make()
    del unsaid["scenario"]["task"]
    assert len(runs_of([("new", make()), ("older", make(task="sentiment")), ("oldest", unsaid)])) == 3
    with pytest.raises(FedotError, match="no run to compare"):
        compare([], tmp_path)
    assert not list(tmp_path.iterdir())


def test_equal_titles_are_told_apart(make):
    assert [run.title for run in runs_of([("out", make()), ("x", make()), ("out", make())])] == [
        "out (1)",
        "x",
        "out (2)",
    ]


@pytest.mark.usefixtures("undrawn")
def test_failures_are_shown_as_such(make, tmp_path):
    results = make()
    results["failures"] = [{"seed": 0, "strategy": "krum", "reason": "Krum needs 4 clients, got 2"}]
    nothing = make()
    nothing["rows"] = []
    nothing["failures"] = [{"seed": 0, "strategy": "fedavg", "reason": "no reply"}]
    text = outline(compare([("a", results), ("b", nothing)], tmp_path)).text
    assert "a: Krum Krum needs 4 clients, got 2 (seed 0)" in text
    assert "b: FedAvg no reply (seed 0)" in text
    assert text.count("failed: see failures") == 2
    assert "Krum & failed" in (tmp_path / "compare.tex").read_text()
    assert "Nothing was measured" in outline(compare([("b", nothing)], tmp_path)).text


@pytest.mark.usefixtures("undrawn")
def test_without_fedavg_the_first_baseline_is_compared_with(make, tmp_path):
    text = outline(compare([("a", make(strategies=("fedadam", "ot-fusion")))], tmp_path)).text
    assert "a, against FedAdam" in text


def test_the_page_is_accessible_and_names_are_escaped(make, tmp_path):
    results = make(strategies=("fedavg", EVIL), rounds=2)
    page = outline(compare([(EVIL, results), ("b", make(stand_in=True))], tmp_path))
    assert not {"script", "img", "iframe"} & set(page.tags)
    assert EVIL in page.text
    assert page.tags.count("caption") == page.tags.count("table") == 2
    assert page.tags.count("figcaption") == page.tags.count("figure") == 2
    ids = [value for _, key, value in page.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    links = {v for tag, key, v in page.attributes if tag == "a" and key == "href"}
    assert {v[1:] for v in links if v.startswith("#")} <= set(ids)
    assert all(v.startswith(("#", "data:image/svg+xml,")) for v in links)
    assert "Some of these are stand-in data" in page.text


def test_a_browser_opens_the_comparison_without_a_complaint(make, tmp_path):
    runs = [(f"{n}", make(clients=tuple(f"c{i}" for i in range(n)), rounds=2)) for n in (2, 4)]
    done = browse(compare(runs, tmp_path), tmp_path / "profile", "--dump-dom")
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count("<figure") == 3
    assert "OT fusion</th>" in done.stdout


def test_a_browser_sees_no_sideways_scroll_on_a_phone(make, tmp_path):
    runs = [(f"{'a long title ' * 6}{n}", make(seeds=tuple(range(n)), rounds=2)) for n in (2, 5)]
    taken, there = phone_widths(compare(runs, tmp_path), tmp_path)
    assert taken <= there == 390


def test_the_command_line_reads_folders_and_files(make, tmp_path):
    one, two = write_results(make(), tmp_path / "one"), write_results(make(seeds=(0,)), tmp_path / "two")
    command = [sys.executable, "-m", "fedot.compare", str(one.parent), str(two), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert str(tmp_path / "out" / "compare.html") in done.stdout
    text = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    assert "one, against FedAvg" in text
    assert "two, against FedAvg" in text
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("fedot: ")


def test_latex_is_escaped_and_its_best_is_bold(make, tmp_path):
    results = make(strategies=("fedavg", "50%_&^x", "ot-fusion"))
    text = summary_latex(results)
    assert r"50\%\_\&\textasciicircum{}x & " in text
    scores = Scores.of(results["rows"])
    best = max(("fedavg", "50%_&^x", "ot-fusion"), key=lambda s: scores.estimate(s, "all", "accuracy").mean)
    mean = scores.estimate(best, "all", "accuracy")
    assert rf"\textbf{{{100 * mean.mean:.1f} $\pm$ {100 * mean.half_width:.1f}}}" in text
    assert text.count(r"\textbf") == 3  # accuracy, NLL, ECE
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len({line.replace(r"\&", "").count(" & ") for line in rows}) == 1
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in text
