import subprocess
import sys

from fedot.report import summary_markdown, write_results
from fedot.report.statistics import Scores


def run(*arguments):
    command = [sys.executable, "-m", "fedot.report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)


def test_a_report_can_be_made_again_from_its_results(results, tmp_path):
    done = run(write_results(results, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "OT fusion" in done.stdout
    assert {item.name for item in tmp_path.iterdir()} == {
        "results.json",
        "report.html",
        "summary.csv",
        "summary.tex",
        "figures",
    }


def test_markdown_is_only_printed(results, tmp_path):
    done = run(write_results(results, tmp_path), "--markdown")
    assert done.stdout == summary_markdown(results)
    assert [item.name for item in tmp_path.iterdir()] == ["results.json"]


def test_a_bad_file_is_one_line(tmp_path):
    done = run(tmp_path / "none.json")
    assert done.returncode == 2
    assert done.stderr.startswith("fedot: ")
    assert done.stderr.count("\n") == 1


def test_differences_to_any_strategy_are_printed(results, tmp_path):
    path = write_results(results, tmp_path)
    done = run(path, "--against", "ot-fusion")
    assert done.returncode == 0, done.stderr
    header, _, *lines = done.stdout.splitlines()
    assert header.startswith("| Accuracy over OT fusion | difference |")
    means = [float(line.split("|")[2].replace("\N{MINUS SIGN}", "-")) for line in lines]
    assert means == sorted(means, reverse=True)
    assert not any(line.startswith("| OT fusion |") for line in lines)
    scores = Scores.of(results["rows"])
    (fedavg,) = [mean for mean, line in zip(means, lines, strict=True) if line.startswith("| FedAvg |")]
    wanted = scores.difference("fedavg", "ot-fusion", "all", "accuracy")
    assert fedavg == round(100 * wanted.mean, 1)
    assert [item.name for item in tmp_path.iterdir()] == ["results.json"]


def test_an_unknown_strategy_is_one_line(results, tmp_path):
    done = run(write_results(results, tmp_path), "--against", "none")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "ot-fusion" in done.stderr
