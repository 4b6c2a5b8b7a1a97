"""What the server asks of the clients: who are you, train this, evaluate that."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from flwr.app import Message, MessageType, RecordDict
from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationRequest
from fedot.hf.checkpoint_tokenizer import referred
from fedot.models import State
from fedot.tasks import AnyTally
from fedot.text.outside import printable
from fedot.wire.boundary import emptied, read_replies, read_tallies, read_update
from fedot.wire.evaluations import pack_evaluations, sum_tallies
from fedot.wire.known import Known
from fedot.wire.messages import ARRAYS, CONFIG, ClientDescription, ClientUpdate, Settings
from fedot.wire.records import pack_state
from fedot.wire.updates import Asked

log = logging.getLogger("fedot.server")

TIMEOUT = 3600.0


@dataclass(frozen=True, slots=True)
class Federation:
    """The clients behind a grid, for one seed.

    Attributes
    ----------
    clients, known
        What each node's client said of itself, and what its replies are held against.
    absent
        Name of each client of the scenario that does not take part, and why.
    notices
        What whoever reads the results should know of how the clients fit each other.
    """

    grid: Grid
    settings: Settings
    clients: Mapping[int, ClientDescription]
    known: Mapping[int, Known]
    absent: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def names(self) -> dict[int, str]:
        """Client name by node id, in the order of partitions."""
        ordered = sorted(self.clients.items(), key=lambda item: item[1].partition_id)
        return {node: client.client for node, client in ordered}

    @property
    def partitions(self) -> dict[int, int]:
        """Partition by node id."""
        return {node: client.partition_id for node, client in self.clients.items()}

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, the same at all clients."""
        return next(iter(self.clients.values())).labels


def train_parents(
    federation: Federation, initial: State, *, keep: bool = True
) -> tuple[tuple[ClientUpdate, ...], tuple[tuple[str, str], ...]]:
    """Have every client train once; return the usable models and who failed why, by partition.

    Without `keep` nothing is kept of the models, but how their trainings went.
    """
    shared = federation.settings.init == "shared" and referred(federation.settings.tokenizer) is None
    sent = initial if shared else {}  # else every client draws a start of its own, or has it: a checkpoint
    content = RecordDict({ARRAYS: pack_state(sent), CONFIG: federation.settings.to_record()})
    names, places = federation.names, federation.partitions
    replies = ask(federation.grid, dict.fromkeys(names, content), MessageType.TRAIN)
    asked = {node: Asked(name, places[node], federation.known[node], server_round=1) for node, name in names.items()}
    good, failed = read_replies(
        emptied(replies), asked, read_update, lambda update: update if keep else replace(update, state={})
    )
    return tuple(update for _, update in good), tuple(failed)


def evaluate_everywhere(
    federation: Federation, request_for: Callable[[ClientDescription], EvaluationRequest]
) -> tuple[dict[str, AnyTally], ...]:
    """Evaluate as `evaluate_where_possible` does, where the figures of fewer clients would be of no use.

    Raises
    ------
    FedotError
        If one is left out; it is named.
    """
    results, failed = evaluate_where_possible(federation, request_for)
    if failed:
        raise FedotError(f"evaluation failed at {'; '.join(f'{name}: {reason}' for name, reason in failed)}")
    return results


def evaluate_where_possible(
    federation: Federation, request_for: Callable[[ClientDescription], EvaluationRequest]
) -> tuple[tuple[dict[str, AnyTally], ...], tuple[tuple[str, str], ...]]:
    """Evaluate on every client's test split; for each item the tallies by client and, added up, by ``all``.

    A client that fails, does not answer, or sends sums that cannot be, is left out of both, and so is one for which
    `request_for` raises a `FedotError`. Then there is a sum only if it is one of at least two clients.

    Returns
    -------
    tuple
        The tallies of each item, empty where nobody could evaluate, and who was left out and why.
    """
    names = federation.names
    requests, failed = _requests(federation, request_for)
    by_node: dict[int, tuple[AnyTally, ...]] = {}
    for reply in _first(ask(federation.grid, pack_evaluations(requests, federation.settings), MessageType.EVALUATE)):
        node = reply.metadata.src_node_id
        if node not in requests:
            continue
        try:
            if reply.has_error():
                raise FedotError(reply.error.reason or f"error {reply.error.code}")
            by_node[node] = read_tallies(reply.content, requests[node], federation.known[node])
        except FedotError as error:
            failed[node] = printable(error)
    left_out = tuple((name, failed.get(node, "no answer")) for node, name in names.items() if node not in by_node)
    answers = {name: by_node[node] for node, name in names.items() if node in by_node}
    results = []
    for tallies in zip(*answers.values(), strict=True):  # one round for each item
        total = {"all": sum_tallies(tallies)} if not left_out or len(answers) > 1 else {}
        results.append({**total, **dict(zip(answers, tallies, strict=True))})
    return tuple(results), left_out


def _requests(
    federation: Federation, request_for: Callable[[ClientDescription], EvaluationRequest]
) -> tuple[dict[int, EvaluationRequest], dict[int, str]]:
    """What to ask of each client, and why nothing can be asked of some."""
    requests: dict[int, EvaluationRequest] = {}
    failed: dict[int, str] = {}
    for node in federation.names:
        try:
            requests[node] = request_for(federation.clients[node])
        except FedotError as error:
            failed[node] = printable(error)
    return requests, failed


def ask(grid: Grid, contents: Mapping[int, RecordDict], kind: str) -> Iterable[Message]:
    """Send a message to each of some nodes, and hand on what they answer, as it comes in."""
    messages = [Message(content, node, kind) for node, content in contents.items()]
    return grid.send_and_receive(messages, timeout=TIMEOUT)


def _first(replies: Iterable[Message]) -> Iterator[Message]:
    """The first reply of each node; nobody asked for a second one."""
    seen: set[int] = set()
    for reply in replies:
        if reply.metadata.src_node_id not in seen:
            seen.add(reply.metadata.src_node_id)
            yield reply
