"""Checks on training replies: what is wrong with one is said by client name, and it is left out."""

from collections.abc import Iterable, Mapping

import torch
from flwr.app import Message
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.federation.messages import ClientUpdate, unpack_update
from fedot.models import state_shapes


def read_replies(
    replies: Iterable[Message], asked: Mapping[int, str]
) -> tuple[list[tuple[Message, ClientUpdate]], list[tuple[str, str]]]:
    """Tell usable training replies from those to leave out.

    Parameters
    ----------
    asked
        Name of the client behind every node id that was asked.

    Returns
    -------
    good
        Each usable reply and what it holds, ordered by client, so that sums do not depend on who was first.
    dropped
        Name of everybody else who was asked, and the reason.
    """
    good: list[tuple[Message, ClientUpdate]] = []
    dropped: list[tuple[str, str]] = []
    strays: set[str] = set()
    silent = dict(asked)
    for message in replies:
        name = silent.pop(message.metadata.src_node_id, None)
        try:
            if message.has_error():
                raise FedotError(" ".join((message.error.reason or "").split()) or f"error {message.error.code}")
            update = unpack_update(message.content)
            check_update(update)
        except FedotError as error:
            if name is None:
                strays.add(str(error))
            else:
                dropped.append((name, str(error)))
            continue
        if name is not None:
            good.append((message, update))
    # Flower tells of a lost node under its own id instead of the node's, so the reason goes by exclusion
    reason = "; ".join(sorted(strays)) or "no answer before the deadline"
    dropped += [(name, reason) for name in silent.values()]
    return sorted(good, key=lambda pair: pair[1].partition_id), dropped


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


def _shapes(update: ClientUpdate) -> dict[str, tuple[int, ...]]:
    try:
        return state_shapes(update.config)
    except Exception as error:  # whatever torch says to a width of -8 or "wide"
        raise FedotError(f"its configuration describes no model ({type(error).__name__})") from error


def _check_tokenizer(update: ClientUpdate) -> None:
    try:
        size = Tokenizer.from_str(update.tokenizer).get_vocab_size()
    except Exception as error:  # the library raises no narrower type
        raise FedotError("its tokenizer cannot be read") from error
    if size != update.config.vocab_size:
        raise FedotError(f"its tokenizer has {size} tokens, but its model {update.config.vocab_size}")
