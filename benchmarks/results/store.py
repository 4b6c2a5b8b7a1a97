"""The files under `results/`: one a run or work, a record a line, so that git shows which records changed."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.results import of_hf_scores, of_run, of_scores
from benchmarks.results.stamp import Stamp
from fedot.errors import FedotError
from fedot.storage.atomic import write_bytes
from fedot.text.outside import parse_json

FORMAT = 1
MOST_BYTES = 2**20
KINDS: dict[str, ModuleType] = {module.KIND: module for module in (of_run, of_scores, of_hf_scores)}
"""Each has `rows(values)` and `markdown(values, study)`, whose last part says what each method did."""


def write(path: Path, stamp: Stamp, values: Mapping[str, Any]) -> None:
    """Write one file of a study.

    Raises
    ------
    FedotError
        If the study has another file of another commit: all figures of a page are of one version.
    """
    for other in sorted(path.parent.glob("*.json")):
        found = read(other)["stamp"]["commit"]
        if other != path and found != stamp.commit:
            raise FedotError(
                f"{other} is of {found}, but this is of {stamp.commit}; collect all of a study from one commit, or "
                f"delete what is old"
            )
    parts = {"format": FORMAT, "stamp": asdict(stamp), **values}
    text = ",\n".join(f"{json.dumps(key)}: {_part(part)}" for key, part in parts.items())
    write_bytes(path, f"{{\n{text}\n}}\n".encode())


def read(path: Path) -> dict[str, Any]:
    """Read one file of a study.

    Raises
    ------
    FedotError
        If it is none.
    """
    values = parse_json(path.read_bytes(), path.name, MOST_BYTES)
    if not isinstance(values, dict) or values.get("format") != FORMAT or values.get("kind") not in KINDS:
        raise FedotError(f"{path} is no collected result of format {FORMAT}; make it by `benchmarks.results collect`")
    return values


def read_study(folder: Path) -> dict[str, dict[str, Any]]:
    """Read all files of a study, by their names without the ending: those with numbers by these."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.json"), key=_place)}


def _place(path: Path) -> tuple[str, int, str]:
    words = path.stem.split("-")
    number = next((int(word) for word in words if word.isdigit()), 0)
    return "-".join(word for word in words if not word.isdigit()), number, path.stem


def _part(part: Any) -> str:
    if isinstance(part, list) and part:
        return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in part) + "\n]"
    return json.dumps(part, ensure_ascii=False)
