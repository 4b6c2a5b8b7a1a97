"""Replies one by one, as they come in, where Flower's own grids return all of them at once."""

import time
from collections.abc import Iterable, Iterator

from flwr.app import Message

from fedot.federation.grids.passthrough import PassingGrid
from fedot.storage.allocator import give_back

PAUSE = 1.0


class StreamedGrid(PassingGrid):
    """Fetch each reply when it is asked for, so that whoever takes them holds no more than one.

    What is not fetched yet waits at the SuperLink.
    """

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Send messages at once; fetch the replies, in the order in which they come, until the timeout in seconds."""
        ends = None if timeout is None else time.monotonic() + timeout
        # Flower returns None for a message that could not be sent
        return self._arriving([sent for sent in self._grid.push_messages(list(messages)) if sent], ends)

    def _arriving(self, waiting: list[str], ends: float | None) -> Iterator[Message]:
        while waiting and (ends is None or time.monotonic() < ends):
            before, waiting = waiting, []
            for sent in before:
                reply = next(iter(self._grid.pull_messages([sent])), None)
                if reply is None:
                    waiting.append(sent)
                    continue
                yield reply
                del reply  # before the next is there
                give_back()
            if len(waiting) == len(before):
                time.sleep(PAUSE if ends is None else max(0.0, min(PAUSE, ends - time.monotonic())))
