"""Run a program until a file appears: how the containers of a federation know that its run is over.

    python fedot/deploy/until.py FILE COMMAND...

The program is asked to stop (SIGTERM) once the file is there, and the exit code is 0; one that ends by itself keeps its
own. Signals are passed on. A plain file without imports, as `fedot/deploy/health.py`.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

POLL, PATIENCE = 0.5, 20.0


def run_until(mark: Path, command: list[str]) -> int:
    """Start the program, wait for the file or for its end; return the exit code."""
    with subprocess.Popen(command) as process:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda given, _: process.send_signal(given))
        while process.poll() is None:
            if mark.exists():
                stop(process)
                return 0
            time.sleep(POLL)
        code = process.returncode
    return code if code >= 0 else 128 - code


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask a program to stop, and if it does not listen, end it."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(run_until(Path(sys.argv[1]), sys.argv[2:]))
