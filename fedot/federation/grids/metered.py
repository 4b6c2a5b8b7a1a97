"""A grid that watches another: who takes part, bytes, replies, time."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from flwr.app import Message
from flwr.serverapp import Grid

from fedot.federation.grids.passthrough import PassingGrid
from fedot.wire.half_precision import narrow, widen
from fedot.wire.records import record_bytes


class MeteredGrid(PassingGrid):
    """Pass everything on to `grid`, and count by message type what is exchanged: bytes, and when the last reply was in.

    Replies come one by one, as the grid behind has them, and are not kept; an exchange is over once all were taken.
    Weights travel at half precision where that is wanted (`fedot.wire.half_precision`), and are counted as they travel.
    All nodes are there until it is known who takes part.
    """

    def __init__(self, grid: Grid, half: bool = False) -> None:
        super().__init__(grid)
        self._half = half
        self._admitted: frozenset[int] | None = None
        self.ended: dict[str, float] = {}
        self.bytes_down: Counter[str] = Counter()
        self.bytes_up: Counter[str] = Counter()

    def admit(self, nodes: Collection[int]) -> None:
        """Hide all nodes but these from now on: nobody asks the others for anything."""
        self._admitted = frozenset(nodes)

    def get_node_ids(self) -> Iterable[int]:
        """Ids of those who take part and are connected."""
        return [node for node in self._grid.get_node_ids() if self._admitted is None or node in self._admitted]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send messages, and hand on the replies while taking down what goes back and forth."""
        sent = list(messages)
        if not sent:
            return []
        kind = sent[0].metadata.message_type.split(".")[0]
        if self._half:
            narrow([message.content for message in sent])
        contents = {id(message.content): message.content for message in sent}
        sizes = {key: record_bytes(content) for key, content in contents.items()}  # many are sent the same
        self.bytes_down[kind] += sum(sizes[id(message.content)] for message in sent)
        return self._metered(kind, self._grid.send_and_receive(sent, timeout=timeout))

    def _metered(self, kind: str, replies: Iterable[Message]) -> Iterator[Message]:
        for reply in replies:
            if reply.has_content():
                self.bytes_up[kind] += record_bytes(reply.content)
                if self._half:
                    widen(reply.content)
            yield reply
        self.ended[kind] = time.perf_counter()
