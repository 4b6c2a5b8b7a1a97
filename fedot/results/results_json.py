"""Writing and reading `results.json`, the contract that other people's scripts rely on."""

import json
import math
import os
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from fedot.errors import FedotError
from fedot.results.results_schema import check_results
from fedot.storage.atomic import write_bytes
from fedot.text.outside import parse_json, printable
from fedot.text.textfile import read_bounded

SCHEMA = 1
MOST_BYTES = 2**28
REQUIRED = {"scenario": dict, "provenance": dict, "rows": list}
OPTIONAL_LISTS = (
    *("failures", "lines", "reliability", "confusions", "couplings", "diagnostics", "training", "epochs", "plans"),
)
UNTOLD: dict[str, Any] = {"fedot": "", "notices": [], "data": {}, "seconds": 0.0, "stand_in": False}
"""What of the provenance others read without asking whether it is there."""


def write_results(results: Mapping[str, Any], out_dir: Path) -> Path:
    """Write `results.json` into `out_dir` ; a reader sees the old file or the new one, never half.

    Parameters
    ----------
    results : mapping
        Schema-1 results. NumPy numbers and arrays, tuples and paths are welcome; numbers that are not finite
        become null, because JSON has none.
    out_dir : Path
        Created when missing.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FedotError
        If a value has no JSON form or the folder cannot be written to.
    """
    text = json.dumps({"schema": SCHEMA, **plain(results)}, indent=1, ensure_ascii=False, allow_nan=False)
    path = out_dir / "results.json"
    write_bytes(path, f"{text}\n".encode())
    return path


def load_results(path: Path) -> dict[str, Any]:
    """Read a `results.json`; what an older release left out comes back empty.

    Raises
    ------
    FedotError
        If the file is missing, is no JSON, has another schema, lacks a part, or has a field that cannot be: one line
        with the path of that field (`fedot.results.results_schema`).
    """
    content = read_bounded(Path(path), MOST_BYTES, "a run writes it as OUT/results.json")
    where = printable(path, 4096)
    try:
        results = parse_json(content, where, MOST_BYTES)
    except FedotError as error:
        if isinstance(error.__context__, json.JSONDecodeError):
            line = error.__context__.lineno
            raise FedotError(f"{where}, line {line}: this is no valid JSON; was the file cut off?") from None
        raise
    found = results.get("schema") if isinstance(results, dict) else None
    if type(found) is not int or found != SCHEMA:
        got = printable(repr(found), 40)
        raise FedotError(f"{where} has schema {got}, but this version reads schema {SCHEMA}")
    for key, kind in REQUIRED.items():
        if not isinstance(results.get(key), kind):
            raise FedotError(f"{where} has no {key} ({kind.__name__} wanted), so it is no complete results file")
    check_results(results, where)
    for key in OPTIONAL_LISTS:
        results.setdefault(key, [])
    for key, value in UNTOLD.items():
        results["provenance"].setdefault(key, copy(value))
    return dict(results)


def plain(value: Any) -> Any:
    """Turn a value into what JSON knows: text, finite numbers, booleans, null, lists and dictionaries.

    Raises
    ------
    FedotError
        If a value has no such form.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()  # half of a surrogate pair: ?
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise FedotError(f"results hold a {type(value).__name__}, which has no place in a JSON file")
