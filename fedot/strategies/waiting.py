"""Replies that wait for the rest of their round: beyond a bound their arrays wait in a file, not in memory."""

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import torch
from flwr.app import Array, ArrayRecord, Message, MetricRecord
from torch import Tensor

from fedot.terminal.stopwatch import timed
from fedot.wire.messages import ARRAYS, METRICS, ClientUpdate
from fedot.wire.plain_replies import PlainUpdate
from fedot.wire.records import arrays_in, empty, pack_state

Sent = TypeVar("Sent", ClientUpdate, PlainUpdate)

MOST_HELD = 2**26
"""Bytes of arrays that wait in memory."""


class NamelessFile:
    """A temporary file without a name, which goes with the last that uses it."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._handle = os.dup(file.fileno())
        self._end = 0
        weakref.finalize(self, os.close, self._handle)

    def append(self, content: bytes) -> int:
        """Write at the end, and tell where that was."""
        began, left = self._end, memoryview(content)
        while left:
            written = os.pwrite(self._handle, left, self._end)
            self._end, left = self._end + written, left[written:]
        return began

    def read(self, place: int, size: int) -> bytes:
        """Read so many bytes from a place."""
        return os.pread(self._handle, size, place)


class StoredArray(Array):
    """An array whose bytes are in a file, and are read whenever they are asked for."""

    def __init__(self, array: Array, file: NamelessFile) -> None:
        self.dtype, self.shape, self.stype = array.dtype, array.shape, array.stype
        self._file, self._place, self._size = file, file.append(array.data), len(array.data)

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The bytes, as of any other array."""
        return self._file.read(self._place, self._size)


class StoredState(Mapping[str, Tensor]):
    """A model whose tensors are in a file, and are read whenever they are asked for."""

    def __init__(self, state: Mapping[str, Tensor], file: NamelessFile) -> None:
        self._file = file
        self._places: dict[str, tuple[int, Tensor]] = {}
        for name, tensor in state.items():
            content = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
            self._places[name] = file.append(content), torch.empty_like(tensor, device="meta")

    def __getitem__(self, name: str) -> Tensor:
        place, like = self._places[name]
        content = bytearray(self._file.read(place, like.nbytes))
        flat = torch.frombuffer(content, dtype=like.dtype) if content else torch.empty(0, dtype=like.dtype)
        return flat.reshape(like.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Waiting:
    """The replies of one round, of which only the first of each node counts.

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
        self._file: NamelessFile | None = None

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
        sent = arrays_in(content)[ARRAYS]
        whole = all(array.dtype == "float32" for array in sent.values())
        arrays = ArrayRecord({name: sent[name] for name in update.state}) if whole else pack_state(update.state)
        empty(content)
        content[ARRAYS] = self._held(arrays)
        content[METRICS] = MetricRecord(
            {"num-examples": update.num_examples, "validation-loss": update.validation_loss}
        )
        return replace(update, state={})

    @timed("writing")
    def keep(self, update: Sent) -> Sent:
        """Leave nothing in the latest reply, and return what was checked of it, its tensors in memory or in a file."""
        empty(self.messages[self.node].content)
        self._room -= sum(tensor.nbytes for tensor in update.state.values())
        if self._room >= 0:
            return update
        self._file = self._file or NamelessFile()
        return replace(update, state=StoredState(update.state, self._file))

    def _held(self, arrays: ArrayRecord) -> ArrayRecord:
        self._room -= sum(len(array.data) for array in arrays.values())
        if self._room >= 0:
            return arrays
        self._file = self._file or NamelessFile()
        stored = ArrayRecord()
        for name, array in arrays.items():
            stored[name] = StoredArray(array, self._file)  # given to the constructor, its bytes would be read
        return stored
