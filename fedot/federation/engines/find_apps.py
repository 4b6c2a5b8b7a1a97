"""Where the two Flower apps are, and the folder that Flower makes a bundle of."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedot.errors import FedotError
from fedot.storage.package_files import BUNDLE, PACKAGE, find_beside

_APPS = ("clients/app.py", "server/app.py", "pyproject.toml")


def find_apps() -> Path:
    """Return the folder that holds `clients/`, `server/` and `pyproject.toml`, and make the apps importable.

    Raises
    ------
    FedotError
        If they have not come along with the package.
    """
    folder = find_beside(_APPS)
    if folder is None:
        raise FedotError(
            f"the Flower apps clients/ and server/ are neither beside {PACKAGE} nor in it, and without them no "
            "federation runs; install fedot again, or clone the repository"
        )
    if sys.path[:1] != [str(folder)]:  # first, since other projects call folders of theirs so, too
        sys.path.insert(0, str(folder))
    return folder


@contextmanager
def app_folder() -> Iterator[Path]:
    """Give the folder of an app as Flower bundles it: apps, scenarios and the library that they use.

    In a clone that is the clone. Of a wheel's parts it is made for the moment, and the bundle of it is the same.

    Raises
    ------
    FedotError
        If there are no apps.
    """
    folder = find_apps()
    if folder == PACKAGE.parent:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="fedot-app-") as name:
        made = Path(name)
        shutil.copytree(folder, made, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(PACKAGE, made / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__", BUNDLE))
        yield made
