import subprocess
import sys

from fedot.report import summary_markdown, write_results


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
