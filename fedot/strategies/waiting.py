"""Replies that wait for the rest of their round: beyond a bound their arrays wait in a file, not in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from flwr.app import Array, ArrayRecord, Message, MetricRecord

from fedot.storage.stored_state import NamelessFile, StoredState
from fedot.terminal.stopwatch import timed
from fedot.wire.messages import ARRAYS, METRICS, ClientUpdate
from fedot.wire.plain_replies import PlainUpdate
from fedot.wire.records import arrays_in, empty, pack_state

Sent = TypeVar("Sent", ClientUpdate, PlainUpdate)

MOST_HELD = 2**26
"""Bytes of arrays that wait in memory."""


class StoredArray(Array):
    """An array whose bytes are in a file, and are read whenever they are asked for."""

    def __init__(self, array: Array, file: NamelessFile) -> None:
        self.dtype, self.shape, self.stype = array.dtype, array.shape, array.stype
        self._file, self._place, self._size = file, file.append(array.data), len(array.data)

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The bytes, as of any other array."""
        return bytes(self._file.read(self._place, self._size))


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
        return replace(update, state=StoredState.of(update.state, self._file))

    def _held(self, arrays: ArrayRecord) -> ArrayRecord:
        self._room -= sum(len(array.data) for array in arrays.values())
        if self._room >= 0:
            return arrays
        self._file = self._file or NamelessFile()
        stored = ArrayRecord()
        for name, array in arrays.items():
            stored[name] = StoredArray(array, self._file)  # given to the constructor, its bytes would be read
        return stored
