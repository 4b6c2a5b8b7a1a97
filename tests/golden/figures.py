"""Figures of tensors and of runs, the machine that they hold on, and how two sets of them are compared."""

import hashlib
import json
import math
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

FILE = Path(__file__).with_name("figures.json")
PROJECTIONS = 2
DIGITS = 9
"""Significant digits of the figures that are written."""
TOLERANCE = 1e-4
"""Tolerance of figures on another kind of machine: relative, of sums and projections relative to the norm."""
LOOSE = 0.1
"""Tolerance of shares and losses of models that were trained on another kind of machine, where training diverges."""

Figures = dict[str, Any]


def of_tensors(tensors: Mapping[str, Tensor]) -> Figures:
    """SHA-256 of names, types, shapes and bytes, and the norm, the sum and projections on random vectors."""
    digest, pieces = hashlib.sha256(), []
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
        pieces.append(tensor.double().flatten().numpy())
    values = np.concatenate(pieces)
    generator = np.random.default_rng(0)
    projections = [float(values @ (generator.random(values.size) - 0.5)) for _ in range(PROJECTIONS)]
    return {
        "sha256": digest.hexdigest(),
        "norm": rounded(math.sqrt(float(values @ values))),
        "sum": rounded(float(values.sum())),
        "projections": [rounded(each) for each in projections],
    }


def of_text(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def of_record(record: Any) -> str:
    """SHA-256 of a part of ``results.json``, but for what the clock said."""
    return of_text(json.dumps(_timeless(record), sort_keys=True))


def of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Metrics and traffic by strategy, round, split and seed."""
    return {
        "{strategy} round {round} of {split} seed {seed}".format(**row): {
            **{key: rounded(value) for key, value in row["metrics"].items()},
            **{key: row[key] for key in ("bytes_up", "bytes_down")},
        }
        for row in rows
    }


def rounded(value: float | None) -> Any:
    """A number to `DIGITS` significant digits."""
    return value if value is None else float(f"{value:.{DIGITS}g}")


def machine() -> dict[str, str]:
    """All that decides the last bit of a sum on this machine."""
    import scipy.linalg  # noqa: F401  # loads its own linear algebra
    from threadpoolctl import threadpool_info

    cpu = Path("/proc/cpuinfo")
    lines = [line.split(":", 1) for line in cpu.read_text().splitlines() if ":" in line] if cpu.is_file() else []
    facts: dict[str, str] = {}
    for key, value in lines:
        facts.setdefault(key.strip(), value.strip())
    names = ("vendor_id", "cpu family", "model", "model name")
    libraries = {f"{each['internal_api']} {each.get('version')} {each.get('architecture', '')}".strip()
                 for each in threadpool_info() if each["user_api"] == "blas"}  # fmt: skip
    return {
        "architecture": platform.machine(),
        "cpu": ", ".join(facts[name] for name in names if name in facts) or platform.processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "blas": ", ".join(sorted(libraries)),
        **{name: version(name) for name in ("torch", "numpy", "scipy", "pot", "scikit-learn", "tokenizers")},
    }


def read() -> dict[str, Any]:
    """The file of figures."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def differences(found: Figures, wanted: Figures, *, same_machine: bool, trained: bool) -> list[str]:
    """What differs, one line each: to the bit on the machine that wrote the file, else within the tolerances.

    Parameters
    ----------
    trained
        Whether models were trained for these figures. On another machine only their rows are compared, and these
        loosely: the rounding of a sum decides which way a training goes.
    """
    if same_machine:
        left, right = dict(flat(found)), dict(flat(wanted))
        keys = [*right, *(key for key in left if key not in right)]
        return [f"{key}: {left.get(key)}, not {right.get(key)}" for key in keys if left.get(key) != right.get(key)]
    if trained:
        return _loosely(found["rows"], wanted["rows"])
    return _nearly("case", found, wanted)


def flat(value: Any, place: str = "") -> Iterable[tuple[str, Any]]:
    """Every number and text, with the keys that lead to it."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(each, f"{place} / {key}" if place else str(key))
    else:
        yield place, value


def _nearly(name: str, found: Any, wanted: Any, scale: float = 1.0) -> list[str]:
    """What differs by more than the tolerance; a hash of numbers says nothing here."""
    if isinstance(wanted, dict):
        if found.keys() != wanted.keys():
            return [f"{name}: {sorted(found)}, not {sorted(wanted)}"]
        scale = wanted.get("norm", scale)
        keys = [key for key in wanted if not key.startswith("sha256")]
        return [line for key in keys for line in _nearly(f"{name} / {key}", found[key], wanted[key], scale)]
    if isinstance(wanted, str) or found is None or wanted is None:
        near = found == wanted
    else:
        near = np.shape(found) == np.shape(wanted) and np.allclose(found, wanted, TOLERANCE, TOLERANCE * scale)
    return [] if near else [f"{name}: {found}, not {wanted}"]


def _loosely(found: Figures, wanted: Figures) -> list[str]:
    if found.keys() != wanted.keys():
        return [f"rows: {sorted(found)}, not {sorted(wanted)}"]
    out = []
    for row, metrics in wanted.items():
        if found[row].keys() != metrics.keys():
            out.append(f"{row}: {sorted(found[row])}, not {sorted(metrics)}")
            continue
        for key in ("accuracy", "macro_f1", "nll", "brier"):
            if key in metrics and abs(found[row][key] - metrics[key]) > LOOSE:
                out.append(f"{row} / {key}: {found[row][key]}, not {metrics[key]}")
    return out


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key != "seconds"}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
