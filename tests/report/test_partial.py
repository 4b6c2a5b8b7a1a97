"""Figures that are not what they seem: marked in every view, and compared nowhere."""

import csv
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fedot.report import compare, render_report, summary_latex, summary_markdown, summary_table, write_csv
from fedot.report.analysis.compared_runs import runs_of
from fedot.report.analysis.entries import METRICS, best_of
from fedot.report.analysis.findings import findings
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.standing import MARK, Standing
from fedot.report.analysis.statistics import Scores
from fedot.report.figures.drawing import hover, panel_figure
from fedot.report.figures.one_run import figures
from fedot.report.tables.by_round import round_differences_markdown, rounds_markdown
from fedot.report.tables.differences import paired_markdown
from tests.report.conftest import make_results
from tests.report.test_html import Outline

CLIENTS = ("xed-en", "xed-fi", "third")


def partial(strategies=("fedavg", "fedavg-token-rows", "fedadam", "ot-fusion"), seeds=(0, 1, 2), **kinds):
    """A run of three rounds; each strategy in `kinds` has what became of it in some seeds.

    ``fedavg={0: 1}`` ended after round 1 in seed 0, ``fedavg={0: "third"}`` could not be tried at that client, and
    ``fedavg={0: None}`` has nothing.
    """
    results = make_results(clients=CLIENTS, rounds=3, strategies=strategies, seeds=seeds)
    rows = []
    for row in results["rows"]:
        fate = kinds.get(row["strategy"].replace("-", "_"), {}).get(row["seed"], 3)
        lost = isinstance(fate, str) and row["round"] == 3
        if fate is None or (isinstance(fate, int) and row["round"] > fate) or (lost and row["split"] == fate):
            continue
        rows.append({**row, "without": [fate]} if lost and row["split"] == "all" else row)
    failures = [
        {"seed": seed, "strategy": name.replace("_", "-"), "reason": "too few clients"}
        for name, fates in kinds.items()
        for seed, fate in fates.items()
        if fate is None or isinstance(fate, int)
    ]
    return {**results, "rows": rows, "failures": failures}


EARLY = dict.fromkeys((0, 1, 2), 1)


def shown(results, tmp_path):
    """Every view of a run, by name, as text."""
    with (tmp_path / "console").open("w") as file:
        console = Console(width=100, record=True, file=file, color_system=None)
        console.print(summary_table(results))
    page = Outline(compare([("a", results), ("b", results)], tmp_path / "both").read_text(encoding="utf-8")).text
    return {
        "console": " ".join(console.export_text().split()),
        "markdown": summary_markdown(results),
        "csv": write_csv(results, tmp_path / "s.csv").read_text(encoding="utf-8"),
        "latex": summary_latex(results).replace(r"\dag{}", MARK).replace(r"$\pm$", "±"),
        "page": Outline(render_report(results)).text,
        "comparison": page,
        "comparison latex": (tmp_path / "both" / "compare.tex").read_text(encoding="utf-8"),
        "comparison csv": (tmp_path / "both" / "compare.csv").read_text(encoding="utf-8"),
        "against": paired_markdown(results, "ot-fusion"),
        "rounds": rounds_markdown(results, "all"),
        "differences": round_differences_markdown(results, "all", "ot-fusion"),
        "figures": "".join(figure.caption for figure in figures(results)),
    }


@pytest.mark.parametrize(
    ("fates", "told"),
    [
        (EARLY, "FedAvg: stopped after round 1 of 3"),
        ({1: 1}, "FedAvg: 2 of 3 seeds; seed 1 stopped after round 1 of 3"),
        ({0: "third", 1: "third", 2: "third"}, "FedAvg: without third"),
        ({0: "third"}, "FedAvg: 2 of 3 seeds; seed 0 without third"),
        ({0: None}, "FedAvg: 2 of 3 seeds; seed 0 not measured"),
        ({0: "third", 1: 1}, "FedAvg: 1 of 3 seeds; seed 0 without third; seed 1 stopped after round 1 of 3"),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_every_view_says_what_is_missing(tmp_path, fates, told):
    for view, text in shown(partial(fedavg=fates), tmp_path).items():
        wanted = told.removeprefix("FedAvg: ")
        assert wanted in text, view
        assert "csv" in view or f"{MARK} " in text.replace(r"\dag{}", MARK), view


def test_a_whole_run_has_no_mark(tmp_path):
    for view, text in shown(partial(), tmp_path).items():
        assert MARK not in text, view
        assert "stopped" not in text, view


def test_each_figure_that_is_not_whole_has_its_mark_and_no_other():
    lines = summary_markdown(partial(fedavg=EARLY, fedadam={0: "third"})).splitlines()
    cells = {row.split(" | ")[0].strip("|* "): row.split(" | ")[1:] for row in lines if row.startswith("|")}
    assert all(MARK in cell for cell in cells["FedAvg"])
    assert not any(MARK in cell for cell in cells["OT fusion"])
    # at the clients that were there in all seeds the figures are whole
    assert [MARK in cell for cell in cells["FedAdam"]] == [True, False, False, True, True, True, True]


@pytest.mark.usefixtures("undrawn")
def test_what_ended_early_is_differenced_with_nothing(tmp_path):
    results = partial(fedavg=EARLY)
    scores = Scores.of_results(results)
    assert scores.estimate("fedavg", "all", "accuracy").n == 3
    for split in scores.splits:
        assert scores.difference("ot-fusion", "fedavg", split, "accuracy") is None
    assert scores.difference("ensemble", "ot-fusion", "all", "accuracy").n == 3
    with write_csv(results, tmp_path / "s.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["split"] == "all" and line["metric"] == "accuracy"]
    found = {line["strategy"]: line for line in lines}
    assert found["fedavg"]["missing"] == "stopped after round 1 of 3"
    assert (found["fedavg"]["round"], found["fedavg"]["difference"]) == ("1", "")
    assert (found["ot-fusion"]["missing"], found["ot-fusion"]["paired_seeds"]) == ("", "3")  # to the next baseline
    text = render_report(results)
    assert "Against FedAvg, token rows" in text
    assert "FedAvg is compared with nothing: stopped after round 1 of 3." in text


def test_rows_alone_tell_what_ended_early():
    rows = partial(fedavg=EARLY)["rows"]
    assert Scores.of(rows).difference("ot-fusion", "fedavg", "all", "accuracy") is None
    assert Scores.of(rows).missing("fedavg", "all", "accuracy") == "stopped after round 1 of 3"


def test_a_failure_in_the_last_round_is_no_final_figure():
    results = partial()
    results["failures"] = [{"seed": seed, "strategy": "fedavg", "reason": "x"} for seed in (0, 1)]
    scores = Scores.of_results(results)
    assert scores.difference("ot-fusion", "fedavg", "all", "accuracy").n == 1
    assert "2 seeds" not in scores.missing("fedavg", "all", "accuracy")
    assert "seeds 0, 1 failed after round 3 of 3" in scores.missing("fedavg", "all", "accuracy")


def test_sums_are_compared_where_both_are_of_the_same_clients():
    results = partial(fedavg={0: "third", 1: "third"}, ot_fusion={0: "third", 2: "third"})
    scores = Scores.of_results(results)
    found = scores.difference("ot-fusion", "fedavg", "all", "accuracy")
    value = {
        (row["strategy"], row["seed"]): row["metrics"]["accuracy"]
        for row in results["rows"]
        if row["split"] == "all" and row["round"] == 3
    }
    assert found.values == pytest.approx((value["ot-fusion", 0] - value["fedavg", 0],))
    assert scores.difference("ot-fusion", "fedavg", "xed-en", "accuracy").n == 3
    assert scores.difference("ot-fusion", "fedavg", "third", "accuracy") is None
    # the mean is of one kind of sum only, too
    assert scores.values("fedavg", "all", "accuracy").keys() == {2}
    assert scores.values("ot-fusion", "all", "accuracy").keys() == {1}


def test_a_mean_is_over_seeds_of_one_standing():
    scores = Scores.of_results(partial(fedavg={0: 1, 1: 2, 2: 2}))
    assert scores.values("fedavg", "all", "accuracy").keys() == {1, 2}
    told = "stopped after round 2 of 3; 2 of 3 seeds; seed 0 stopped after round 1 of 3"
    assert scores.missing("fedavg", "all", "accuracy") == told


def test_the_best_is_the_best_of_what_can_be_compared():
    results = partial(fedavg_token_rows=EARLY)
    for row in results["rows"]:
        if row["strategy"] == "fedavg-token-rows":
            row["metrics"]["accuracy"] = 0.99
    run, metric = Run.of(results), METRICS["accuracy"]
    assert best_of(run.scores, run.strategies).label == "OT fusion"
    assert run.winner(metric).label == "OT fusion"
    assert findings(results).headline.startswith("OT fusion reaches")
    bold = [line for line in summary_latex(results).splitlines() if r"\textbf" in line]
    assert all(line.startswith("OT fusion") or "0.99" not in line for line in bold)
    assert not any(line.startswith("FedAvg, token rows") for line in bold)


def test_seeds_that_not_all_have_do_not_make_a_winner():
    results = partial(strategies=("fedavg", "ot-fusion"), ot_fusion={2: None})
    for row in results["rows"]:
        level = {"fedavg": (0.5, 0.5, 0.95), "ot-fusion": (0.6, 0.6, 0.6)}.get(row["strategy"])
        if level:
            row["metrics"]["accuracy"] = level[row["seed"]]
    found = findings(results).headline
    assert found.startswith("OT fusion reaches 60.0 % accuracy over all clients (2 of 3 seeds; seed 2 not measured)")
    assert "10.0 points above FedAvg" in found


@pytest.mark.usefixtures("undrawn")
def test_nothing_wins_over_what_cannot_be_compared():
    results = partial(strategies=("fedavg", "ot-fusion"), fedavg=EARLY)
    assert Run.of(results).winner(METRICS["accuracy"]) is None
    assert 'class="best">' not in re.sub(r"<style>.*?</style>", "", render_report(results), flags=re.DOTALL)
    headline = findings(results).headline
    assert headline.startswith("OT fusion reaches")
    assert "FedAvg" not in headline


def test_costs_are_of_the_same_seeds_as_the_figures(tmp_path):
    with write_csv(partial(fedavg={0: 1}), tmp_path / "s.csv").open(newline="") as file:
        lines = {line["strategy"]: line for line in csv.DictReader(file) if line["split"] == "all"}
    assert lines["fedavg"]["bytes_up"] == lines["fedadam"]["bytes_up"]


def test_a_curve_takes_no_partial_sum_into_a_mean_of_whole_ones():
    from fedot.report.analysis.over_rounds import ROUND, curve_of

    results = partial(fedavg={0: "third"})
    points = dict(curve_of(results["rows"], "fedavg", "all", "accuracy", ROUND))
    assert [points[number].n for number in (1.0, 2.0, 3.0)] == [3, 3, 2]


def test_partial_figures_are_no_point_of_a_line_over_settings():
    from fedot.report.figures.several_runs import setting_figure

    runs = []
    for rate, fates in ((0.1, EARLY), (0.01, {}), (0.001, {})):
        results = partial(strategies=("fedavg", "ot-fusion"), fedavg=fates)
        results["scenario"]["train"]["lr"] = rate
        runs.append((str(rate), results))
    indexed = runs_of(runs)
    [axes] = panel_figure(setting_figure(indexed, METRICS["accuracy"]).panels[0]).axes
    told = [line.get_gid().removeprefix(hover("")) for line in axes.lines if line.get_gid()]
    assert sum(text.startswith("FedAvg, train.lr") for text in told) == 2
    assert sum(text.startswith("OT fusion, train.lr") for text in told) == 3


fates = st.dictionaries(st.integers(0, 2), st.sampled_from([1, 2, None, "third", "xed-en"]))


@given(fedavg=fates, ot_fusion=fates)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_what_is_compared_is_always_final_and_of_the_same_clients(fedavg, ot_fusion):
    results = partial(strategies=("fedavg", "ot-fusion"), fedavg=fedavg, ot_fusion=ot_fusion)
    scores = Scores.of_results(results)
    found = scores.difference("ot-fusion", "fedavg", "all", "accuracy")
    good = [
        seed
        for seed in (0, 1, 2)
        if fedavg.get(seed, 3) == ot_fusion.get(seed, 3) and fedavg.get(seed, 3) not in (1, 2, None)
    ]
    assert (found.n if found else 0) == len(good)
    for name, kinds in (("fedavg", fedavg), ("ot-fusion", ot_fusion)):
        whole = all(kinds.get(seed, 3) == 3 for seed in scores.seeds)
        measured = bool(scores.values(name, "all", "accuracy"))
        assert bool(scores.missing(name, "all", "accuracy")) == (measured and not whole)


def test_standings_say_what_they_are():
    assert Standing(3, 3).told() == ""
    assert Standing(3, 3).final
    assert not Standing(3, 3, failed=True).final
    assert Standing(1, 3, without=("a", "b")).told() == "stopped after round 1 of 3, without a, b"


def test_foreign_text_breaks_no_view(tmp_path):
    results = partial(seeds=(0,), strategies=("=cmd|' /C calc'!A0", "[x]", "*", "@a"))
    results["failures"] = [{"seed": 0, "strategy": "krum", "reason": "a\x1b[31m\nb\u202ec"}]
    results["provenance"]["notices"] = ["n\x1b[2J\u202e"]
    results["couplings"][0]["kind"] = "k\u202e"
    texts = [
        summary_markdown(results),
        summary_latex(results),
        render_report(results),
        write_csv(results, tmp_path / "s.csv").read_text(encoding="utf-8"),
        compare([("+t\x1b", results)], tmp_path / "c").read_text(encoding="utf-8"),
        (tmp_path / "c" / "compare.csv").read_text(encoding="utf-8"),
    ]
    assert not any(mark in text for text in texts for mark in "\x1b\u202e")
    rows = [line for line in summary_latex(results).splitlines() if line.endswith(r" \\")]
    assert not any(line.startswith(("[", "*")) for line in rows)  # else an option of the row before
    for name in ("s.csv", "c/compare.csv"):
        with (tmp_path / name).open(newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert "'=cmd|' /C calc'!A0" in cells
        assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
