"""Tensors, counts and plain values in Flower records."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from numpy.typing import NDArray
from torch import Tensor

from fedot.errors import FedotError
from fedot.models import State
from fedot.terminal.stopwatch import timed
from fedot.text.outside import PASSES, printable, told

IN_SIMULATIONS = ("data-dir", "base-dir", "cache", "train-losses", "validation-losses")
"""Values that go along in simulations only, where clients and server are one user's."""

MOST_HEADER = 1024
"""Bytes of the longest header of an array: its type, and its shape in a few numbers."""

LONGEST_PREFIX = 12
"""Bytes before it: a mark, a version, and the header's length."""


class PackedState(Mapping[str, Tensor]):
    """A model as it is sent. Its tensors are the record's own memory: they take none, and must not be written to.

    Packing it gives the record.
    """

    __slots__ = ("record",)

    def __init__(self, record: ArrayRecord) -> None:
        self.record = record

    def __getitem__(self, name: str) -> Tensor:
        return as_tensor(read_array(self.record[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.record)

    def __len__(self) -> int:
        return len(self.record)


def as_tensor(values: NDArray[Any]) -> Tensor:
    """Take numbers that are only read for a tensor, without a copy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it must not be written to
        return torch.from_numpy(values)


@timed("packing")
def pack_state(state: Mapping[str, Tensor]) -> ArrayRecord:
    """Write tensors as arrays; bfloat16, which NumPy lacks, goes as float32."""
    if isinstance(state, PackedState):
        return state.record
    return ArrayRecord(
        {
            name: Array((t.float() if t.dtype == torch.bfloat16 else t).detach().cpu().numpy())
            for name, t in state.items()
        }
    )


@timed("packing")
def unpack_state(record: ArrayRecord) -> State:
    """Read tensors; the copies are writable.

    Raises
    ------
    FedotError
        Naming the tensor that `read_array` refuses.
    """
    state = {}
    for name, array in record.items():
        try:
            state[name] = torch.from_numpy(read_array(array).copy())
        except (FedotError, TypeError) as error:  # a TypeError is a type that torch does not have
            raise FedotError(f"a model is malformed: tensor {printable(name, 80)}: {error}") from None
    return state


def _header(begin: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order and type of an array, and where its numbers begin; `begin` has the whole header.

    All models of a federation have the same few headers, and NumPy takes longer to read one than its numbers.
    """
    size = {b"\x01": 2, b"\x02": 4}[begin[6:7]]
    end = 8 + size + int.from_bytes(begin[8 : 8 + size], "little")
    return *_parsed(begin[:end]), end


@lru_cache(1024)
def _parsed(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """What NumPy's own reader finds in a header."""
    content = io.BytesIO(header)
    major, _ = np.lib.format.read_magic(content)
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[major]
    found: tuple[tuple[int, ...], bool, np.dtype[Any]] = read(content, max_header_size=MOST_HEADER)
    return found


def read_array(array: Array) -> NDArray[Any]:
    """Look into an array without copying it; what it is said to be is held against what is there.

    NumPy's own reader believes the header: it makes room for as many numbers as that claims, and opens archives.

    Raises
    ------
    FedotError
        If it is not an array of plain numbers in NumPy's format, of the type and the shape that the record says, with
        as many bytes as these need.
    """
    with told("it is no array in NumPy's format"):
        content = array.data
        shape, fortran, kind, began = _header(content[: MOST_HEADER + LONGEST_PREFIX])
        if kind.kind not in "fiub" or kind.names is not None or kind.subdtype is not None:
            raise FedotError(f"it holds {printable(kind, 40)}, and numbers are needed")
        if array.stype != "numpy.ndarray" or (array.dtype, tuple(array.shape)) != (kind.name, shape):
            raise FedotError(f"it holds {kind.name} of shape {shape}, but says that it is something else")
        if len(content) - began != kind.itemsize * int(np.prod(shape, dtype=object)) or min(shape, default=0) < 0:
            raise FedotError(f"it has {len(content) - began} bytes, which is not what {kind.name} of {shape} needs")
        values = np.frombuffer(content, kind, offset=began)
        return values.reshape(shape, order="F" if fortran else "C")


def pack_counts(counts: Tensor) -> bytes:
    """Write counts (V,) as little-endian int64."""
    data: bytes = counts.numpy().astype("<i8").tobytes()
    return data


def unpack_counts(data: bytes) -> Tensor:
    """Read counts; a `ValueError` tells if the bytes are not those of whole numbers."""
    return torch.from_numpy(np.frombuffer(data, dtype="<i8").copy())


@timed("packing")
def record_bytes(content: RecordDict) -> int:
    """Size of a message's payload in bytes: arrays as they are serialised, texts and numbers as such.

    What goes along in simulations only does not count: a run's figures must not hang on where it ran.
    """
    total = 0
    for record in content.values():
        if isinstance(record, ArrayRecord):
            total += sum(len(array.data) for array in record.values())
        elif isinstance(record, MetricRecord | ConfigRecord):
            total += sum(_value_bytes(value) for key, value in record.items() if key not in IN_SIMULATIONS)
    return total


def _value_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="surrogatepass"))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, list):
        plain = not value or isinstance(value[0], int | float)  # a list holds values of one type
        return 8 * len(value) if plain else sum(_value_bytes(item) for item in value)
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


def as_numbers(value: object) -> tuple[float, ...]:
    """Take a value for a list of numbers; a `TypeError` tells if it is not."""
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple(as_number(item) for item in value)


def as_texts(value: object) -> tuple[str, ...]:
    """Take a value for a list of texts; a `TypeError` tells if it is not."""
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple(as_text(item) for item in value)


def empty(content: RecordDict) -> None:
    """Let go of what a message holds; Flower's records refer to themselves, and would wait for Python's collector."""
    for name in list(content):
        del content[name]


def arrays_in(content: RecordDict) -> dict[str, ArrayRecord]:
    """The arrays of a message by their names.

    Flower's own `array_records` is a copy that refers to itself, and would keep all arrays until Python's garbage
    collector comes by.
    """
    return {str(name): record for name, record in content.items() if isinstance(record, ArrayRecord)}


@contextmanager
def malformed(what: str) -> Iterator[None]:
    """Make one `FedotError` of whatever a message's bytes make NumPy, json and compiled code raise, and say what."""
    try:
        yield
    except PASSES:
        raise
    except BaseException as error:  # panics of Rust are no Exception
        raise FedotError(f"{what} is malformed ({type(error).__name__}: {printable(error, 100)})") from error
