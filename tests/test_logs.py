import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fedot.errors import FedotError
from fedot.terminal.logs import logs

log = logging.getLogger("fedot.strategy")


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_one_json_object_a_line(capsys, monkeypatch):
    monkeypatch.setenv("FEDOT_LOG", "json")
    with logs(run=7, node=1):
        log.warning("round %s goes on without %s", 2, "north", extra={"round": 2})
        log.info("a step")
    first, second = lines(capsys)
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "warning",
        "logger": "fedot.strategy",
        "run": 7,
        "node": 1,
        "message": "round 2 goes on without north",
        "round": 2,
    }
    assert second["message"] == "a step"
    log.warning("after it")
    assert "{" not in capsys.readouterr().err


def test_a_trace_stays_on_its_line(capsys, monkeypatch):
    monkeypatch.setenv("FEDOT_LOG", "json")
    with logs():
        try:
            raise ValueError("two\nlines")
        except ValueError:
            log.exception("failed")
    (entry,) = lines(capsys)
    assert entry["trace"].endswith("ValueError: two\nlines")


def test_an_inner_block_says_nothing_twice(capsys, monkeypatch):
    monkeypatch.setenv("FEDOT_LOG", "json")
    with logs(run=1), logs(run=2):
        log.warning("once")
    (entry,) = lines(capsys)
    assert entry["run"] == 1


def test_plain_logs_are_left_to_python(capsys, caplog, monkeypatch):
    monkeypatch.delenv("FEDOT_LOG", raising=False)
    with logs(run=1):
        log.warning("as ever")
    assert caplog.messages == ["as ever"]


def test_an_unknown_format_is_refused(monkeypatch):
    monkeypatch.setenv("FEDOT_LOG", "xml")
    with pytest.raises(FedotError, match="FEDOT_LOG"), logs():
        pass


FOREIGN = "north\x1b[2J\x1b]0;title\x07\nfedot: all is well\x9b1A \u202e\ud800"


@pytest.mark.parametrize("chosen", ["plain", "json"])
def test_what_others_say_is_one_line_and_moves_no_cursor(chosen):
    """In a process of its own, so that nobody else has sent the log anywhere."""
    code = (
        "import logging; from fedot.terminal.logs import logs\n"
        "with logs(): logging.getLogger('fedot.x').warning('%s', TEXT)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"TEXT = {FOREIGN!r}\n{code}"],
        env={**os.environ, "FEDOT_LOG": chosen, "PYTHONIOENCODING": "utf-8"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = done.stderr.splitlines()
    assert line.isprintable()
    assert "all is well" in line


def test_a_trace_quotes_nobody_raw(capsys, monkeypatch):
    monkeypatch.setenv("FEDOT_LOG", "json")
    with logs():
        try:
            raise ValueError(FOREIGN)
        except ValueError:
            log.exception("failed")
    (entry,) = lines(capsys)
    assert all(each.isprintable() for each in entry["trace"].split("\n"))
    assert "    raise ValueError(FOREIGN)" in entry["trace"]
