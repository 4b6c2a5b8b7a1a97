"""The examples run, and so does every block of the pages that show them."""

import re
import runpy
import shutil
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
from flwr.app import Context, RecordDict

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from typer.testing import CliRunner

from tests.strategies.fake_clients import FakeGrid

ROOT = Path(__file__).parents[2]
APP = ROOT / "examples" / "own_flower_app"


def blocks(page, language="python"):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture
def app(monkeypatch):
    monkeypatch.syspath_prepend(str(APP))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "digits"]:
        del sys.modules[name]


def run_in_process(out, clients=3):
    from digits import client, server

    settings = tomllib.loads((APP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["flwr"]["app"]["config"]
    contexts = {
        k: Context(1, k, {"partition-id": k - 1, "num-partitions": clients}, RecordDict(), {})
        for k in range(1, clients + 1)
    }
    grid = FakeGrid({k: lambda message, own=own: client.app(message, own) for k, own in contexts.items()})
    server.app(grid, Context(1, 0, {}, RecordDict(), {**settings, "out": str(out)}))
    return grid


def test_a_flower_app_of_one_s_own_runs_as_its_page_has_it(app, tmp_path):
    grid = run_in_process(tmp_path / "digits.safetensors")
    assert len(grid.sent) == 9
    names = {"out": str(tmp_path / "digits.safetensors")}
    exec(compile(blocks("own_flower_app.md")[-1], "own_flower_app.md", "exec"), names)
    assert names["accuracy"] > 0.95


def test_the_page_shows_the_files_as_they_are():
    shown = [*blocks("own_flower_app.md"), *blocks("own_flower_app.md", "toml")]
    files = [block.split("\n", 1) for block in shown if block.startswith("# ")]
    assert {name for name, _ in files} == {"# digits/client.py", "# digits/server.py", "# pyproject.toml"}
    for name, text in files:
        assert text == (APP / name.removeprefix("# ")).read_text(encoding="utf-8")


def test_client_and_server_are_short():
    lines = [len((APP / "digits" / name).read_text().splitlines()) for name in ("client.py", "server.py")]
    assert sum(lines) < 60


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("folder", [APP, ROOT], ids=["own app", "fedot"])
def test_flower_builds_a_bundle_of_its_hub_s_format(folder, tmp_path, monkeypatch):
    from flwr.cli.app import app as flwr

    monkeypatch.chdir(tmp_path)
    home = folder
    if folder is APP:  # Flower takes no name with underscores for a bundle's folder
        home = shutil.copytree(folder, tmp_path / "digits")
    done = CliRunner().invoke(flwr, ["build", "--app", str(home)])
    assert done.exit_code == 0, done.output
    assert "recommended properties" not in done.output
    [bundle] = tmp_path.glob("*.fab")
    about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["flwr"]["app"]
    assert about["fab-format-version"] == 1
    assert bundle.name.startswith(f"{about['publisher']}.")


def test_two_networks_of_one_s_own_become_one(capsys):
    runpy.run_path(str(ROOT / "examples" / "own_model.py"))
    told = {
        line.split()[0]: [float(number) for number in line.split()[1:]] for line in capsys.readouterr().out.splitlines()
    }
    assert told["fused"][0] > max(told["parents"]) - 0.02
    assert told["fused"][0] > told["average"][0] + 0.2


def test_the_page_on_python_runs(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "examples" / "own_files", tmp_path / "files")
    monkeypatch.chdir(tmp_path / "files")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    names = {}
    for block in blocks("python.md"):
        exec(compile(block, "python.md", "exec"), names)
    assert names["run"].table["accuracy"].max() > 0.9
    assert Path(names["page"]).is_file()
    assert names["again"].classes == names["fused"].classes == ("poor", "good")
    assert names["same"].plan.method == "aligned"
