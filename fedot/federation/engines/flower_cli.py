"""Flower's command line, called as a program: it has no other public way to start and follow a run."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.text.outside import parse_json, printable

QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
"""Nothing phones home; Flower and Ray read these when they are imported."""


def flower_settings() -> dict[str, str]:
    """What Flower's programs need in their environment: `QUIET`, and a PATH on which they find each other.

    Flower starts its programs by name. The folder of this environment's console scripts is on PATH only where the
    environment is activated.

    Examples
    --------
    >>> flower_settings()["FLWR_TELEMETRY_ENABLED"]
    '0'
    """
    return {**QUIET, "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])}


Value = bool | float | int | str

POLL_SECONDS, PATIENCE = 1.0, 120.0
DETAILS = re.compile(r"(?:ServerApp|Simulation) failed with exception: (.+)", re.DOTALL)
PROGRESS = re.compile(r"\S+: +\d+ % .+")
LONGEST_REASON, LONGEST_LINE, MOST_LINES = 1000, 10_000, 20_000


def flwr(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run a command of Flower's CLI that answers in JSON; `environment` names `FLWR_HOME`, where connections are.

    Raises
    ------
    FedotError
        With Flower's own reason, if it fails.
    """
    done = subprocess.run(
        [script("flwr"), *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    answer: Any = {}
    with contextlib.suppress(FedotError):
        answer = parse_json(done.stdout, "Flower's answer")
    if done.returncode or not isinstance(answer, dict) or not answer.get("success"):
        said = answer.get("error-message") if isinstance(answer, dict) else None
        reason = printable(said or done.stderr or done.stdout, LONGEST_REASON)
        raise FedotError(f"`flwr {arguments[0]}` failed: {reason}")
    return answer


def build_bundle(environment: Mapping[str, str], apps: Path) -> bytes:
    """Build the bundle of the apps in a folder, byte for byte what `start_run` sends.

    Raises
    ------
    FedotError
        With Flower's own reason, if it cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="fedot-bundle-") as folder:
        done = subprocess.run(
            [script("flwr"), "build", "--app", str(apps)],
            env=dict(environment),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        built = list(Path(folder).glob("*.fab"))
        if done.returncode or len(built) != 1:
            raise FedotError(f"`flwr build` failed: {printable(done.stderr or done.stdout, LONGEST_REASON)}")
        return built[0].read_bytes()


def start_run(
    environment: Mapping[str, str], connection: str, apps: Path, run_config: Mapping[str, Value], *more: str
) -> str:
    """Start a run of the apps in a folder; return its id.

    Parameters
    ----------
    run_config
        Values for keys of ``[tool.flwr.app.config]``.
    more
        Further arguments of ``flwr run``.

    Raises
    ------
    FedotError
        With Flower's own reason, if it does not start.
    """
    settings = Path(environment["FLWR_HOME"]) / "run.toml"
    # TOML reads JSON's scalars, but not its pairs of surrogates, so characters go as they are
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in run_config.items()]
    settings.write_text("".join(lines), encoding="utf-8")
    given = ("run", str(apps), connection, "--format", "json", "--run-config", str(settings), *more)
    return str(flwr(environment, *given)["run-id"])


def follow(environment: Mapping[str, str], connection: str, run_id: str, on_progress: Callable[[str], None]) -> None:
    """Wait for the end of the run, passing its progress on.

    A stream of its output costs no computing time, which on few cores is short; asking again and again would.

    Raises
    ------
    FedotError
        If the run fails; with the reason that its status gives. What it prints is not asked: a line of it may be a
        client's text.
    """
    lines: deque[str] = deque(maxlen=MOST_LINES)
    while True:
        for line in _stream(environment, connection, run_id):
            lines.append(line)
            told = _message(line)
            if PROGRESS.match(told):
                on_progress(printable(told))
        status, details = _status(environment, connection, run_id)
        if status == "finished:completed":
            return
        if status.startswith("finished"):
            raise FedotError(_reason(lines, status, details))
        time.sleep(POLL_SECONDS)


def _message(line: str) -> str:
    """What a line of a log says, where it may be written as JSON (`fedot.terminal.logs`)."""
    if not line.startswith("{"):
        return line
    with contextlib.suppress(FedotError):
        entry = parse_json(line, "a line of the log")
        return str(entry.get("message", "")) if isinstance(entry, dict) else line
    return line


def _status(environment: Mapping[str, str], connection: str, run_id: str) -> tuple[str, str]:
    """Ask how a run is, and why; a SuperLink that is started again keeps its runs, so a while in silence is borne."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            run = flwr(environment, "ls", connection, "--run-id", run_id, "--format", "json")["runs"][0]
            return str(run["status"]), str(run.get("status-details", ""))
        except FedotError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(POLL_SECONDS)


def _stream(environment: Mapping[str, str], connection: str, run_id: str) -> Iterator[str]:
    """Yield the lines that the run's apps print, until it ends."""
    command = [script("flwr"), "log", run_id, connection, "--stream"]
    with subprocess.Popen(
        command,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                yield line.rstrip()[:LONGEST_LINE]
        finally:
            process.terminate()


def _reason(lines: Iterable[str], status: str, details: str) -> str:
    """Tell in one line why a run failed; where that is not for its user to mend, keep what it printed for reading."""
    found = DETAILS.fullmatch(details)
    reason = printable(found.group(1) if found else details, LONGEST_REASON)
    if found and any(line.strip() == f"{FedotError.__module__}.FedotError: {found.group(1)}" for line in lines):
        return reason
    with tempfile.NamedTemporaryFile(
        "w", prefix="fedot-flower-", suffix=".log", encoding="utf-8", delete=False
    ) as kept:
        kept.write("\n".join(_readable(line) for line in lines))
    why = f" ({reason})" if reason else ""
    return f"the run ended as {printable(status)}{why}; what it printed is in {kept.name}"


def _readable(line: str) -> str:
    """Leave a printed line its indentation, and nothing that a terminal obeys."""
    return " " * (len(line) - len(line.lstrip(" "))) + printable(line, LONGEST_LINE)


def script(name: str) -> str:
    """Path of a console script of the same environment."""
    found = shutil.which(name, path=flower_settings()["PATH"])
    if not found:
        raise FedotError(f"there is no command {name}; is flwr installed in this environment?")
    return found


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
