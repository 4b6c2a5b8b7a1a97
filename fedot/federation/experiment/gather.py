"""Who is there: each node tells who it is, and whoever cannot be believed does not take part."""

import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flwr.app import RecordDict
from flwr.serverapp import Grid

from fedot.data.join_classes import ClientClasses, apart, join_classes
from fedot.errors import FedotError, MistakesError
from fedot.federation.experiment.ask_clients import Federation, ask
from fedot.hf.checkpoint_tokenizer import reference, referred
from fedot.scenario import Scenario
from fedot.tasks import TASKS
from fedot.text.outside import printable
from fedot.tokenizer import read_tokenizer, train_tokenizer
from fedot.training.client_checkpoint import has_checkpoints, shared_checkpoint
from fedot.wire.boundary import read_description
from fedot.wire.checkpoints_here import other_checkpoints
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
    notices = apart([*_classes_of(scenario, present.clients).values()])
    settings = _with_one_numbering(present, scenario, settings, pooled)
    clients = present.clients
    if has_checkpoints(scenario):
        _leave_out(present, other_checkpoints(scenario, clients))
    if len(clients) < most:
        told = "; ".join(dict.fromkeys(present.refused.values())) or present.away
        raise FedotError(f"only {len(clients)} of {len(names)} clients can take part, and {most} are needed ({told})")
    name = shared_checkpoint(scenario)
    if name is not None:
        settings = replace(settings, tokenizer=reference(name))
    if not has_checkpoints(scenario) and any(
        scenario.tokenizer_spec(client.partition_id).scope == "shared" for client in clients.values()
    ):
        total = Counter[str]()
        for words in present.words.values():
            total.update(words)
        wanted, special = scenario.tokenizer, TASKS[scenario.task].special_tokens
        tokenizer = train_tokenizer(total, wanted.kind, wanted.vocab_size, special)
        settings = replace(settings, tokenizer=tokenizer.to_str())
    known = {node: Known.of(scenario, client, _size(settings)) for node, client in clients.items()}
    there = {client.partition_id for client in clients.values()}
    reason = "; ".join(dict.fromkeys(present.refused.values())) or "it did not connect in time"
    absent = {name: reason for place, name in enumerate(names) if place not in there}
    for name in absent:
        log.warning("the run goes on without %s: %s", name, reason)
    return Federation(grid, settings, clients, known, absent, tuple(notices))


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
        present.away, mistakes = "", list[str]()
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
                mistakes += [printable(line, LONGEST_REASON) for line in (reply.error.reason or said).split("\n")]
            else:
                present.refused[node] = f"node {node}: {said}"
        if mistakes:
            raise MistakesError(mistakes)
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


def _with_one_numbering(present: _Present, scenario: Scenario, settings: Settings, pooled: bool) -> Settings:
    """Leave out who has other classes, and let all others have the same, in the order that the settings then tell."""
    classes = _classes_of(scenario, present.clients)
    if not classes:
        return settings
    names, odd = join_classes(classes, len(scenario.client_specs()))
    if odd and pooled:
        raise MistakesError(printable(reason, LONGEST_REASON) for reason in odd.values())
    _leave_out(present, {node: printable(reason, LONGEST_REASON) for node, reason in odd.items()})
    if odd and present.clients:  # the classes of those that are left
        return _with_one_numbering(present, scenario, settings, pooled)
    new = [node for node, each in classes.items() if node in present.clients and each.names != names]
    for node in new:
        present.clients[node] = replace(present.clients[node], labels=names)
    return replace(settings, classes=json.dumps(names)) if new else settings


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


def _classes_of(scenario: Scenario, clients: Mapping[int, ClientDescription]) -> dict[int, ClientClasses]:
    """What each node's client says of its classes."""
    return {
        node: ClientClasses(client.client, client.labels, scenario.finds_classes(client.partition_id))
        for node, client in clients.items()
    }


def _size(settings: Settings) -> int:
    if not settings.tokenizer or referred(settings.tokenizer) is not None:
        return 0
    return int(read_tokenizer(settings.tokenizer).get_vocab_size())
