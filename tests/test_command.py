"""Every command ends in one line and an exit code: after a signal, a mistake, or what the machine refuses."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
START = """
import os, signal, sys, time
import typer
from fedot.terminal.command import command
from fedot.errors import FedotError
def main():
    with command("error: ", "all is kept"):
        {body}
typer.run(main)
"""
WAITING = """
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            time.sleep(0.6)
            print("kept", flush=True)
"""


def start(body: str, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", START.replace("{body}", body.strip())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        **options,  # type: ignore[call-overload]
    )


def ended(body: str, **options: object) -> tuple[int, str, str]:
    process = start(body, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        (signal.SIGINT, 130, "error: interrupted; all is kept\n"),
        (signal.SIGTERM, 143, "error: interrupted by SIGTERM; all is kept\n"),
        (signal.SIGHUP, 129, "error: interrupted by SIGHUP; all is kept\n"),
    ],
)
@pytest.mark.parametrize("times", [1, 5])
def test_a_signal_lets_what_is_finished_be_written(number: signal.Signals, code: int, told: str, times: int) -> None:
    process = start(WAITING)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (code, "kept\n", told)


def test_what_is_ignored_from_the_start_stays_so() -> None:
    process = start(WAITING, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))  # as nohup does
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (r"raise FedotError('red \x1b[31m and\nthe next line')", "error: red \ufffd[31m and the next line\n"),
        ("open('a' * 400)", f"error: {'a' * 299}\u2026: File name too long\n"),
        ("open('/proc/none/x', 'w')", "error: /proc/none/x: No such file or directory\n"),
        ("raise OSError('odd')", "error: OSError\n"),
    ],
)
def test_mistakes_are_one_line(body: str, told: str) -> None:
    assert ended(body) == (2, "", told)


def test_a_mistake_in_the_program_is_not_hidden() -> None:
    code, _, err = ended("raise ZeroDivisionError('odd')")
    assert code == 1
    assert "Traceback" in err


def test_a_terminal_that_cannot_show_a_character_shows_its_number() -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    assert ended(r"print('\xb1 1 \ud800')", env=environment) == (0, "\\xb1 1 \\ud800\n", "")
    code, _, err = ended(r"raise FedotError('caf\xe9 \ud800')", env=environment)
    assert (code, err[:10], err.count("\n")) == (2, "error: caf", 1)


def test_whoever_stops_reading_is_told_nothing() -> None:
    process = start(r"[print('x' * 1000) for _ in range(10_000)]")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    with process.stderr as told:
        assert told.read() == ""
    assert process.wait(60) == 141
