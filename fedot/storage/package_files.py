"""What comes along with the package: beside it in a clone of the repository, inside it in a wheel."""

from collections.abc import Iterable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
BUNDLE = "bundle"
"""Folder of the package in which a wheel has what a clone has beside it."""


def find_beside(names: Iterable[str]) -> Path | None:
    """Return the folder that holds all of these files and folders; None if there is none.

    Examples
    --------
    >>> folder = find_beside(["scenarios/quickstart.yaml"])
    >>> folder is not None and (folder / "scenarios").is_dir()
    True
    """
    wanted = list(names)
    folders = (PACKAGE.parent, PACKAGE / BUNDLE)
    return next((folder for folder in folders if all((folder / name).exists() for name in wanted)), None)
