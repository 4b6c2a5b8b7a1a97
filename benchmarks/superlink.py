"""What one SuperLink of Flower's holds: real SuperNodes on this machine that send back what they are sent.

    python -m benchmarks.superlink --nodes 2,8,32,64 --sizes 1000,2400000

SuperLink and SuperNodes are Flower's own programs, without TLS; the database is a file. A round sends so many bytes to
every node and waits until all are back (`benchmarks/echo_app`). Processor seconds are those of the SuperLink's process
alone, and of a SuperNode with the processes that it starts for each message. While nothing is sent, SuperNodes ask for
messages all the time; what that takes is measured first, for `IDLE` seconds.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.memory import peak
from fedot.deploy.submit import CONNECTION, SuperLink, connection, wait_for_supernodes
from fedot.federation.engines.flower_cli import Value, flower_settings, follow, free_port, script, start_run

APP = Path(__file__).parent / "echo_app"
TICK = os.sysconf("SC_CLK_TCK")
START, IDLE = 600.0, 20.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What the rounds of a run took.

    Attributes
    ----------
    rounds
        Seconds of each.
    idle
        Processor seconds of the SuperLink in a second without messages.
    superlink, supernodes
        Processor seconds of the SuperLink, and of all SuperNodes together, while the run lasted.
    memory, database
        Largest resident set of the SuperLink, and its file, in bytes.
    """

    rounds: tuple[float, ...]
    idle: float
    superlink: float
    supernodes: float
    memory: int
    database: int


def own_seconds(process: int) -> float:
    """Processor seconds of a process so far (/proc, Linux)."""
    return sum(map(int, _stat(process)[11:13])) / TICK


def family_seconds(process: int) -> float:
    """Those of a process, of its children and of theirs, also of such that have ended."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            children.setdefault(int(_stat(int(path.name))[1]), []).append(int(path.name))
    total, left = 0.0, [process]
    while left:
        each = left.pop()
        left += children.get(each, [])
        with contextlib.suppress(OSError):
            total += sum(map(int, _stat(each)[11:15])) / TICK
    return total


def _stat(process: int) -> list[str]:
    return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()


@contextmanager
def programs(folder: Path, nodes: int) -> Iterator[tuple[SuperLink, subprocess.Popen[bytes], list[int]]]:
    """Start a SuperLink and SuperNodes; end them all."""
    address = f"127.0.0.1:{free_port()}"
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *command: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **flower_settings(), "FLWR_HOME": str(folder / name), "OMP_NUM_THREADS": "1"}
        with (folder / f"{name}.log").open("wb") as log:
            started.append(
                subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            )
        return started[-1]

    port = address.rpartition(":")[2]
    try:
        superlink = start(
            "superlink",
            *(sys.executable, "-m", "fedot.deploy.superlink", "--insecure", "--host", "127.0.0.1", "--port", port),
            *("--database", str(folder / "state.db"), "--disable-runtime-dependency-installation"),
        )
        _wait_for("127.0.0.1", int(port))
        for k in range(nodes):
            start(
                f"node-{k}",
                *(script("flower-supernode"), "--insecure", "--superlink", address),
                *("--host", "127.0.0.1", "--port", str(free_port()), "--node-config", f"partition-id={k}"),
            )
        yield SuperLink(address), superlink, [each.pid for each in started[1:]]
    finally:
        for each in reversed(started):
            each.terminate()
        for each in started:
            each.wait(60)


def _wait_for(host: str, port: int) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
            return
        time.sleep(0.5)


def measure(nodes: int, sizes: list[int], rounds: int) -> dict[int, Cost]:
    """Run so many rounds with arrays of each size."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apps = Path(shutil.copytree(APP, folder / "app"))
        with programs(folder, nodes) as (link, superlink, supernodes), connection(link) as environment:
            wait_for_supernodes(environment, nodes, START)
            began = own_seconds(superlink.pid)
            time.sleep(IDLE)
            idle = (own_seconds(superlink.pid) - began) / IDLE
            for size in sizes:
                out = folder / f"{size}.json"
                config: dict[str, Value] = {"out": str(out), "nodes": nodes, "rounds": rounds, "size": size}
                before = _spent(superlink.pid, supernodes)
                follow(environment, CONNECTION, start_run(environment, CONNECTION, apps, config), print)
                after = _spent(superlink.pid, supernodes)
                files = [path.stat().st_size for path in folder.glob("state.db*")]
                found[size] = Cost(
                    tuple(json.loads(out.read_text())),
                    idle,
                    after["superlink"] - before["superlink"],
                    after["supernodes"] - before["supernodes"],
                    peak(str(superlink.pid)),
                    sum(files),
                )
    return found


def _spent(superlink: int, supernodes: list[int]) -> Mapping[str, float]:
    return {"superlink": own_seconds(superlink), "supernodes": sum(map(family_seconds, supernodes))}


def main(
    nodes: Annotated[str, typer.Option(help="Numbers of SuperNodes.")] = "2,8,32,64",
    sizes: Annotated[str, typer.Option(help="Bytes sent each way.")] = "1000,2400000",
    rounds: Annotated[int, typer.Option(help="Rounds of each size.")] = 3,
) -> None:
    """Print a table."""
    titles = (
        *("SuperNodes", "bytes each way", "seconds a round", "SuperLink, ms a second idle"),
        *("SuperLink, ms an exchange", "SuperNode, s an exchange", "SuperLink, MiB", "its file, MiB"),
    )
    print(f"| {' | '.join(titles)} |\n|{'---:|' * len(titles)}")
    for count in map(int, nodes.split(",")):
        for size, cost in measure(count, [int(size) for size in sizes.split(",")], rounds).items():
            exchanges = count * rounds
            cells = (
                f"{count}",
                f"{size:,}",
                f"{sum(cost.rounds) / rounds:.1f}",
                f"{1000 * cost.idle:.0f}",
                f"{1000 * cost.superlink / exchanges:.0f}",
                f"{cost.supernodes / exchanges:.2f}",
                f"{cost.memory / 2**20:,.0f}",
                f"{cost.database / 2**20:,.0f}",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
