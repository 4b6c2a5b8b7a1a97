import re
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from fedot.commands.report import cli
from fedot.errors import FedotError
from fedot.report import summary_latex, summary_markdown, write_results
from fedot.report.analysis.statistics import Scores, paired_difference
from fedot.report.tables.by_round import round_differences_markdown
from fedot.report.tables.calibration_markdown import calibration_markdown
from fedot.report.tables.differences import paired_markdown


def run(*arguments):
    command = [sys.executable, "-m", "fedot.report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)


def test_a_report_can_be_made_again_from_its_results(results, tmp_path):
    done = run(write_results(results, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "OT fusion" in done.stdout
    written = {str(item) for item in tmp_path.rglob("*") if item.is_file() and item.name != "results.json"}
    assert named(done.stdout) == written
    assert {item.name for item in tmp_path.iterdir()} == {
        "results.json",
        "report.html",
        "summary.csv",
        "summary.tex",
        "figures",
    }


def invoke(*arguments):
    """What `run` does, in this process."""
    return CliRunner().invoke(cli, [*map(str, arguments)])


def named(text):
    """Paths that a command says it has written."""
    return set(re.findall(r"^(?:Wrote|     ) (/.*)$", text, re.M))


@pytest.mark.usefixtures("undrawn")
def test_figures_are_written_in_the_formats_that_are_asked_for(results, tmp_path):
    done = invoke(write_results(results, tmp_path), "--figures", "pdf", "--figures", "svg", "--columns", "1")
    assert done.exit_code == 0, done.stderr
    assert {item.suffix for item in (tmp_path / "figures").iterdir()} == {".pdf", ".svg"}
    assert (tmp_path / "summary.tex").read_text() == summary_latex(results, 1) != summary_latex(results, 2)
    for wrong in (("--figures", "gif"), ("--columns", "3")):
        assert invoke(tmp_path, *wrong).exit_code == 2


@pytest.mark.usefixtures("undrawn")
def test_a_folder_of_runs_gets_each_report_and_the_comparison(make, tmp_path):
    for name, seeds in (("10-clients", (0, 1)), ("2-clients", (0,))):
        write_results(make(seeds=seeds), tmp_path / name)
    (tmp_path / "notes").mkdir()
    done = invoke(tmp_path, "--figures", "svg")
    assert done.exit_code == 0, done.stderr
    files = [item for item in tmp_path.rglob("*") if item.is_file()]
    assert named(done.stdout) == {str(item) for item in files if item.name != "results.json"}
    pages = {str(item.relative_to(tmp_path)) for item in files if item.suffix == ".html"}
    assert pages == {"2-clients/report.html", "10-clients/report.html", "compare.html"}
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert page.index("2-clients, against") < page.index("10-clients, against")  # numbers in their order
    printed = invoke(tmp_path, "--markdown")
    assert printed.stdout.count("## ") == 2


@pytest.mark.usefixtures("undrawn")
def test_runs_of_different_tasks_have_their_reports_and_no_comparison(make, tmp_path):
    for task in ("classification", "translation"):
        write_results(make(task=task, seeds=(0,)), tmp_path / task)
    done = invoke(tmp_path, "--figures", "svg", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("no comparison: runs of different tasks cannot be compared")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"classification", "translation"}
    assert {p.name for p in (tmp_path / "translation").iterdir()} == {"results.json"}


def test_a_folder_without_runs_is_one_line(tmp_path):
    done = invoke(tmp_path)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "has no results.json, nor has a folder in it; give" in done.stderr


def test_calibration_is_printed_as_the_page_has_it(make, tmp_path):
    results = make()
    for row in results["rows"]:
        row["metrics"] |= {f"{name}_scaled": 0.5 * row["metrics"][name] for name in ("nll", "ece", "brier")}
        row["metrics"]["temperature"] = 2.0
    table = calibration_markdown(results)
    assert table.startswith("| Strategy | ECE | ECE, scaled | Brier |")
    ece, scaled, *_, temperature, seeds = cells(table, "OT fusion")
    wanted = Scores.of(results["rows"]).estimate("ot-fusion", "all", "ece")
    assert ece.startswith(f"{wanted.mean:.3f} ±")
    assert scaled.startswith(f"{wanted.mean / 2:.3f} ±")
    assert (temperature, seeds) == ("2.00", "3")
    with pytest.raises(FedotError, match="no figures of temperature scaling"):
        calibration_markdown(make())


def test_markdown_is_only_printed(results, tmp_path):
    done = invoke(write_results(results, tmp_path), "--markdown")
    assert done.stdout == summary_markdown(results)
    assert [item.name for item in tmp_path.iterdir()] == ["results.json"]


def test_a_bad_file_is_one_line(tmp_path):
    done = run(tmp_path / "none.json")
    assert done.returncode == 2
    assert done.stderr.startswith("fedot: ")
    assert done.stderr.count("\n") == 1


def test_differences_to_any_strategy_are_printed(results, tmp_path):
    path = write_results(results, tmp_path)
    done = invoke(path, "--against", "ot-fusion")
    assert done.exit_code == 0, done.stderr
    header, _, own, *lines = done.stdout.splitlines()
    assert header.startswith("| Accuracy | mean | difference |")
    assert own.startswith("| OT fusion |")
    means = [float(line.split("|")[3].replace("\N{MINUS SIGN}", "-")) for line in lines]
    assert means == sorted(means, reverse=True)
    assert not any(line.startswith("| OT fusion |") for line in lines)
    scores = Scores.of(results["rows"])
    (fedavg,) = [mean for mean, line in zip(means, lines, strict=True) if line.startswith("| FedAvg |")]
    wanted = scores.difference("fedavg", "ot-fusion", "all", "accuracy")
    assert fedavg == round(100 * wanted.mean, 1)
    assert [item.name for item in tmp_path.iterdir()] == ["results.json"]


def test_differences_to_the_best_parent_of_each_seed(results):
    scores = Scores.of(results["rows"])
    en, fi = (scores.values(f"parent:xed-{lang}", "all", "accuracy") for lang in ("en", "fi"))
    best = {seed: max(en[seed], fi[seed]) for seed in en}
    assert set(map(best.get, best)) - set(en.values())  # no single parent is the best of every seed
    wanted = paired_difference(scores.values("ensemble", "all", "accuracy"), best)
    table = paired_markdown(results, "best-parent")
    assert cells(table, "Best parent of each seed")[0].startswith(f"{100 * np.mean(list(best.values())):.1f} ")
    assert cells(table, "Ensemble")[1].replace("\N{MINUS SIGN}", "-") == f"{100 * wanted.mean:+.1f}"


def test_differences_to_each_parent_on_its_own_client(results):
    scores = Scores.of(results["rows"])
    clients = ("xed-en", "xed-fi")
    own, ours = (
        {seed: np.mean([scores.values(name(c), c, "accuracy")[seed] for c in clients]) for seed in scores.seeds}
        for name in (lambda c: f"parent:{c}", lambda _: "ot-fusion")
    )
    wanted = paired_difference(ours, own)
    table = paired_markdown(results, "own-parents")
    assert cells(table, "OT fusion")[1].replace("\N{MINUS SIGN}", "-") == f"{100 * wanted.mean:+.1f}"
    assert cells(table, "Each parent on its own client")[0].startswith(f"{100 * np.mean(list(own.values())):.1f} ")


def test_a_run_without_parents_is_refused_by_name(results):
    rows = [row for row in results["rows"] if not row["strategy"].startswith("parent:")]
    with pytest.raises(FedotError, match="best-parent needs the reference parents"):
        paired_markdown({**results, "rows": rows}, "best-parent")


def test_every_round_is_printed(make, tmp_path):
    results = make(rounds=3)
    done = invoke(write_results(results, tmp_path), "--rounds", "xed-fi")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("| Accuracy on xed-fi | round 1 | round 2 | round 3 |")
    for number, cell in enumerate(cells(done.stdout, "OT fusion"), 1):
        wanted = [
            row["metrics"]["accuracy"]
            for row in results["rows"]
            if (row["strategy"], row["split"], row["round"]) == ("ot-fusion", "xed-fi", number)
        ]
        assert cell.startswith(f"{100 * np.mean(wanted):.1f} ")
    assert cells(done.stdout, "Ensemble")[1:] == ["\N{EN DASH}"] * 2


def test_differences_of_every_round_are_paired(make, tmp_path):
    results = make(rounds=3)
    done = invoke(write_results(results, tmp_path), "--rounds", "all", "--against", "fedavg")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("| Accuracy over FedAvg over all clients | round 1 |")
    for number, cell in enumerate(cells(done.stdout, "OT fusion"), 1):
        scores = Scores.of(row for row in results["rows"] if row["round"] == number)
        wanted = scores.difference("ot-fusion", "fedavg", "all", "accuracy")
        assert cell.replace("\N{MINUS SIGN}", "-").startswith(f"{100 * wanted.mean:+.1f} ")
    assert cells(done.stdout, "FedAvg") == ["\N{EN DASH}"] * 3


@pytest.mark.parametrize("split", ["all", "xed-fi"])
@pytest.mark.parametrize("name", ["centralised", "best-parent", "own-parents"])
def test_every_round_is_compared_with_a_reference_that_has_one(make, name, split):
    results = make(rounds=3)
    first = Scores.of(row for row in results["rows"] if row["round"] == 1)
    parents = {client: first.values(f"parent:{client}", client, "accuracy") for client in first.clients}
    of_all = [first.values(f"parent:{client}", split, "accuracy") for client in first.clients]
    theirs = {
        "centralised": first.values("centralised", split, "accuracy"),
        "best-parent": {seed: max(each[seed] for each in of_all) for seed in first.seeds},
        "own-parents": parents[split]
        if split != "all"
        else {seed: np.mean([each[seed] for each in parents.values()]) for seed in first.seeds},
    }[name]
    table = cells(round_differences_markdown(results, split, name), "OT fusion")
    for number, cell in enumerate(table, 1):
        scores = Scores.of(row for row in results["rows"] if row["round"] == number)
        ours = scores.values("ot-fusion", split, "accuracy")
        if name == "own-parents" and split == "all":
            by_client = [scores.values("ot-fusion", client, "accuracy") for client in scores.clients]
            ours = {seed: np.mean([each[seed] for each in by_client]) for seed in scores.seeds}
        wanted = paired_difference(ours, theirs)
        assert cell.replace("\N{MINUS SIGN}", "-").startswith(f"{100 * wanted.mean:+.1f} ")


def test_a_strategy_that_stopped_early_is_compared_with_in_its_own_rounds_only(make):
    results = make(rounds=3)
    rows = [row for row in results["rows"] if row["strategy"] != "fedavg" or row["round"] == 1]
    first, *later = cells(round_differences_markdown({**results, "rows": rows}, "all", "fedavg"), "OT fusion")
    assert first != "\N{EN DASH}"
    assert later == ["\N{EN DASH}"] * 2


def test_rounds_of_an_unknown_client_are_one_line(results, tmp_path):
    done = invoke(write_results(results, tmp_path), "--rounds", "xed-sv")
    assert done.exit_code == 2
    assert done.stderr == "fedot: no client is called xed-sv; choose from all, xed-en, xed-fi\n"


def cells(table, label):
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {label} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_an_unknown_strategy_is_one_line(results, tmp_path):
    done = invoke(write_results(results, tmp_path), "--against", "none")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "ot-fusion" in done.stderr
