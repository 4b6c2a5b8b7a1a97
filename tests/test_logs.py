import json
import logging

import pytest

from fedot.errors import FedotError
from fedot.logs import logs

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
