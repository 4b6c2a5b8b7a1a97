"""Versions of everything that the image installs: written anew by one command, in the folder of the clone.

    python -m fedot.deploy.constraints

It asks pip what it would install today for the image's Python, installs nothing, and writes constraints.txt. CUDA's
packages are left out: whether torch wants them depends on the index that it comes from.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from fedot.errors import FedotError
from fedot.terminal.command import command
from fedot.text.outside import printable

FILE, PYTHON = "constraints.txt", "3.11"
BUILDERS = ("editables",)
"""What an editable installation needs beside the project's own build requirements."""

EXTRAS = ("hf",)
"""What the image installs beside what every installation has: clients fine-tune checkpoints."""

PLATFORM = re.compile(r"(nvidia|cuda)-.*|triton")
HEAD = f"""\
# Versions of everything that the image installs (Python {PYTHON}), for pip's -c. Written by
#   python -m fedot.deploy.constraints
"""


def requirements(project: Path) -> list[str]:
    """Read what a `pyproject.toml` needs to be built and to run in the image."""
    known = tomllib.loads(project.read_text(encoding="utf-8"))
    extras = [each for name in EXTRAS for each in known["project"]["optional-dependencies"][name]]
    return [*known["project"]["dependencies"], *extras, *known["build-system"]["requires"], *BUILDERS]


def write(installed: Iterable[tuple[str, str]]) -> str:
    """Write names and versions as pip's constraints, without what belongs to a platform.

    Examples
    --------
    >>> print(write([("Torch", "2.13.0+cpu"), ("nvidia-nccl-cu13", "2.28"), ("h11", "0.16.0")]).splitlines()[2:])
    ['h11==0.16.0', 'torch==2.13.0']
    """
    pins = {canonical(name): version.partition("+")[0] for name, version in installed}
    return HEAD + "".join(f"{name}=={pins[name]}\n" for name in sorted(pins) if not PLATFORM.fullmatch(name))


def canonical(name: str) -> str:
    """Write a distribution's name as indexes do.

    Examples
    --------
    >>> canonical("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(needed: Iterable[str]) -> list[tuple[str, str]]:
    """Ask pip what it would install, names and versions.

    Raises
    ------
    FedotError
        If it finds no versions that fit together; with its reason.
    """
    with tempfile.TemporaryDirectory(prefix="fedot-pip-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += ["--python-version", PYTHON, "--only-binary", ":all:", "--target", folder, "--report", str(report)]
        done = subprocess.run([*command, *needed], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise FedotError(f"pip finds no versions that fit together: {printable(done.stderr[-500:], 500)}")
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [(item["metadata"]["name"], item["metadata"]["version"]) for item in items]


def main() -> None:
    """Entry point."""
    with command():
        if not Path("pyproject.toml").is_file():
            raise FedotError("there is no pyproject.toml here; run this in the folder of the clone")
        Path(FILE).write_text(write(resolve(requirements(Path("pyproject.toml")))), encoding="utf-8")


if __name__ == "__main__":
    main()
