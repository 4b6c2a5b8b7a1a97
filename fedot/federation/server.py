"""What the server asks of the clients: who are you, train this, evaluate that."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from flwr.app import Message, MessageType, RecordDict
from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.federation.evaluations import AnyTally, EvaluationRequest, pack_evaluations, sum_tallies, unpack_tallies
from fedot.federation.messages import ARRAYS, CONFIG, ClientDescription, ClientUpdate, Settings, unpack_description
from fedot.federation.records import pack_state
from fedot.models import State
from fedot.scenario import Scenario
from fedot.strategies.guard import wait_for_nodes
from fedot.strategies.validation import read_replies
from fedot.tokenizer import train_tokenizer, unpack_words

log = logging.getLogger("fedot.server")

TIMEOUT, PAUSE = 3600.0, 1.0

AWAY = frozenset({3, 4, 5, 8})
"""Flower's codes of a message or node that was lost, or of a client that was killed: it may come back."""


@dataclass(frozen=True, slots=True)
class Federation:
    """The clients behind a grid, for one seed."""

    grid: Grid
    settings: Settings
    clients: Mapping[int, ClientDescription]

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


def gather(grid: Grid, scenario: Scenario, settings: Settings, connect_seconds: float = 120.0) -> Federation:
    """Find out who is there, and train the shared tokenizer from everybody's word counts.

    Raises
    ------
    FedotError
        If a client is missing, cannot read its data, or has other classes than the rest.
    """
    names = scenario.client_names()
    deadline = time.monotonic() + connect_seconds
    clients: dict[int, ClientDescription] = {}
    while True:
        nodes = wait_for_nodes(grid, len(names), max(0.0, deadline - time.monotonic()))
        clients = {node: client for node, client in clients.items() if node in nodes}
        if len(nodes) < len(names):
            raise FedotError(f"only {len(nodes)} of {len(names)} clients connected within {connect_seconds:.0f} s")
        unknown = [node for node in nodes if node not in clients]
        away = ""
        for reply in _ask(grid, dict.fromkeys(unknown, RecordDict({CONFIG: settings.to_record()})), "query.describe"):
            if not reply.has_error():
                clients[reply.metadata.src_node_id] = unpack_description(reply.content)
            elif reply.error.code not in AWAY:
                raise FedotError(reply.error.reason or "a client failed to describe itself")
            else:
                away = " ".join((reply.error.reason or "").split())
        if not away:
            break
        if time.monotonic() >= deadline:
            raise FedotError(f"{len(clients)} of {len(names)} clients said who they are in time: {away}")
        log.warning("a client went away, and is asked again: %s", away)
        time.sleep(PAUSE)
    _check_identities(clients, names)
    label_sets = {client.labels: client.client for client in clients.values()}
    if len(label_sets) > 1:
        told = "; ".join(f"{name}: {', '.join(labels)}" for labels, name in label_sets.items())
        raise FedotError(
            f"the clients have different classes ({told}); give all clients the same `labels`, of files a list as in "
            "labels: [neg, pos], and a label_map where a file codes them otherwise, as in label_map: {0: neg, 1: pos}"
        )
    if any(scenario.tokenizer_spec(k).scope == "shared" for k in range(len(names))):
        total = sum_words([client.words for client in clients.values() if client.words])
        settings = replace(settings, tokenizer=train_tokenizer(total, scenario.tokenizer, scenario.task).to_str())
    return Federation(grid, settings, clients)


def _check_identities(clients: Mapping[int, ClientDescription], names: Sequence[str]) -> None:
    """Refuse two nodes in one place, and a node that goes by another client's name."""
    holder: dict[int, int] = {}
    for node, client in clients.items():
        place = client.partition_id
        if place in holder:
            raise FedotError(
                f"nodes {holder[place]} and {node} both say that their partition-id is {place}; "
                f"give each node its own, 0 to {len(names) - 1}"
            )
        holder[place] = node
        if 0 <= place < len(names) and client.client != names[place]:
            raise FedotError(
                f"node {node} has the partition-id {place}, which is {names[place]}, but says that it is "
                f"{client.client!r}; do all nodes have the same scenario?"
            )
    if sorted(holder) != list(range(len(names))):
        raise FedotError(f"clients 0 to {len(names) - 1} are needed, one each, but these answered: {sorted(holder)}")


def sum_words(packed: Sequence[bytes]) -> Counter[str]:
    """Add up clients' word counts."""
    total: Counter[str] = Counter()
    for words in packed:
        total.update(unpack_words(words))
    return total


def train_parents(
    federation: Federation, initial: State
) -> tuple[tuple[ClientUpdate, ...], tuple[tuple[str, str], ...]]:
    """Have every client train once; return the usable models and who failed why, by partition."""
    sent = initial if federation.settings.init == "shared" else {}  # else every client draws a start of its own
    content = RecordDict({ARRAYS: pack_state(sent), CONFIG: federation.settings.to_record()})
    replies = _ask(federation.grid, dict.fromkeys(federation.names, content), MessageType.TRAIN)
    good, failed = read_replies(replies, federation.names, federation.partitions, None, 1)
    return tuple(update for _, update in good), tuple(failed)


def evaluate_everywhere(
    federation: Federation, request_for: Callable[[ClientDescription], EvaluationRequest]
) -> tuple[dict[str, AnyTally], ...]:
    """Evaluate on every client's test split; for each item the tallies by client and, added up, by ``all``.

    Raises
    ------
    FedotError
        If a client fails or does not answer, since sums over fewer test splits compare with nothing; it is
        named.
    """
    results, failed = evaluate_where_possible(federation, request_for)
    if failed:
        raise FedotError(f"evaluation failed at {'; '.join(f'{name}: {reason}' for name, reason in failed)}")
    return results


def evaluate_where_possible(
    federation: Federation, request_for: Callable[[ClientDescription], EvaluationRequest]
) -> tuple[tuple[dict[str, AnyTally], ...], tuple[tuple[str, str], ...]]:
    """Evaluate as `evaluate_everywhere` does; leave out who fails, and then the sum over all.

    Returns the tallies of each item, and who was left out and why.
    """
    requests = {node: request_for(federation.clients[node]) for node in federation.names}
    contents = pack_evaluations(requests, federation.settings)
    by_node: dict[int, tuple[AnyTally, ...]] = {}
    failed: dict[int, str] = {}
    for reply in _ask(federation.grid, contents, MessageType.EVALUATE):
        node = reply.metadata.src_node_id
        try:
            if reply.has_error():
                raise FedotError(reply.error.reason or f"error {reply.error.code}")
            by_node[node] = unpack_tallies(reply.content, len(requests[node].items))
        except FedotError as error:
            failed[node] = str(error)
    left_out = tuple(
        (name, failed.get(node, "no answer")) for node, name in federation.names.items() if node not in by_node
    )
    results: list[dict[str, AnyTally]] = []
    for i in range(len(next(iter(requests.values())).items)):
        each = {name: by_node[node][i] for node, name in federation.names.items() if node in by_node}
        results.append(each if left_out else {"all": sum_tallies(list(each.values())), **each})
    return tuple(results), left_out


def _ask(grid: Grid, contents: Mapping[int, RecordDict], kind: str) -> list[Message]:
    messages = [Message(content, node, kind) for node, content in contents.items()]
    return list(grid.send_and_receive(messages, timeout=TIMEOUT))
