"""Flower's command line, called as a program: it has no other public way to start and follow a run."""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fedot.errors import FedotError

QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
"""Nothing phones home; Flower and Ray read these when they are imported."""

Value = bool | float | int | str

POLL_SECONDS, PATIENCE = 1.0, 120.0
REASON = re.compile(r"fedot\.errors\.FedotError: (.+)")
PROGRESS = re.compile(r"\S+: +\d+ % .+")


def flwr(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run a command of Flower's CLI that answers in JSON; `environment` names `FLWR_HOME`, where connections are.

    Raises
    ------
    FedotError
        With Flower's own reason, if it fails.
    """
    done = subprocess.run(
        [script("flwr"), *arguments], env=dict(environment), capture_output=True, text=True, check=False
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        answer = {}
    if done.returncode or not answer.get("success"):
        reason = str(answer.get("error-message", "")) or (done.stderr or done.stdout).strip()
        raise FedotError(f"`flwr {arguments[0]}` failed: {' '.join(reason.split())[:500]}")
    return answer


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
        If the run fails; with its own reason where it gave one.
    """
    lines: list[str] = []
    while True:
        for line in _stream(environment, connection, run_id):
            lines.append(line)
            if PROGRESS.match(line):
                on_progress(line)
        status = _status(environment, connection, run_id)
        if status == "finished:completed":
            return
        if status.startswith("finished"):
            raise FedotError(_reason(lines, status))
        time.sleep(POLL_SECONDS)


def _status(environment: Mapping[str, str], connection: str, run_id: str) -> str:
    """Ask how a run is; a SuperLink that is started again keeps its runs, so a while without an answer is borne."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return str(flwr(environment, "ls", connection, "--run-id", run_id, "--format", "json")["runs"][0]["status"])
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
                yield line.rstrip()
        finally:
            process.terminate()


def _reason(lines: list[str], status: str) -> str:
    """Tell in one line why a run failed; where the apps did not say, keep their output for reading."""
    reasons = [found.group(1) for line in lines if (found := REASON.match(line))]
    if reasons:
        return reasons[-1]
    with tempfile.NamedTemporaryFile("w", prefix="fedot-flower-", suffix=".log", delete=False) as kept:
        kept.write("\n".join(lines))
    return f"the run ended as {status}; what it printed is in {kept.name}"


def script(name: str) -> str:
    """Path of a console script of the same environment."""
    path = Path(sys.executable).parent / name
    found = str(path) if path.is_file() else shutil.which(name)
    if not found:
        raise FedotError(f"there is no command {name}; is flwr installed in this environment?")
    return found


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
