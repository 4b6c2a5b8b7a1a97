"""Where the two Flower apps are: beside the package, in a clone of the repository."""

import sys
from pathlib import Path

from fedot.errors import FedotError

_APPS = ("clients/app.py", "server/app.py", "pyproject.toml")


def find_apps() -> Path:
    """Return the folder that holds `clients/`, `server/` and `pyproject.toml`, and make the apps importable.

    Raises
    ------
    FedotError
        If they are neither beside the package nor in the current folder, as with a bare wheel.
    """
    for folder in (Path(__file__).resolve().parents[3], Path.cwd()):
        if all((folder / name).is_file() for name in _APPS):
            if str(folder) not in sys.path:
                sys.path.append(str(folder))
            return folder
    raise FedotError(
        "the Flower apps clients/ and server/ are not beside the fedot package, which alone cannot run a "
        "federation; clone the repository and run from its folder"
    )
