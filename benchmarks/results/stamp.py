"""What ran: commit, day and command, without any path of the machine that it ran on."""

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fedot.errors import FedotError

DIRTY = "-dirty"
PLACES = {"--data-dir": "DATA", "--cache": "CACHE", "--out": "OUT"}
"""Options whose values are places on a machine, and what stands for them."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Commit of the code that ran, day of the run, and its command."""

    commit: str
    date: str
    command: str


def commit_of(code: Path) -> str:
    """Commit of a checkout, with ``-dirty`` behind it where a file differs from it.

    Raises
    ------
    FedotError
        If the folder is no checkout.
    """
    try:
        done = subprocess.run(
            ["git", "-C", str(code), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        raise FedotError(f"{code} is no git checkout, so nobody knows which code ran; name one with --code") from None
    return done.stdout.strip()


def checked(commit: str | None, dirty: bool, what: str) -> str:
    """Give the commit, or refuse one that does not say what ran.

    Raises
    ------
    FedotError
        If there is none, or the code was changed since and `dirty` does not allow that.
    """
    if not commit:
        raise FedotError(f"{what} does not say which commit ran; run it from a git checkout")
    if commit.endswith(DIRTY) and not dirty:
        raise FedotError(f"{what} ran code that is in no commit ({commit}); commit, run again, or say --dirty")
    return commit


def without_places(command: str) -> str:
    """Write a command as anybody would type it.

    Examples
    --------
    >>> without_places("python -m x a.yaml --data-dir /home/me/data --cache=/tmp/c --seeds 0,1")
    'python -m x a.yaml --data-dir DATA --cache CACHE --seeds 0,1'
    """
    for option, word in PLACES.items():
        command = re.sub(rf"{option}[ =]('[^']*'|\"[^\"]*\"|\S+)", f"{option} {word}", command)
    return command


def day_of(path: Path) -> str:
    """Day on which a file was last written, in UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
