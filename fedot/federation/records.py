"""Tensors, counts and plain values in Flower records."""

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from torch import Tensor

from fedot.models import State

PATHS = ("data-dir", "base-dir", "cache")


def pack_state(state: State) -> ArrayRecord:
    """Write tensors as arrays; bfloat16, which NumPy lacks, goes as float32."""
    return ArrayRecord(
        {
            name: Array((t.float() if t.dtype == torch.bfloat16 else t).detach().cpu().numpy())
            for name, t in state.items()
        }
    )


def unpack_state(record: ArrayRecord) -> State:
    """Read tensors; the copies are writable."""
    return {name: torch.from_numpy(np.array(array.numpy())) for name, array in record.items()}


def pack_counts(counts: Tensor) -> bytes:
    """Write counts (V,) as little-endian int64."""
    data: bytes = counts.numpy().astype("<i8").tobytes()
    return data


def unpack_counts(data: bytes) -> Tensor:
    """Read counts."""
    return torch.from_numpy(np.frombuffer(data, dtype="<i8").copy())


def record_bytes(content: RecordDict) -> int:
    """Size of a message's payload in bytes: arrays as they are serialised, texts and numbers as such.

    Paths do not count; they go along in simulations only, and a run's figures must not hang on where it ran.
    """
    total = 0
    for record in content.values():
        if isinstance(record, ArrayRecord):
            total += sum(len(array.data) for array in record.values())
        elif isinstance(record, MetricRecord | ConfigRecord):
            total += sum(_value_bytes(value) for key, value in record.items() if key not in PATHS)
    return total


def _value_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, list):
        return sum(_value_bytes(item) for item in value)
    return 8


def as_text(value: object) -> str:
    """Take a value for a text; a `TypeError` tells if it is not."""
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value


def as_bytes(value: object) -> bytes:
    """Take a value for bytes; a `TypeError` tells if it is not."""
    if not isinstance(value, bytes):
        raise TypeError("bytes are needed")
    return value


def as_whole(value: object) -> int:
    """Take a value for a whole number; a `TypeError` tells if it is not."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is needed")
    return value


def as_number(value: object) -> float:
    """Take a value for a number; a `TypeError` tells if it is not."""
    if not isinstance(value, int | float):
        raise TypeError("a number is needed")
    return float(value)


def as_texts(value: object) -> tuple[str, ...]:
    """Take a value for a list of texts; a `TypeError` tells if it is not."""
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple(as_text(item) for item in value)
