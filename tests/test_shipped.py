"""Scenarios by name: what comes along is found anywhere, the user's own comes first, and none is overwritten."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fedot.commands.fedot import cli
from fedot.errors import FedotError
from fedot.scenario import load_scenario
from fedot.scenario.shipped import find_scenario, shipped_scenarios
from fedot.storage import package_files

SHIPPED = Path(__file__).parents[1] / "scenarios"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def call(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def test_every_scenario_comes_along_with_its_question_and_its_time():
    found = shipped_scenarios()
    assert [each.path for each in found.values()] == sorted(SHIPPED.glob("*.yaml"))
    for each in found.values():
        assert each.question.endswith(("?", ".")), each.name
        assert each.time, each.name
        assert each.question == each.path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")


def test_they_are_listed():
    done = call("scenarios")
    assert done.exit_code == 0
    assert "quickstart\n    Two clients who never share a word" in done.stdout
    assert "(6 minutes; with --profile small 34 seconds)" in done.stdout


def test_a_file_of_the_name_comes_first_with_a_suffix_or_without():
    assert find_scenario("quickstart") == SHIPPED / "quickstart.yaml"
    Path("quickstart").mkdir()  # the results of an earlier run, say
    assert find_scenario("quickstart") == SHIPPED / "quickstart.yaml"
    Path("quickstart.yml").write_text("name: mine\n")
    assert find_scenario("quickstart") == Path("quickstart.yml")
    Path("quickstart.yaml").write_text("name: mine\n")
    assert find_scenario("quickstart") == Path("quickstart.yaml")
    Path("bilingual").write_text("name: mine\n")
    assert find_scenario(Path("bilingual")) == Path("bilingual")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("qickstart", "did you mean quickstart?"),
        ("cross-dataset", "did you mean cross_dataset?"),
        ("zzzz", "choose from bilingual, "),
        ("scenarios/quickstart.yaml", "is called quickstart, without a folder"),
        ("quickstart.yaml", "is called quickstart, without a folder"),
        ("quikstart.yaml", "did you mean quickstart?"),
    ],
)
def test_an_unknown_one_is_refused_with_the_nearest(given, hint):
    done = call("simulate", given)
    assert done.exit_code == 2
    assert hint in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_is_copied_to_be_edited_and_never_over_a_file():
    assert call("scenarios", "copy", "quickstart").exit_code == 0
    assert load_scenario("quickstart.yaml").name == "quickstart"
    Path("quickstart.yaml").write_text("mine")
    again = call("scenarios", "copy", "quickstart")
    assert again.exit_code == 2
    assert "quickstart.yaml exists already" in again.stderr
    assert Path("quickstart.yaml").read_text() == "mine"
    assert call("scenarios", "copy", "quickstart", "--to", "a/b.yaml").exit_code == 0
    assert call("scenarios", "copy", "quickstart", "--to", "a").exit_code == 0
    assert sorted(path.name for path in Path("a").iterdir()) == ["b.yaml", "quickstart.yaml"]
    assert "did you mean quickstart?" in call("scenarios", "copy", "quikstart").stderr


def test_a_package_without_them_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(package_files, "PACKAGE", tmp_path / "site" / "fedot")
    done = call("scenarios")
    assert done.exit_code == 2
    assert "no scenario has come along" in done.stderr
    with pytest.raises(FedotError, match="quickstart"):
        find_scenario("quickstart")
