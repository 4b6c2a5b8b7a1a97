from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from fedot.deploy.__main__ import cli
from fedot.deploy.keys import make_owner

RUN = ["run", "scenarios/bilingual.yaml", "--signing-key", "SIGNING-KEY"]


DAYS = ("nan", "-1", "0", "inf", "-inf", "1e308")


@pytest.fixture(scope="module")
def signing_key(tmp_path_factory):
    folder = tmp_path_factory.mktemp("owner")
    make_owner(folder / "public", folder / "owner")
    return folder / "owner" / "key"


@pytest.fixture(autouse=True)
def _in_the_clone(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])


def call(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["compose", "nothing.yaml"], "no scenario file nothing.yaml"),
        (["compose", "scenarios/parallel.yaml"], "choose one of them with --variant"),
        (["compose", "scenarios/bilingual.yaml", "--profile", "smal"], "small"),
        (["run", "scenarios/bilingual.yaml", "--out", "/x"], "--root-certificates"),
        (["run", "scenarios/bilingual.yaml", "--out", "/x", "--insecure", "--superlink", "here"], "HOST:PORT"),
        (["run", "scenarios/bilingual.yaml", "--out", "/x", "--insecure", "--seeds", "0"], "--signing-key"),
        ([*RUN, "--out", "/x", "--insecure", "--superlink", "127.0.0.1:99999"], "HOST:PORT"),
        ([*RUN, "--out", "/x", "--insecure", "--superlink", "127.0.0.1:\u00b2"], "HOST:PORT"),
        ([*RUN, "--out", "/x", "--insecure", "--superlink", "127.0.0.1:1"], "no SuperLink answers"),
        ([*RUN, "--out", "/x", "--insecure", "--superlink", "a..b:80"], "no SuperLink answers"),
        ([*RUN, "--out", "/x", "--insecure", "--superlink", "a" * 100 + ":80"], "no SuperLink answers"),
        ([*RUN[:-1], "no-such-key", "--out", "/x", "--insecure"], "owner/"),
        (["front"], "--server"),
        (["front", "--insecure", "--listen", "here"], "HOST:PORT"),
        *(
            (["keys", "k", "--host", "h", f"--days={days}"], "days")
            for days in ("nan", "-1", "0", "inf", "-inf", "1e308")
        ),
        (["register", "no-such-folder", "--insecure"], "no public key"),
        (["register", ".", "--insecure", "--root-certificates", "ca.crt"], "--insecure"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments, reason, signing_key):
    failed = call(*(str(signing_key) if each == "SIGNING-KEY" else each for each in arguments))
    assert failed.exit_code == 2
    assert failed.stderr.startswith("fedot: ")
    assert reason in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_a_run_that_cannot_start_is_over_too(tmp_path):
    """Or the other containers would stay up for ever."""
    mark = tmp_path / "over"
    made = call("run", "nothing.yaml", "--out", "/x", "--insecure", "--over", mark)
    assert made.exit_code == 2
    assert mark.exists()


def test_what_stays_as_it_was_is_told(tmp_path):
    assert call("keys", tmp_path / "keys", "--host", "superlink").stderr == ""
    made = call("keys", tmp_path / "keys", "--host", "elsewhere")
    assert made.exit_code == 0
    assert made.stderr.startswith("note: ")
    assert "not for elsewhere" in made.stderr


def test_new_keys_begin_a_new_run(tmp_path):
    mark = tmp_path / "over"
    mark.touch()
    assert call("keys", tmp_path / "keys", "--host", "superlink", "--begin", mark).exit_code == 0
    assert not mark.exists()


@pytest.mark.parametrize(
    ("scenario", "options", "clients"),
    [
        ("bilingual", {"--profile": "small"}, 2),
        ("cross_dataset", {}, 3),
        ("multilingual", {"--variant": "one vocabulary", "--profile": "small"}, 8),
        ("parallel", {"--variant": "16 clients, equal"}, 16),
    ],
)
def test_an_override_runs_the_scenario_that_was_asked_for(scenario, options, clients):
    path = f"scenarios/{scenario}.yaml"
    made = call("compose", path, *(part for option in options.items() for part in option))
    assert made.exit_code == 0, made.exception
    services = yaml.safe_load(made.stdout)["services"]
    assert len(services["run"]["depends_on"]) == clients
    wanted = {"FEDOT_SCENARIO": path, **{f"FEDOT_{key[2:].upper()}": value for key, value in options.items()}}
    assert services["run"]["environment"] == wanted
