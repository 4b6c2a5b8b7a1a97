"""Files that somebody else names: looked for below one folder, and nowhere else."""

from pathlib import Path, PurePosixPath

from fedot.errors import FedotError
from fedot.scenario import CorpusSpec, Scenario
from fedot.scenario.file_keys import FILES
from fedot.text.outside import printable

ROLES = ("train", "test")


def below(folder: Path | None, given: str) -> Path:
    """Find a regular file below a folder, by a relative path that another party chose.

    A path that is absolute or climbs is refused before the disk is asked for anything. A link is followed, and must not
    lead out. Whatever is wrong, the error is the same: it does not tell what there is elsewhere.

    Raises
    ------
    FedotError
        If there is no such file, or no folder to look in.
    """
    place = PurePosixPath(given)
    if folder is not None and not place.is_absolute() and ".." not in place.parts:
        try:
            root = folder.resolve(strict=True)
            path = (root / place).resolve(strict=True)
            if path.is_relative_to(root) and path.is_file():
                return path
        except (OSError, RuntimeError, ValueError):  # no such file, a loop of links, a name that no disk can have
            pass
    raise FedotError(f"there is no file {printable(given)!r} below this node's data-path; give a path relative to it")


def enclosed(scenario: Scenario, partition_id: int, folder: Path | None) -> Scenario:
    """Give the scenario without a folder of its own, and with one client's files as paths below `folder`.

    Raises
    ------
    FedotError
        If one of the files is not there.
    """
    scenario = scenario.model_copy(update={"base_dir": None})
    spec = scenario.client_specs()[partition_id]
    if spec.dataset != FILES:
        return scenario
    found = {role: str(below(folder, given)) for role in ROLES if (given := getattr(spec, role)) is not None}
    if isinstance(scenario.clients, CorpusSpec):
        return scenario.model_copy(update={"clients": scenario.clients.model_copy(update=found)})
    clients = list(scenario.clients)
    clients[partition_id] = spec.model_copy(update=found)
    return scenario.model_copy(update={"clients": tuple(clients)})
