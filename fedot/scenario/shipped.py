"""The scenarios that come along with fedot: ``quickstart`` is the repository's ``scenarios/quickstart.yaml``."""

import os
from dataclasses import dataclass
from pathlib import Path

from fedot.errors import FedotError
from fedot.storage.package_files import find_beside
from fedot.text.did_you_mean import did_you_mean
from fedot.text.outside import printable

FOLDER = "scenarios"
SUFFIXES = (".yaml", ".yml")
TIME = "# Time on two free cores: "
"""How the line begins that says how long a scenario takes."""


@dataclass(frozen=True, slots=True)
class ShippedScenario:
    """A scenario that comes along: what it asks, on its first line, and how long it takes, where its file says so."""

    name: str
    path: Path
    question: str
    time: str = ""


def shipped_scenarios() -> dict[str, ShippedScenario]:
    """Every scenario that comes along, by name; none where the package is alone.

    Examples
    --------
    >>> shipped_scenarios()["quickstart"].path.name
    'quickstart.yaml'
    """
    folder = find_beside([FOLDER])
    paths = sorted((folder / FOLDER).glob("*.yaml")) if folder else []
    return {path.stem: _described(path) for path in paths}


def _described(path: Path) -> ShippedScenario:
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    time = next((line.removeprefix(TIME) for line in comments if line.startswith(TIME)), "")
    return ShippedScenario(path.stem, path, comments[0].lstrip("# ") if comments else "", time.rstrip("."))


def find_scenario(wanted: str | Path) -> Path:
    """Give the file of a scenario: the user's own, or else the one of this name that comes along.

    Parameters
    ----------
    wanted
        A path, which is taken as it is, or a name without a suffix. A file of that name in the current folder comes
        first, with its suffix or without.

    Raises
    ------
    FedotError
        If there is neither; it names the nearest name.

    Examples
    --------
    >>> find_scenario("quickstart").name, find_scenario("mine/own.yaml").as_posix()
    ('quickstart.yaml', 'mine/own.yaml')
    >>> find_scenario("quikstart")
    Traceback (most recent call last):
    fedot.errors.FedotError: there is no scenario quikstart, neither here nor with fedot; did you mean quickstart?
    """
    path = Path(wanted)
    if path.name != str(wanted) or path.suffix or os.path.isfile(path):
        return path
    own = next((each for each in map(path.with_suffix, SUFFIXES) if os.path.isfile(each)), None)
    return own or shipped_scenario(path.name).path


def shipped_scenario(name: str) -> ShippedScenario:
    """Give a scenario that comes along.

    Raises
    ------
    FedotError
        If there is none of this name; it names the nearest.
    """
    known = shipped_scenarios()
    if name not in known:
        hint = did_you_mean(name, known, f"choose from {', '.join(known)}")
        raise FedotError(f"there is no scenario {printable(name, 80)}, neither here nor with fedot; {hint}")
    return known[name]


def as_server_reads(path: Path) -> str:
    """Path of a scenario for a server that runs the bundle: in the bundle if it comes along, else as it is.

    Examples
    --------
    >>> as_server_reads(find_scenario("quickstart")), as_server_reads(Path("/studies/own.yaml"))
    ('scenarios/quickstart.yaml', '/studies/own.yaml')
    """
    along = any(each.path == path for each in shipped_scenarios().values())
    return f"{FOLDER}/{path.name}" if along else path.as_posix()


def instead_of(path: str | Path) -> str:
    """What to say of a path at which no scenario is.

    Examples
    --------
    >>> instead_of("scenarios/quickstart.yaml")
    'the scenario of this name that comes along is called quickstart, without a folder'
    """
    name, known = Path(path).stem, shipped_scenarios()
    if name in known:
        return f"the scenario of this name that comes along is called {name}, without a folder"
    return did_you_mean(name, known, f"those that come along are {', '.join(known)}")
