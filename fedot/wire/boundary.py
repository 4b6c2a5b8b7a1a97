"""The one place that everything from a client passes before any use: what it cannot vouch for, it refuses in one line.

Each function reads one kind of message, in time and memory linear in its size, holds it against the scenario and the
client's own description, and raises nothing but `FedotError`. Whoever calls it drops that client, by name.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from flwr.app import Message, RecordDict

from fedot.data.own_files.label_column import LONGEST_CLASS, MOST_FOUND
from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationRequest
from fedot.models import config_from_json
from fedot.models.pretrained.pretrained_config import PretrainedConfig, with_classes
from fedot.scenario import Scenario
from fedot.tasks import AnyTally
from fedot.terminal.stopwatch import timed
from fedot.text.outside import printable
from fedot.text.word_counts import unpack_words
from fedot.wire.evaluations import unpack_tallies
from fedot.wire.known import MOST_EXAMPLES, Known
from fedot.wire.messages import (
    ClientDescription,
    ClientUpdate,
    HeldUpdate,
    unpack_description,
    unpack_held,
    unpack_update,
)
from fedot.wire.plain_replies import PlainUpdate
from fedot.wire.records import empty, malformed
from fedot.wire.updates import Asked, checked_held, checked_update

SOURCES = ("directory", "hub", "stand-in", "files")
"""Where a client may say that its data come from."""

MOST_CLASSES = 10_000
MOST_NOTICES, LONGEST_NOTICE = 20, 500

Read = TypeVar("Read", ClientUpdate, HeldUpdate, PlainUpdate)


@timed("checking")
def read_update(content: RecordDict, asked: Asked) -> ClientUpdate:
    """Read a training reply.

    Raises
    ------
    FedotError
        Saying what is wrong with it, without the client's name.
    """
    with malformed("a training reply"):
        return checked_update(unpack_update(content), asked)


@timed("checking")
def read_held(content: RecordDict, asked: Asked) -> HeldUpdate:
    """Read how a training went whose model stays at the client.

    Raises
    ------
    FedotError
        Saying what is wrong with it, without the client's name.
    """
    with malformed("a training reply"):
        return checked_held(unpack_held(content), asked)


@timed("checking")
def read_tallies(content: RecordDict, request: EvaluationRequest, known: Known) -> tuple[AnyTally, ...]:
    """Read the sums of an evaluation.

    Raises
    ------
    FedotError
        Saying what is wrong with them, without the client's name.
    """
    with malformed("an evaluation reply"):
        tallies = unpack_tallies(content, request, known.task)
        for tally in tallies:
            known.task.check_tally(tally, known, request)
        return tallies


@timed("checking")
def read_description(content: RecordDict, scenario: Scenario) -> tuple[ClientDescription, Counter[str]]:
    """Read what a client tells of itself, and its word counts where a tokenizer is to be trained on them.

    Its notices and names of classes are made fit to be shown, and cut; its words are not kept twice.

    Raises
    ------
    FedotError
        Saying what is wrong with it, without the client's name.
    """
    with malformed("a client's description"):
        client = unpack_description(content)
        specs = scenario.client_specs()
        known = 0 <= client.partition_id < len(specs)  # else whoever asked will say that it is nobody
        spec = specs[client.partition_id] if known else None
        _check_rows(client, spec.examples if spec else None, spec.test_examples if spec else None)
        labels = tuple(printable(label, LONGEST_CLASS) for label in client.labels)
        if len(labels) > MOST_CLASSES or len(set(labels)) != len(labels) or "" in labels:
            raise FedotError(f"its {len(labels)} classes are more than {MOST_CLASSES}, or two have one name")
        if known and scenario.finds_classes(client.partition_id) and len(labels) > MOST_FOUND:
            raise FedotError(f"it says that it has found {len(labels)} classes, and at most {MOST_FOUND} can be")
        if client.source not in SOURCES:
            raise FedotError(f"its data come from {printable(client.source, 40)!r}, which is not {', '.join(SOURCES)}")
        trained = scenario.model_settings(client.partition_id) if known else {}
        _check_model(client, trained.get("pretrained"))
        own = not known or "pretrained" in trained
        shared = not own and scenario.tokenizer_spec(client.partition_id).scope == "shared"
        words = unpack_words(client.words, client.num_examples) if shared else Counter[str]()
        notices = tuple(printable(notice, LONGEST_NOTICE) for notice in client.notices[:MOST_NOTICES])
        return replace(client, labels=labels, notices=notices, words=b""), words


def read_replies(
    replies: Iterable[Message],
    asked: Mapping[int, Asked],
    read: Callable[[RecordDict, Asked], Read],
    take: Callable[[Read], Read] = lambda update: update,
) -> tuple[list[tuple[int, Read]], list[tuple[str, str]]]:
    """Tell usable training replies from those to leave out.

    Parameters
    ----------
    asked
        The client behind every node id that was asked. Only its first reply counts.
    read
        `read_update` or `read_held`; `PlainReader.read` in an app of one's own.
    take
        Called with each usable reply as it comes in; what it returns is kept of it.

    Returns
    -------
    good
        Node of each usable reply and what it holds, ordered by client, so that sums do not depend on who was first.
    dropped
        Name of everybody else who was asked, and the reason, each fit to be shown.
    """
    found: dict[int, Read] = {}
    dropped: list[tuple[str, str]] = []
    strays: set[str] = set()
    silent = dict(asked)
    for message in replies:
        client = silent.pop(message.metadata.src_node_id, None)
        if client is None and not message.has_error():
            continue  # nobody asked, or it is a second answer
        try:
            if message.has_error():
                raise FedotError(message.error.reason or f"error {message.error.code}")
            assert client is not None
            found[message.metadata.src_node_id] = take(read(message.content, client))
        except FedotError as error:
            if client is None:
                strays.add(printable(error))
            else:
                dropped.append((client.name, printable(error)))
    # Flower tells of a lost node under its own id instead of the node's, so the reason goes by exclusion
    reason = "; ".join(sorted(strays)) or "no answer before the deadline"
    dropped += [(client.name, reason) for client in silent.values()]
    return sorted(found.items(), key=lambda pair: pair[1].partition_id), dropped


def emptied(replies: Iterable[Message]) -> Iterator[Message]:
    """Hand on replies, and `empty` each when the next is asked for."""
    for message in replies:
        yield message
        if message.has_content():
            empty(message.content)


def _check_model(client: ClientDescription, checkpoint: object) -> None:
    """Hold what a client says of its checkpoint against the scenario; nothing is built of it."""
    if bool(client.model) != bool(checkpoint):
        raise FedotError(f"it {'says of' if client.model else 'does not say of which shape'} its checkpoint")
    if not client.model:
        return
    config = config_from_json(client.model)
    if not isinstance(config, PretrainedConfig) or config.checkpoint != checkpoint or config.n_class:
        raise FedotError(f"it has another model than the checkpoint {printable(checkpoint, 80)}")
    if client.labels:
        with_classes(config, len(client.labels))


def _check_rows(client: ClientDescription, examples: int | None, test_examples: int | None) -> None:
    """Hold numbers of rows against the caps of the scenario, or else the largest that anybody may claim."""
    for what, rows, most in (
        ("training and validation", client.num_examples + client.num_validation, examples or MOST_EXAMPLES),
        ("test", client.num_test, test_examples or MOST_EXAMPLES),
    ):
        if not 1 <= rows <= most:
            raise FedotError(f"it says that it has {rows} {what} rows, and 1 to {most} can be")
    if min(client.num_examples, client.num_validation) < 1:
        raise FedotError(f"it has {client.num_examples} training and {client.num_validation} validation rows")
