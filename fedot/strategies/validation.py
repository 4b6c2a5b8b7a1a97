"""Checks on training replies: what is wrong with one is said by client name, and it is left out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import TypeVar

import torch
from flwr.app import Message, RecordDict
from tokenizers import Tokenizer
from torch import Tensor

from fedot.errors import FedotError
from fedot.federation.messages import ClientUpdate, HeldUpdate, unpack_held, unpack_update
from fedot.models import Config, state_shapes

MOST = 2**24
"""Largest width, vocabulary or length that a model may claim."""

Read = TypeVar("Read", ClientUpdate, HeldUpdate)


def read_replies(
    replies: Iterable[Message],
    asked: Mapping[int, str],
    partitions: Mapping[int, int] | None = None,
    expected: Config | None = None,
    server_round: int | None = None,
    take: Callable[[ClientUpdate], ClientUpdate] = lambda update: update,
) -> tuple[list[tuple[int, ClientUpdate]], list[tuple[str, str]]]:
    """Tell usable training replies from those to leave out.

    Parameters
    ----------
    asked
        Name of the client behind every node id that was asked.
    partitions
        Partition of the client behind every node id, where it is known; then the client must say the same, and its
        name.
    expected
        Configuration that every model must have, where that is known.
    server_round
        The round that is asked for; a reply that says it is of another one is left out.
    take
        Called with each usable reply as it comes in; what it returns is kept of it.

    Returns
    -------
    good
        Node of each usable reply and what it holds, ordered by client, so that sums do not depend on who was first.
    dropped
        Name of everybody else who was asked, and the reason.
    """

    def read(content: RecordDict) -> ClientUpdate:
        update = unpack_update(content)
        check_update(update)
        if server_round is not None and update.server_round not in (0, server_round):
            raise FedotError(f"it answers round {update.server_round}, not {server_round}")
        if expected is not None and replace(update.config, dropout=expected.dropout) != expected:
            raise FedotError("its model does not have the shape of the model that it was to be aligned to")
        return update

    found, dropped = _read_all(replies, asked, partitions or {}, read, take)
    return sorted(found.items(), key=lambda pair: pair[1].partition_id), dropped


def read_held(
    replies: Iterable[Message], asked: Mapping[int, str], partitions: Mapping[int, int] | None = None
) -> tuple[dict[int, HeldUpdate], list[tuple[str, str]]]:
    """Tell by node how the trainings went whose models stay at the clients, and whom to leave out."""

    def read(content: RecordDict) -> HeldUpdate:
        update = unpack_held(content)
        if update.num_examples <= 0:
            raise FedotError(f"it was trained on {update.num_examples} examples")
        return update

    return _read_all(replies, asked, partitions or {}, read, lambda update: update)


def check_identity(client: str, partition_id: int, name: str, partition: int) -> None:
    """Refuse a client that says it is another one.

    Raises
    ------
    FedotError
        Telling whose place it claims.
    """
    if client != name:
        raise FedotError(f"it says that it is {client!r}")
    if partition_id != partition:
        raise FedotError(f"it says that its partition is {partition_id}, not {partition}")


def _read_all(
    replies: Iterable[Message],
    asked: Mapping[int, str],
    partitions: Mapping[int, int],
    read: Callable[[RecordDict], Read],
    take: Callable[[Read], Read],
) -> tuple[dict[int, Read], list[tuple[str, str]]]:
    found: dict[int, Read] = {}
    dropped: list[tuple[str, str]] = []
    strays: set[str] = set()
    silent = dict(asked)
    for message in replies:
        node = message.metadata.src_node_id
        name = silent.pop(node, None)
        try:
            if message.has_error():
                raise FedotError(" ".join((message.error.reason or "").split()) or f"error {message.error.code}")
            update = read(message.content)
            if name is not None:
                if node in partitions:
                    check_identity(update.client, update.partition_id, name, partitions[node])
                found[node] = take(update)
        except FedotError as error:
            if name is None:
                strays.add(str(error))
            else:
                dropped.append((name, str(error)))
    # Flower tells of a lost node under its own id instead of the node's, so the reason goes by exclusion
    reason = "; ".join(sorted(strays)) or "no answer before the deadline"
    dropped += [(name, reason) for name in silent.values()]
    return found, dropped


def check_update(update: ClientUpdate, expected_round_shapes: dict[str, tuple[int, ...]] | None = None) -> None:
    """Refuse an update that must not enter a fusion.

    Parameters
    ----------
    expected_round_shapes
        Shapes that all models of this round must have; by default those of the update's own configuration.

    Raises
    ------
    FedotError
        Saying what is wrong, without the client's name.
    """
    if update.num_examples <= 0:
        raise FedotError(f"it was trained on {update.num_examples} examples")
    shapes = expected_round_shapes or _shapes(update)
    odd = set(shapes) ^ set(update.state)
    if odd:
        verb = "lacks" if min(odd) in shapes else "holds an unknown"
        raise FedotError(f"its model {verb} tensor {min(odd)}")
    for name, tensor in update.state.items():
        if tuple(tensor.shape) != shapes[name]:
            raise FedotError(f"its tensor {name} has shape {tuple(tensor.shape)}, not {shapes[name]}")
        if not tensor.is_floating_point():
            raise FedotError(f"its tensor {name} is of type {tensor.dtype}, not a float")
        if not bool(torch.isfinite(tensor).all()):
            raise FedotError(f"its tensor {name} holds NaN or infinite values")
    if update.tokenizer:
        _check_tokenizer(update)
    if len(update.token_counts) != update.config.vocab_size or bool((update.token_counts < 0).any()):
        raise FedotError(f"it counts {len(update.token_counts)} tokens, not {update.config.vocab_size}")
    if update.class_counts is not None:
        _check_classes(update.class_counts, getattr(update.config, "n_class", 0), update.num_examples)


def _shapes(update: ClientUpdate) -> dict[str, tuple[int, ...]]:
    _check_sizes(update)
    try:
        return state_shapes(update.config)
    except Exception as error:  # whatever torch says to a width of -8 or "wide"
        raise FedotError(f"its configuration describes no model ({type(error).__name__})") from error


def _check_sizes(update: ClientUpdate) -> None:
    """Refuse absurd sizes before a model of them is built, if only in outline."""
    for key, value in asdict(update.config).items():
        # every layer has a tensor, so a model cannot have more layers than the client sent tensors
        most = len(update.state) if "layer" in key else MOST
        if isinstance(value, int | float) and value > most:
            raise FedotError(f"its configuration says {key} {value}, but at most {most} can be")


def _check_classes(counts: Tensor, classes: int, examples: int) -> None:
    if len(counts) != classes or bool((counts < 0).any()) or int(counts.sum()) != examples:
        raise FedotError(
            f"it counts {int(counts.sum())} examples of {len(counts)} classes, not {examples} of {classes}"
        )


def _check_tokenizer(update: ClientUpdate) -> None:
    try:
        size = Tokenizer.from_str(update.tokenizer).get_vocab_size()
    except Exception as error:  # the library raises no narrower type
        raise FedotError("its tokenizer cannot be read") from error
    if size != update.config.vocab_size:
        raise FedotError(f"its tokenizer has {size} tokens, but its model {update.config.vocab_size}")
