"""Replies that wait for the rest of their round: beyond a bound their arrays wait in a file, not in memory."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO

from flwr.app import Array, ArrayRecord, Message, MetricRecord

from fedot.terminal.stopwatch import timed
from fedot.wire.messages import ARRAYS, METRICS, ClientUpdate
from fedot.wire.records import pack_state

MOST_HELD = 2**26
"""Bytes of arrays that wait in memory."""


class StoredArray(Array):
    """An array whose bytes are in a file, and are read whenever they are asked for."""

    def __init__(self, array: Array, file: IO[bytes]) -> None:
        self.dtype, self.shape, self.stype = array.dtype, array.shape, array.stype
        self._file, self._place, self._size = file, file.seek(0, os.SEEK_END), len(array.data)
        file.write(array.data)

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The bytes, as of any other array."""
        return os.pread(self._file.fileno(), self._size, self._place)


class Waiting:
    """The replies of one round, of which only the first of each node counts.

    The file has no name, and goes with the last array that is in it.

    Attributes
    ----------
    messages
        The reply of each node.
    node
        Whose reply came in last.
    """

    def __init__(self, most: int = MOST_HELD) -> None:
        self.messages: dict[int, Message] = {}
        self.node = 0
        self._room = most
        self._file: IO[bytes] | None = None

    def first(self, replies: Iterable[Message]) -> Iterator[Message]:
        """Hand on the first reply of each node."""
        for message in replies:
            if message.metadata.src_node_id not in self.messages:
                self.node = message.metadata.src_node_id
                self.messages[self.node] = message
                yield message

    @timed("writing")
    def put_away(self, update: ClientUpdate) -> ClientUpdate:
        """Leave nothing in the latest reply but what was checked of it, and return the rest of that.

        There are tensors in the order of the model, and numbers.
        """
        content = self.messages[self.node].content
        sent = content.array_records[ARRAYS]
        whole = all(array.dtype == "float32" for array in sent.values())
        arrays = ArrayRecord({name: sent[name] for name in update.state}) if whole else pack_state(update.state)
        for name in list(content):
            del content[name]
        content[ARRAYS] = self._held(arrays)
        content[METRICS] = MetricRecord(
            {"num-examples": update.num_examples, "validation-loss": update.validation_loss}
        )
        return replace(update, state={})

    def _held(self, arrays: ArrayRecord) -> ArrayRecord:
        self._room -= sum(len(array.data) for array in arrays.values())
        if self._room >= 0:
            return arrays
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        return ArrayRecord({name: StoredArray(array, self._file) for name, array in arrays.items()})
