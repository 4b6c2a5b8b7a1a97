"""``python -m fedot.status OUT``: how far a run is; exit code 0 finished, 3 running, 4 interrupted or failed."""

import json
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from fedot.errors import FedotError
from fedot.storage.atomic import replacing
from fedot.terminal.command import command
from fedot.text.outside import parse_json, printable, told
from fedot.text.textfile import read_bounded

NAME = "status.json"
SILENCE = 3600.0
"""Seconds without a step after which a run on another host is called silent."""

MOST_BYTES, DEEPEST = 2**16, 4
LATEST = 2.0**40
"""No time or amount of work is larger."""

CODES = {"finished": 0, "running": 3, "failed": 4}

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run is; `work` of `total` units are done, times are seconds since 1970, UTC."""

    name: str
    state: Literal["running", "finished", "failed"]
    phase: str
    work: float
    total: float
    started: float
    updated: float
    pid: int
    host: str
    reason: str = ""

    @property
    def share(self) -> float:
        """Part of the work that is done, 0 to 1."""
        return min(1.0, self.work / self.total) if self.total else 1.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest would take at the pace so far; None before there is one."""
        gone = self.updated - self.started
        return gone * (1 - self.share) / self.share if self.share > 0 and self.state == "running" else None


def write_status(status: Status, folder: Path) -> None:
    """Write the file, or leave it as it was: a full disk must not end a run because of it."""
    with suppress(OSError), replacing(folder / NAME) as temporary:
        temporary.write_text(json.dumps(asdict(status)), encoding="utf-8")


def read_status(folder: Path) -> Status:
    """Read a run's status; a run whose process is gone has failed, whatever its file says.

    Raises
    ------
    FedotError
        If there is no status, or none that can be read.
    """
    path = folder / NAME
    if not os.path.lexists(path):
        raise FedotError(f"{folder} holds no {NAME}; give the output folder of a run")
    status = _status(parse_json(read_bounded(path, MOST_BYTES), str(path), MOST_BYTES, DEEPEST), str(path))
    if status.state == "running" and status.host == socket.gethostname() and not _alive(status.pid):
        return replace(status, state="failed", reason="its process is gone; go on with --resume")
    return status


def _status(values: object, where: str) -> Status:
    """Check what a file says; keys of a later release are let be."""
    found = values if isinstance(values, dict) else {}
    for field in fields(Status):
        if field.name not in found and field.name != "reason":
            raise FedotError(f"{where} cannot be read: it has no {field.name}")
    known = {field.name: found[field.name] for field in fields(Status) if field.name in found}
    for name, value in known.items():
        if name == "state":
            good, wanted = value in CODES if isinstance(value, str) else False, f"one of {', '.join(CODES)}"
        elif name == "pid":
            good, wanted = type(value) is int and 0 < value < 2**31, "the number of a process"
        elif name in ("work", "total", "started", "updated"):
            good = type(value) in (int, float) and 0 <= value <= LATEST
            wanted = f"a number from 0 to {LATEST:.0f}"
        else:
            good, wanted = isinstance(value, str), "text"
        if not good:
            raise FedotError(f"{where} cannot be read: {name} is {printable(repr(value), 60)}, but must be {wanted}")
    return Status(**known)


@contextmanager
def reporting(name: str, total: float, folder: Path) -> Iterator[Report]:
    """Keep `status.json` in a folder; call the result with (phase, work done) after every step."""
    now = time.time()
    status = Status(name, "running", "starting", 0.0, total, now, now, os.getpid(), socket.gethostname())

    def report(phase: str, work: float) -> None:
        nonlocal status
        status = replace(status, phase=phase, work=status.work + work, updated=time.time())
        write_status(status, folder)

    report("starting", 0.0)
    try:
        yield report
    except BaseException as error:
        told = str(error) if isinstance(error, FedotError) else type(error).__name__
        write_status(replace(status, state="failed", updated=time.time(), reason=told), folder)
        raise
    write_status(replace(status, state="finished", work=total, updated=time.time()), folder)


def lines_of(status: Status, now: float) -> list[str]:
    """Say it in plain words, a line each."""
    out = [
        f"{status.name}: {status.state}, {100 * status.share:.0f} %",
        f"{'last step' if status.state != 'running' else 'at'}: {status.phase}",
        f"started {_ago(now - status.started)} ago, last step {_ago(now - status.updated)} ago",
    ]
    if status.left is not None:
        out.append(f"about {_ago(status.left)} left at this pace")
    if status.state == "running" and now - status.updated > SILENCE:
        out.append("nothing has been heard for long; look at its log")
    if status.reason:
        out.append(status.reason)
    return [printable(line, 1000) for line in out]


def _ago(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "very long"
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole % 3600 // 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def status(
    folder: Annotated[Path, typer.Argument(help="Output folder of a run; of one with variants, their common folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the status as JSON.")] = False,
) -> None:
    """Tell how far a run is. Exit code: 0 finished, 3 running, 4 interrupted or failed, 2 no run there."""
    with command():
        with told(f"{folder} cannot be looked into"):
            single = os.path.lexists(folder / NAME)
            places = [folder] if single else sorted(path.parent for path in folder.glob(f"*/{NAME}"))
        found = [read_status(place) for place in places or [folder]]
        for each in found:
            typer.echo(json.dumps(asdict(each)) if as_json else "\n".join(lines_of(each, time.time())))
    raise typer.Exit(max(CODES[each.state] for each in found))


if __name__ == "__main__":
    typer.run(status)
