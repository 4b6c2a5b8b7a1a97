"""A grid that watches another: bytes, replies, time."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

from fedot.federation.flower_private import Run
from fedot.federation.records import record_bytes

Change = Callable[[RecordDict], None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One phase of messages and replies: their payloads in bytes, and when the last reply was in."""

    bytes_down: int
    bytes_up: int
    replies: tuple[Message, ...]
    ended: float


class MeteredGrid(Grid):
    """Pass everything on to `grid`, and keep what was exchanged last, and how much in all, by message type.

    `outgoing` changes a message before it is sent, `incoming` a reply once it is counted.
    """

    def __init__(
        self,
        grid: Grid,
        on_exchange: Callable[[str, Exchange], None] | None = None,
        outgoing: Change | None = None,
        incoming: Change | None = None,
    ) -> None:
        self._grid = grid
        self._outgoing, self._incoming = outgoing or (lambda _: None), incoming or (lambda _: None)
        self._on_exchange = on_exchange or (lambda *_: None)
        self.latest: dict[str, Exchange] = {}
        self.bytes_down: Counter[str] = Counter()
        self.bytes_up: Counter[str] = Counter()

    def set_run(self, run: Run) -> None:
        """Set the run of the grid behind."""
        self._grid.set_run(run)

    @property
    def run(self) -> Run:
        """The run of the grid behind."""
        return self._grid.run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message."""
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def get_node_ids(self) -> Iterable[int]:
        """Ids of the connected nodes."""
        return self._grid.get_node_ids()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Send messages, unmetered."""
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Fetch replies, unmetered."""
        return self._grid.pull_messages(message_ids)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send messages, wait for the replies, and take down what went back and forth."""
        sent = list(messages)
        if not sent:
            return []
        for message in sent:
            self._outgoing(message.content)
        down = sum(record_bytes(message.content) for message in sent)
        replies = tuple(self._grid.send_and_receive(sent, timeout=timeout))
        exchange = Exchange(
            bytes_down=down,
            bytes_up=sum(record_bytes(reply.content) for reply in replies if reply.has_content()),
            replies=replies,
            ended=time.perf_counter(),
        )
        for reply in replies:
            if reply.has_content():
                self._incoming(reply.content)
        kind = sent[0].metadata.message_type.split(".")[0]
        self.latest[kind] = exchange
        self.bytes_down[kind] += exchange.bytes_down
        self.bytes_up[kind] += exchange.bytes_up
        self._on_exchange(kind, exchange)
        return replies
