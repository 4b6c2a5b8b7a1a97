"""Who is there: each node tells who it is, and whoever cannot be believed does not take part."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flwr.app import RecordDict
from flwr.serverapp import Grid

from fedot.errors import FedotError
from fedot.federation.experiment.ask_clients import Federation, ask
from fedot.scenario import Scenario
from fedot.tasks import TASKS
from fedot.text.outside import printable
from fedot.tokenizer import read_tokenizer, train_tokenizer
from fedot.wire.boundary import read_description
from fedot.wire.known import Known
from fedot.wire.messages import CONFIG, ClientDescription, Settings
from fedot.wire.nodes import wait_for_nodes

log = logging.getLogger("fedot.server")

PAUSE = 1.0

AWAY = frozenset({3, 4, 5, 8})
"""Flower's codes of a message or node that was lost, or of a client that was killed: it may come back."""

LONGEST_REASON = 1000

STRIKING = 10
"""A client that claims so many times the examples of all others together is told of."""


@dataclass(slots=True)
class _Present:
    """Nodes that have said who they are, those that are not believed, and what the latest that went away said."""

    clients: dict[int, ClientDescription] = field(default_factory=dict)
    words: dict[int, Counter[str]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    away: str = ""


def gather(
    grid: Grid, scenario: Scenario, settings: Settings, connect_seconds: float = 120.0, *, pooled: bool = True
) -> Federation:
    """Find out who is there, and train the shared tokenizer from everybody's word counts.

    A client whose description breaks a rule of `fedot.wire.boundary`, or that says it is another one, is left out by
    name, and the run goes on with the others if they are two and more than half. Where clients are somebody else's
    (not `pooled`), so is one that cannot read its data, does not connect, or has other classes than most; where all
    are the user's own, those are mistakes that the user can mend, and end the run.

    Raises
    ------
    FedotError
        If too few are there, or for a mistake of the user's.
    """
    names = scenario.client_names()
    most = len(names) // 2 + 1
    present = _descriptions(grid, scenario, settings, connect_seconds, len(names) if pooled else most, pooled)
    _leave_out(present, _impostors(present.clients, names))
    others = _others_classes(present.clients, names)
    if others and pooled:
        raise FedotError(next(iter(others.values())))
    _leave_out(present, others)
    clients = present.clients
    if len(clients) < most:
        told = "; ".join(dict.fromkeys(present.refused.values())) or present.away
        raise FedotError(f"only {len(clients)} of {len(names)} clients can take part, and {most} are needed ({told})")
    if any(scenario.tokenizer_spec(client.partition_id).scope == "shared" for client in clients.values()):
        total = sum(present.words.values(), Counter[str]())
        wanted, special = scenario.tokenizer, TASKS[scenario.task].special_tokens
        tokenizer = train_tokenizer(total, wanted.kind, wanted.vocab_size, special)
        settings = replace(settings, tokenizer=tokenizer.to_str())
    known = {node: Known.of(scenario, client, _size(settings)) for node, client in clients.items()}
    there = {client.partition_id for client in clients.values()}
    reason = "; ".join(dict.fromkeys(present.refused.values())) or "it did not connect in time"
    absent = {name: reason for place, name in enumerate(names) if place not in there}
    for name in absent:
        log.warning("the run goes on without %s: %s", name, reason)
    return Federation(grid, settings, clients, known, absent)


def striking(clients: Mapping[int, ClientDescription]) -> list[str]:
    """Tell of a client that claims far more examples than all others together: its model is nearly the mean."""
    total = sum(client.num_examples for client in clients.values())
    return [
        f"{client.client} says that it has {client.num_examples} examples, all others together "
        f"{total - client.num_examples}; a mean by examples is nearly its model"
        for client in clients.values()
        if len(clients) > 1 and client.num_examples > STRIKING * (total - client.num_examples)
    ]


def _descriptions(
    grid: Grid, scenario: Scenario, settings: Settings, connect_seconds: float, needed: int, pooled: bool
) -> _Present:
    """Ask all that are connected, and those that went away again, until the deadline."""
    names, present = scenario.client_names(), _Present()
    content = RecordDict({CONFIG: settings.to_record()})
    deadline = time.monotonic() + connect_seconds
    while True:
        nodes = wait_for_nodes(grid, len(names), max(0.0, deadline - time.monotonic()))
        present.clients = {node: client for node, client in present.clients.items() if node in nodes}
        if len(nodes) < needed:
            raise FedotError(f"only {len(nodes)} of {len(names)} clients connected within {connect_seconds:.0f} s")
        unknown = {node for node in nodes if node not in present.clients and node not in present.refused}
        present.away = ""
        for reply in ask(grid, dict.fromkeys(sorted(unknown), content), "query.describe"):
            node = reply.metadata.src_node_id
            if not reply.has_error():
                if node in unknown - present.clients.keys():
                    _take(present, node, reply.content, scenario)
                continue
            said = printable(reply.error.reason or "a client failed to describe itself", LONGEST_REASON)
            if reply.error.code in AWAY:
                present.away = said
            elif pooled:
                raise FedotError(said)
            else:
                present.refused[node] = f"node {node}: {said}"
        if not present.away or (time.monotonic() >= deadline and len(present.clients) >= needed):
            return present
        if time.monotonic() >= deadline:
            raise FedotError(
                f"{len(present.clients)} of {len(names)} clients said who they are in time: {present.away}"
            )
        log.warning("a client went away, and is asked again: %s", present.away)
        time.sleep(PAUSE)


def _take(present: _Present, node: int, content: RecordDict, scenario: Scenario) -> None:
    try:
        present.clients[node], present.words[node] = read_description(content, scenario)
    except FedotError as error:
        present.refused[node] = printable(f"node {node}: {error}", LONGEST_REASON)


def _leave_out(present: _Present, odd: Mapping[int, str]) -> None:
    for node, reason in odd.items():
        del present.clients[node], present.words[node]
        present.refused[node] = reason


def _impostors(clients: Mapping[int, ClientDescription], names: Sequence[str]) -> dict[int, str]:
    """Nodes that say they are another client, or that say the same; of two, nobody knows which to believe."""
    odd: dict[int, str] = {}
    holder: dict[int, int] = {}
    for node, client in clients.items():
        place = client.partition_id
        if not 0 <= place < len(names):
            places = sorted(client.partition_id for client in clients.values())
            odd[node] = f"clients 0 to {len(names) - 1} are needed, one each, but these answered: {places}"
        elif client.client != names[place]:
            odd[node] = (
                f"node {node} has the partition-id {place}, which is {names[place]}, but says that it is "
                f"{printable(client.client, 80)!r}; do all nodes have the same scenario?"
            )
        elif place in holder:
            odd[holder[place]] = odd[node] = (
                f"nodes {holder[place]} and {node} both say that their partition-id is {place}; "
                f"give each node its own, 0 to {len(names) - 1}"
            )
        else:
            holder[place] = node
    return odd


def _others_classes(clients: Mapping[int, ClientDescription], names: Sequence[str]) -> dict[int, str]:
    """Nodes that have other classes than more than half of all clients have; all of them where no half agrees."""
    holders: dict[tuple[str, ...], list[str]] = {}
    for client in clients.values():
        holders.setdefault(client.labels, []).append(client.client)
    if len(holders) <= 1:
        return {}
    told = "; ".join(f"{who[0]}: {', '.join(labels)}" for labels, who in holders.items())
    advice = (
        "give all clients the same `labels`, of files a list as in labels: [neg, pos], and a label_map where a file "
        "codes them otherwise, as in label_map: {0: neg, 1: pos}"
    )
    reason = printable(f"the clients have different classes ({told}); {advice}", LONGEST_REASON)
    usual = max(holders, key=lambda labels: len(holders[labels]))
    most = len(holders[usual]) > len(names) / 2
    return {node: reason for node, client in clients.items() if not most or client.labels != usual}


def _size(settings: Settings) -> int:
    return int(read_tokenizer(settings.tokenizer).get_vocab_size()) if settings.tokenizer else 0
