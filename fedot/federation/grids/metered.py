"""A grid that watches another: bytes, replies, time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from fedot.federation.grids.passthrough import PassingGrid
from fedot.wire.records import record_bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """One phase of messages and replies: their payloads in bytes, and when the last reply was in."""

    bytes_down: int
    bytes_up: int
    ended: float


class MeteredGrid(PassingGrid):
    """Pass everything on to `grid`, and keep how much was exchanged last, and how much in all, by message type.

    Replies come one by one, as the grid behind has them, and are not kept; an exchange is over once all were taken.
    `outgoing` changes the messages of an exchange before they are sent, `incoming` a reply once it is counted.
    """

    def __init__(
        self,
        grid: Grid,
        on_exchange: Callable[[str, Exchange], None] | None = None,
        outgoing: Callable[[Sequence[RecordDict]], None] | None = None,
        incoming: Callable[[RecordDict], None] | None = None,
    ) -> None:
        super().__init__(grid)
        self._outgoing, self._incoming = outgoing or (lambda _: None), incoming or (lambda _: None)
        self._on_exchange = on_exchange or (lambda *_: None)
        self.latest: dict[str, Exchange] = {}
        self.bytes_down: Counter[str] = Counter()
        self.bytes_up: Counter[str] = Counter()

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send messages, and hand on the replies while taking down what goes back and forth."""
        sent = list(messages)
        if not sent:
            return []
        kind = sent[0].metadata.message_type.split(".")[0]
        self._outgoing([message.content for message in sent])
        down = sum(record_bytes(message.content) for message in sent)
        self.bytes_down[kind] += down
        return self._metered(kind, down, self._grid.send_and_receive(sent, timeout=timeout))

    def _metered(self, kind: str, down: int, replies: Iterable[Message]) -> Iterator[Message]:
        up = 0
        for reply in replies:
            if reply.has_content():
                size = record_bytes(reply.content)
                up += size
                self.bytes_up[kind] += size
                self._incoming(reply.content)
            yield reply
        self.latest[kind] = Exchange(down, up, time.perf_counter())
        self._on_exchange(kind, self.latest[kind])
