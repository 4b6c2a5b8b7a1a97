"""Weights on the wire: at half precision where a scenario says ``transfer: float16``, float32 everywhere else.

Whoever sends narrows, whoever receives widens, so that nothing in between ever computes at half precision.
"""

from collections.abc import Sequence

import numpy as np
from flwr.app import Array, ArrayRecord, RecordDict

from fedot.errors import FedotError
from fedot.wire.records import arrays_in, read_array

LARGEST = float(np.finfo(np.float16).max)


def narrow(contents: Sequence[RecordDict]) -> None:
    """Turn float32 arrays of messages into float16, in place; one with a number beyond 65,504 stays as it is.

    A record that several messages share is narrowed once, and shared as before.
    """
    done: dict[int, tuple[ArrayRecord, ArrayRecord]] = {}  # the records too: ids of the dead come again
    for content in contents:
        for key, record in arrays_in(content).items():
            if id(record) not in done:
                narrowed = ArrayRecord({name: _narrowed(array) for name, array in record.items()})
                done[id(record)] = done[id(narrowed)] = record, narrowed
            content[key] = done[id(record)][1]


def widen(content: RecordDict) -> None:
    """Turn float16 arrays of a message into float32, in place.

    One that says so and cannot be read as such stays as it is: whoever takes the message refuses it.
    """
    for key, record in arrays_in(content).items():
        if any(array.dtype == "float16" for array in record.values()):
            content[key] = ArrayRecord({name: _widened(array) for name, array in record.items()})


def _narrowed(array: Array) -> Array:
    values = read_array(array)
    # NaN compares as false and is sent on: the server is to see it
    fits = values.dtype == np.float32 and not bool((np.abs(values) > LARGEST).any())
    return Array(values.astype(np.float16)) if fits else array


def _widened(array: Array) -> Array:
    if array.dtype != "float16":
        return array
    try:
        return Array(read_array(array).astype(np.float32))
    except FedotError:
        return array
