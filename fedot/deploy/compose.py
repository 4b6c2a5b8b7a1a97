"""The compose file of a scenario's SuperNodes, made from the one in the repository, which has two."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fedot.errors import FedotError
from fedot.storage.package_files import PACKAGE
from fedot.text.outside import printable

FILE = "docker-compose.yml"
MODEL = "supernode-1"
MOST = 64
"""Folders for so many nodes' keys are in the image."""


def compose_file(clients: Sequence[str], scenario: str, edition: Mapping[str, str] | None = None) -> str:
    """Write an override of `docker-compose.yml`: a SuperNode for each client, and the scenario to run.

    Parameters
    ----------
    clients
        Their names, for comments.
    edition
        More of the run's environment, such as `FEDOT_PROFILE`.

    Raises
    ------
    FedotError
        If there are more clients than the image has folders for.
    """
    if len(clients) > MOST:
        raise FedotError(f"the scenario has {len(clients)} clients, and compose takes {MOST}; start the others by hand")
    base = yaml.safe_load(_base().read_text(encoding="utf-8"))["services"]
    services: dict[str, Any] = {
        "keys": {
            "command": [*base["keys"]["command"], *_nodes(range(2, len(clients)))],
            "volumes": [f"node-{k}:/keys/nodes/client-{k}" for k in range(2, len(clients))],
        },
        "run": {
            "environment": {"FEDOT_SCENARIO": scenario, **(edition or {})},
            "depends_on": {f"supernode-{k}": {"condition": "service_started"} for k in range(len(clients))},
        },
    }
    for k in range(2, len(clients)):
        services[f"supernode-{k}"] = _renumbered(copy.deepcopy(base[MODEL]), k)
    volumes = {f"{kind}-{k}": None for k in range(2, len(clients)) for kind in ("node", "none", "models")}
    lines = [f"# {printable(scenario)}: one SuperNode for each of its clients. Made by `fedot deploy compose`."]
    lines += [
        f"#   supernode-{k}: {printable(name)}; its data are those in $FEDOT_DATA_{k}" for k, name in enumerate(clients)
    ]
    body = {"services": services, **({"volumes": volumes} if volumes else {})}
    return "\n".join(lines) + "\n" + yaml.safe_dump(body, sort_keys=False, width=120)


def _base() -> Path:
    """The repository's own compose file; the image that it builds is made of the repository, too."""
    found = next((each for each in (PACKAGE.parent / FILE, Path(FILE)) if each.is_file()), None)
    if found is None:
        raise FedotError(
            f"there is no {FILE} here; clone the repository, of which the image is made, and run in its folder"
        )
    return found


def _nodes(numbers: range) -> list[str]:
    return [part for k in numbers for part in ("--node", f"client-{k}")]


def _renumbered(value: Any, k: int) -> Any:
    """Make of node 1 another one, wherever its number stands."""
    if isinstance(value, dict):
        return {_renumbered(key, k): _renumbered(item, k) for key, item in value.items()}
    if isinstance(value, list):
        return [_renumbered(item, k) for item in value]
    if not isinstance(value, str):
        return value
    marks = ("client-{}", "node-{}", "none-{}", "models-{}", "FEDOT_DATA_{}", "partition-id={}")
    for mark in marks:
        value = value.replace(mark.format(1), mark.format(k))
    return value
