"""Flower's own simulation runtime as the engine: a SuperLink of ours, which runs the clients on Ray.

Everything that Flower writes goes into a temporary folder, the SuperLink listens on a free local port, and
neither it nor any process that it started outlives the run.
"""

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fedot.errors import FedotError
from fedot.federation.client.policy import SIMULATION
from fedot.federation.engines.find_apps import app_folder
from fedot.federation.engines.flower_cli import Value, flower_settings, follow, free_port, script, start_run

log = logging.getLogger("fedot.engine")

CONNECTION = "fedot"
START_SECONDS, STOP_SECONDS = 60.0, 10.0


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
    with app_folder() as apps, _home() as home, _superlink(home) as environment:
        gpus = 1.0 if run_config.get("device") == "cuda" else 0.0
        federation = (
            f"num-supernodes={n_client} client-resources-num-cpus=1 client-resources-num-gpus={gpus} "
            f"init-args-num-cpus={min(os.cpu_count() or 1, n_client)}"
        )
        run_id = start_run(environment, CONNECTION, apps, run_config, "--federation-config", federation)
        follow(environment, CONNECTION, run_id, on_progress or log.info)


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """Make a folder for all that Flower writes, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="fedot-flower-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _superlink(home: Path) -> Iterator[dict[str, str]]:
    """Start a SuperLink in a session of its own, give the environment to reach it, stop all at the end."""
    port = free_port()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "{CONNECTION}"\n[superlink.{CONNECTION}]\n'
        f'address = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    environment = {
        **os.environ,
        **flower_settings(),
        "FLWR_HOME": str(home),
        SIMULATION: "1",
        "PYTHONUNBUFFERED": "1",  # or progress would come in one piece at the end
    }
    command = [
        *(
            script("flower-superlink"),
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
