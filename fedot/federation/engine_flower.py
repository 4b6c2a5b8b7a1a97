"""Flower's own simulation runtime as the engine: a SuperLink of ours, which runs the clients on Ray.

Everything that Flower writes goes into a temporary folder, the SuperLink listens on a free local port, and
neither it nor any process that it started outlives the run.
"""

import contextlib
import importlib.util
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.federation.apps import find_apps

log = logging.getLogger("fedot.engine")

CONNECTION = "fedot"
START_SECONDS, POLL_SECONDS, STOP_SECONDS = 60.0, 1.0, 10.0
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
REASON = re.compile(r"fedot\.errors\.FedotError: (.+)")
PROGRESS = re.compile(r"\S+: +\d+ % .+")

Value = bool | float | int | str


def run_on_ray(
    run_config: Mapping[str, Value], n_client: int, on_progress: Callable[[str], None] | None = None
) -> None:
    """Run the apps on Flower's simulation runtime, and return when the run has ended well.

    Parameters
    ----------
    run_config
        Values for keys of ``[tool.flwr.app.config]``; paths must be absolute.
    n_client
        Number of simulated nodes.
    on_progress
        Called with every line of progress that the ServerApp prints.

    Raises
    ------
    FedotError
        If Ray is not installed, Flower does not start, or the run fails; then with the run's own reason.
    """
    if importlib.util.find_spec("ray") is None:
        raise FedotError("--engine flower needs Ray, which is not installed; pip install 'fedot-fl[ray]'")
    apps = find_apps()
    with _home() as home, _superlink(home) as environment:
        settings = home / "run.toml"
        # TOML reads JSON's scalars, but not its pairs of surrogates, so characters go as they are
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in run_config.items()]
        settings.write_text("".join(lines), encoding="utf-8")
        gpus = 1.0 if run_config.get("device") == "cuda" else 0.0
        federation = (
            f"num-supernodes={n_client} client-resources-num-cpus=1 client-resources-num-gpus={gpus} "
            f"init-args-num-cpus={min(os.cpu_count() or 1, n_client)}"
        )
        run = _flwr(
            environment,
            *("run", str(apps), CONNECTION, "--format", "json"),
            *("--run-config", str(settings), "--federation-config", federation),
        )
        _follow(environment, str(run["run-id"]), on_progress or log.info)


def _follow(environment: Mapping[str, str], run_id: str, on_progress: Callable[[str], None]) -> None:
    """Wait for the end of the run, passing its progress on.

    A stream of its output costs no computing time, which on few cores is short; asking again and again would.
    """
    lines: list[str] = []
    while True:
        for line in _stream(environment, run_id):
            lines.append(line)
            if PROGRESS.match(line):
                on_progress(line)
        runs = _flwr(environment, "ls", CONNECTION, "--run-id", run_id, "--format", "json")["runs"]
        status = str(runs[0]["status"])
        if status == "finished:completed":
            return
        if status.startswith("finished"):
            raise FedotError(_reason(lines, status))
        time.sleep(POLL_SECONDS)


def _stream(environment: Mapping[str, str], run_id: str) -> Iterator[str]:
    """Yield the lines that the run's apps print, until it ends."""
    command = [_script("flwr"), "log", run_id, CONNECTION, "--stream"]
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
    return f"Flower's simulation ended as {status}; what it printed is in {kept.name}"


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """Make a folder for all that Flower writes, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="fedot-flower-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _superlink(home: Path) -> Iterator[dict[str, str]]:
    """Start a SuperLink in a session of its own, give the environment to reach it, stop all at the end."""
    port = _free_port()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "{CONNECTION}"\n[superlink.{CONNECTION}]\n'
        f'address = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    environment = {
        **os.environ,
        **QUIET,
        "FLWR_HOME": str(home),
        "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",  # or progress would come in one piece at the end
    }
    command = [
        *(
            _script("flower-superlink"),
            "--insecure",
            "--simulation",
            "--disable-runtime-dependency-installation",
        ),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    with (home / "superlink.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=home,
            start_new_session=True,
        )
        try:
            _wait_until_up(process, port)
            yield environment
        finally:
            _stop(process, home)


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise FedotError(f"Flower's SuperLink did not start within {START_SECONDS:.0f} s; try --engine inprocess")


def _stop(process: subprocess.Popen[bytes], home: Path) -> None:
    """End the SuperLink and all that it started, first politely; also what left its session, as Ray does."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        for pid in _living_in(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        while _living_in(home) and time.monotonic() < deadline:
            time.sleep(0.1)


def _living_in(home: Path) -> list[int]:
    """Find the processes whose `FLWR_HOME` is this run's folder; none where there is no /proc."""
    mark, found = f"FLWR_HOME={home}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _flwr(environment: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run a command of Flower's CLI that answers in JSON."""
    done = subprocess.run(
        [_script("flwr"), *arguments], env=dict(environment), capture_output=True, text=True, check=False
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        answer = {}
    if done.returncode or not answer.get("success"):
        reason = str(answer.get("error-message", "")) or (done.stderr or done.stdout).strip()
        raise FedotError(f"`flwr {arguments[0]}` failed: {' '.join(reason.split())[:500]}")
    return answer


def _script(name: str) -> str:
    """Path of a console script of the same environment."""
    path = Path(sys.executable).parent / name
    found = str(path) if path.is_file() else shutil.which(name)
    if not found:
        raise FedotError(f"there is no command {name}; is flwr installed in this environment?")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
