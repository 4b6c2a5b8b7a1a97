"""An engine on one machine: messages are function calls, in this process or in a few worker processes."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future

from flwr.app import Context, Error, Message, RecordDict
from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.federation.client.policy import SIMULATED
from fedot.federation.engines.workers import start_pool, stop_pool
from fedot.terminal import stopwatch
from fedot.wire.flower_private import Run, assume_identity, give_id

log = logging.getLogger("fedot.engine")

FIRST_NODE = 1000
Value = bool | float | int | str


class InProcessGrid(Grid):
    """Carry messages to clients on this machine.

    Parameters
    ----------
    node_configs
        One mapping for each client, with at least ``partition-id``; a client with keys of
        `fedot.federation.client.policy` decides by them, as a deployed one does.
    workers
        0 answers messages one after the other in this process. More start that many processes, each with one
        thread; the results are the same to the bit.
    """

    def __init__(
        self,
        node_configs: Sequence[Mapping[str, Value]],
        run_config: Mapping[str, Value],
        workers: int = 0,
    ) -> None:
        assume_identity()
        self._contexts = {
            FIRST_NODE + i: Context(1, FIRST_NODE + i, {**config, SIMULATED: True}, RecordDict(), dict(run_config))
            for i, config in enumerate(node_configs)
        }
        self._replies: dict[str, Message] = {}
        self._run: Run | None = None
        self._workers = workers
        self._pool = start_pool(workers) if workers > 0 else None

    def __enter__(self) -> "InProcessGrid":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers at once, if there are any."""
        if self._pool is not None:
            stop_pool(self._pool)
            self._pool = None

    def set_run(self, run: Run) -> None:
        """Keep the run's description."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run's description, once it is set."""
        if self._run is None:
            raise RuntimeError("this grid belongs to no run")
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """Make a message to a node."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Ids of all clients."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Have every message answered, and return their ids."""
        batch = list(messages)
        replies = list(self._replied(batch))
        ids = [message.metadata.message_id for message in batch]
        self._replies |= dict(zip(ids, replies, strict=True))
        return ids

    def _replied(self, batch: list[Message]) -> Iterator[Message]:
        """Answer messages in their order, each when its reply is asked for; workers are a little ahead."""
        for message in batch:
            give_id(message)
        contexts = [self._contexts[message.metadata.dst_node_id] for message in batch]
        for reply, state in self._answers(batch, contexts):
            self._contexts[reply.metadata.src_node_id].state = state
            yield reply

    def _answers(self, batch: list[Message], contexts: list[Context]) -> Iterator[tuple[Message, RecordDict]]:
        if self._pool is None:
            yield from map(_answer, batch, contexts)
            return
        ahead: deque[Future[tuple[Message, RecordDict, stopwatch.Spent]]] = deque()

        def next_answer() -> tuple[Message, RecordDict]:
            reply, state, spent = ahead.popleft().result()
            stopwatch.add(spent)
            return reply, state

        try:
            for message, context in zip(batch, contexts, strict=True):
                ahead.append(self._pool.submit(_answer_apart, message, context))
                if len(ahead) > 2 * self._workers:
                    yield next_answer()
            while ahead:
                yield next_answer()
        except BrokenExecutor:
            raise FedotError(
                "a worker process died, perhaps for lack of memory; try --workers 0, or a smaller model or batch"
            ) from None

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Hand out the replies to these messages."""
        return [self._replies.pop(message_id) for message_id in list(message_ids) if message_id in self._replies]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Have every message answered when its reply is asked for; a function call cannot time out."""
        del timeout
        return self._replied(list(messages))


def _answer_apart(message: Message, context: Context) -> tuple[Message, RecordDict, stopwatch.Spent]:
    """Answer in a worker, and tell what that took."""
    import clients.app  # noqa: F401  (which belongs to its start)

    stopwatch.started()
    return *_answer(message, context), stopwatch.take()


def _answer(message: Message, context: Context) -> tuple[Message, RecordDict]:
    """Run the ClientApp on one message; what it raises becomes an error reply."""
    from clients.app import app

    try:
        return app(message, context), context.state
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # panics of Rust are no Exception
        log.exception("a ClientApp crashed")
        reply = Message(Error(code=2, reason=type(error).__name__), reply_to=message)
        return reply, context.state
