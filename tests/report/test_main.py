import typer
from typer.testing import CliRunner

from fedot.report import summary_markdown, write_results
from fedot.report.__main__ import main


def app():
    command = typer.Typer()
    command.command()(main)
    return command


def test_a_report_can_be_made_again_from_its_results(results, tmp_path):
    path = write_results(results, tmp_path)
    done = CliRunner().invoke(app(), [str(path)])
    assert done.exit_code == 0, done.output
    assert "OT fusion" in done.output
    assert {item.name for item in tmp_path.iterdir()} == {
        "results.json",
        "report.html",
        "summary.csv",
        "figures",
    }


def test_markdown_is_only_printed(results, tmp_path):
    path = write_results(results, tmp_path)
    done = CliRunner().invoke(app(), [str(path), "--markdown"])
    assert done.output == summary_markdown(results)
    assert [item.name for item in tmp_path.iterdir()] == ["results.json"]


def test_a_bad_file_is_one_line(tmp_path):
    done = CliRunner().invoke(app(), [str(tmp_path / "none.json")])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("fedot: ")
