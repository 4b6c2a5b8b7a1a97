import signal
import subprocess
import sys
import time
from pathlib import Path

import fedot.deploy.until as until

FILE = Path(until.__file__)


def start(mark, code):
    return subprocess.Popen([sys.executable, str(FILE), str(mark), sys.executable, "-c", code])


def test_it_ends_well_when_the_mark_is_there(tmp_path):
    process = start(tmp_path / "over", "import time; time.sleep(60)")
    time.sleep(1)
    assert process.poll() is None
    (tmp_path / "over").touch()
    assert process.wait(20) == 0


def test_a_program_that_ends_by_itself_keeps_its_exit_code(tmp_path):
    assert start(tmp_path / "over", "raise SystemExit(7)").wait(20) == 7
    assert start(tmp_path / "over", "import os; os.kill(os.getpid(), 9)").wait(20) == 128 + 9


def test_signals_are_passed_on(tmp_path):
    up = tmp_path / "up"
    listen = "import signal, sys, time, pathlib; signal.signal(15, lambda *_: sys.exit(5))"
    code = f"{listen}; pathlib.Path({str(up)!r}).touch(); time.sleep(60)"
    process = start(tmp_path / "over", code)
    while not up.exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 5
