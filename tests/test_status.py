import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from fedot.errors import FedotError
from fedot.status import SILENCE, Status, lines_of, read_status, reporting, write_status


def status_of(*arguments):
    command = [sys.executable, "-m", "fedot.status", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def running(**changes):
    now = time.time()
    values = Status(
        "a", "running", "seed 0: ot-fusion, round 1", 3.0, 4.0, now - 60, now, os.getpid(), socket.gethostname()
    )
    return replace(values, **changes)


def test_every_step_is_on_disk_and_the_end_too(tmp_path):
    with reporting("trial", 4.0, tmp_path) as report:
        assert read_status(tmp_path).share == 0.0
        report("seed 0: parents", 1.0)
        found = read_status(tmp_path)
        assert (found.state, found.phase, found.share) == ("running", "seed 0: parents", 0.25)
    assert read_status(tmp_path).state == "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FedotError("too few clients"), "too few clients"),
        (ValueError("a private word"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_a_failed_run_says_why_but_quotes_nothing(tmp_path, error, told):
    with pytest.raises(type(error)), reporting("trial", 4.0, tmp_path):
        raise error
    found = read_status(tmp_path)
    assert (found.state, found.reason) == ("failed", told)


def test_a_dead_process_is_no_running_run(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    write_status(running(pid=child.pid), tmp_path)
    found = read_status(tmp_path)
    assert found.state == "failed"
    assert "--resume" in found.reason
    write_status(running(pid=child.pid, host="another"), tmp_path)
    assert read_status(tmp_path).state == "running"


def test_the_time_left_follows_the_pace():
    assert running().left == pytest.approx(20, abs=1)
    assert running(work=0.0).left is None
    assert running(state="finished").left is None


def test_silence_is_told():
    now = time.time()
    assert not any("heard" in line for line in lines_of(running(), now))
    assert any("heard" in line for line in lines_of(running(updated=now - SILENCE - 1), now))


@pytest.mark.parametrize(("state", "code"), [("finished", 0), ("running", 3), ("failed", 4)])
def test_exit_codes(tmp_path, state, code):
    write_status(running(state=state), tmp_path)
    done = status_of(tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(f"a: {state}, 75 %")


def test_variants_are_told_one_by_one(tmp_path):
    for name, state in (("one", "finished"), ("two", "running")):
        (tmp_path / name).mkdir()
        write_status(running(name=name, state=state), tmp_path / name)
    done = status_of(tmp_path, "--json")
    assert done.returncode == 3
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == ["one", "two"]


@pytest.mark.parametrize("content", [None, "{", '{"name": 1}'])
def test_no_status_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "status.json").write_text(content)
    done = status_of(tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_disk_that_is_full_ends_no_run(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with reporting("trial", 1.0, tmp_path) as report:
        report("a", 1.0)
    assert not list(tmp_path.iterdir())


FIELDS = {
    "name": "a", "state": "running", "phase": "seed 0", "work": 1.0, "total": 4.0, "started": 1e9, "updated": 1e9,
    "pid": 1, "host": "h", "reason": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("state", "paused", "state is 'paused', but must be one of finished, running, failed"),
        ("state", ["running"], "state is"),
        ("work", "x", "work is 'x', but must be a number"),
        ("work", True, "work is True"),
        ("work", -1, "work is -1"),
        ("total", 1e300, "total is 1e\\+300"),
        ("total", 10**400, "total is 1000"),
        ("started", float("nan"), "started is nan"),
        ("updated", None, "updated is None"),
        ("pid", 2**70, "pid is"),
        ("pid", -1, "pid is -1, but must be the number of a process"),
        ("pid", 1.5, "pid is 1.5"),
        ("name", 5, "name is 5, but must be text"),
        ("reason", [], "reason is"),
        ("host", ..., "it has no host"),
    ],
)
def test_a_field_that_cannot_be_is_named_in_one_line(tmp_path, field, value, told):
    values = {name: item for name, item in {**FIELDS, field: value}.items() if item is not ...}
    (tmp_path / "status.json").write_text(json.dumps(values))
    with pytest.raises(FedotError, match=told) as caught:
        read_status(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "content",
    [b"[]", b"null", b"\xff", b"", b"5", b'{"a": 1, "a": 2}', b"[" * 10_000, b'{"name": "' + b"x" * 2**17 + b'"}'],
)
def test_a_status_that_is_none_is_one_line(tmp_path, content):
    (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(FedotError) as caught:
        read_status(tmp_path)
    assert str(caught.value).isprintable()


def test_a_later_release_may_say_more_and_an_earlier_one_less(tmp_path):
    values = {**FIELDS, "round": 3, "state": "finished"}
    del values["reason"]
    (tmp_path / "status.json").write_text(json.dumps(values))
    assert read_status(tmp_path).state == "finished"


def test_what_is_printed_writes_nothing_else_to_the_terminal():
    status = running(name="a\x1b[2J", phase="x\ny", state="failed", reason="gone\u202e\n" + "z" * 10_000)
    lines = lines_of(status, time.time())
    assert all(line.isprintable() and len(line) <= 1000 for line in lines)


@pytest.mark.parametrize("changes", [{"work": 5e-324}, {"started": 0.0}, {"updated": 2.0**40}, {"total": 5e-324}])
def test_odd_numbers_are_told_too(changes):
    assert all(lines_of(running(**changes), time.time()))


def test_a_path_that_cannot_be_is_one_line(tmp_path):
    for place in ("x" * 5000, str(tmp_path / "none")):
        done = status_of(place)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
