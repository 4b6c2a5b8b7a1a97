"""Checks on training replies: what a model and its numbers must be, before anything is computed with them."""

import math
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.hf.checkpoint_tokenizer import reference, referred
from fedot.models import Config, check_settings, num_classes, state_shapes
from fedot.text.outside import printable
from fedot.tokenizer import read_tokenizer
from fedot.wire.known import LARGEST_WEIGHT, MOST_EXAMPLES, Known
from fedot.wire.messages import ClientUpdate, HeldUpdate

MOST_LOSS, MOST_SECONDS = 1e6, 1e7
MOST_EPOCHS = 1000
MOST_COUNT = 2**53


@dataclass(frozen=True, slots=True)
class Asked:
    """A client that was asked to train, and what is known of its answer before it comes.

    Attributes
    ----------
    name, partition_id
        Who it is; the reply must say the same where the partition is known.
    known
        What it said of itself, where fedot's own clients are asked; None in an app that does not ask.
    shape
        Configuration that its model must have, where that is not the scenario's.
    purpose
        What a model of that shape was asked for, in words.
    server_round
        The round that is asked for.
    summed
        Whether it sends its model times its examples (`fedot.fusion.align.weighted_sums`).
    """

    name: str
    partition_id: int | None = None
    known: Known | None = None
    shape: Config | None = None
    purpose: str = "asked for"
    server_round: int | None = None
    summed: bool = False


def checked_update(update: ClientUpdate, asked: Asked) -> ClientUpdate:
    """Give an update that may enter a fusion, in words that are our own wherever they need not be the client's.

    Raises
    ------
    FedotError
        Saying what is wrong, without the client's name.
    """
    _check_identity(update, asked)
    if asked.server_round is not None and update.server_round not in (None, asked.server_round):
        raise FedotError(f"it answers round {update.server_round}, not {asked.server_round}")
    update = _with_own_words(update, asked.known)
    shape = _expected(update, asked)
    if shape is not None:
        _check_shape(update.config, shape, asked.purpose)
        update = replace(update, config=shape)
    check_update(update, asked.known, summed=asked.summed)
    return update


def checked_held(update: HeldUpdate, asked: Asked) -> HeldUpdate:
    """Give what a client tells of a training whose model it keeps.

    Raises
    ------
    FedotError
        Saying what is wrong, without the client's name.
    """
    _check_identity(update, asked)
    _check_examples(update.num_examples, asked.known)
    _check_number("validation loss", update.validation_loss, MOST_LOSS)
    return update


def check_update(update: ClientUpdate, known: Known | None = None, *, summed: bool = False) -> None:
    """Refuse an update that must not enter a fusion; see `checked_update`.

    Raises
    ------
    FedotError
        Saying what is wrong, without the client's name.
    """
    _check_examples(update.num_examples, known)
    if update.tokenizer and referred(update.tokenizer) is None:
        size = _tokenizer(update.tokenizer)[1]
        if size != update.config.vocab_size:
            raise FedotError(f"its tokenizer has {size} tokens, but its model {update.config.vocab_size}")
    shapes = _shapes(update)
    odd = set(shapes) ^ set(update.state)
    if odd:
        verb = "lacks" if min(odd) in shapes else "holds an unknown"
        raise FedotError(f"its model {verb} tensor {printable(min(odd), 80)}")
    largest = known.largest_weight if known else LARGEST_WEIGHT
    _check_counts(update, known)
    if summed:  # then rows come times their tokens' counts, and all else times the examples
        largest *= max(update.num_examples, int(update.token_counts.max()))
    for name, tensor in update.state.items():
        if tuple(tensor.shape) != shapes[name]:
            raise FedotError(f"its tensor {name} has shape {tuple(tensor.shape)}, not {shapes[name]}")
        check_tensor(f"its tensor {name}", tensor, largest)
    _check_number("training loss", update.train_loss, MOST_LOSS)
    _check_number("validation loss", update.validation_loss, MOST_LOSS)
    _check_losses(update)
    _check_number("seconds", update.seconds, MOST_SECONDS)
    _check_number("number of cut texts", update.truncated, 2 * update.num_examples)  # of pairs either side may be cut


def check_tensor(what: str, tensor: Tensor, largest: float = math.inf) -> None:
    """Refuse a tensor that is no float, or holds NaN, infinity or what is larger than it may be.

    Raises
    ------
    FedotError
        Saying which.
    """
    if not tensor.is_floating_point():
        raise FedotError(f"{what} is of type {tensor.dtype}, not a float")
    if not tensor.numel():
        return
    least, most = (float(end) for end in torch.aminmax(tensor))  # NaN goes through to both
    if not math.isfinite(least) or not math.isfinite(most):
        raise FedotError(f"{what} holds NaN or infinite values")
    if max(-least, most) > largest:
        raise FedotError(f"{what} holds {max(-least, most):.3g}, and no number beyond {largest:g} is taken")


def _check_identity(update: ClientUpdate | HeldUpdate, asked: Asked) -> None:
    if asked.partition_id is None:
        return
    if update.client != asked.name:
        raise FedotError(f"it says that it is {printable(update.client, 80)!r}")
    if update.partition_id != asked.partition_id:
        raise FedotError(f"it says that its partition is {update.partition_id}, not {asked.partition_id}")


def _with_own_words(update: ClientUpdate, known: Known | None) -> ClientUpdate:
    """The same update with its tokenizer as fedot would have written it; where all share one, nobody sends one."""
    if known is not None and bool(update.tokenizer) == bool(known.vocab_size):
        told_of = "sends a tokenizer of its own, but all share one" if known.vocab_size else "sends no tokenizer"
        raise FedotError(f"it {told_of}")
    if not update.tokenizer:
        return update
    if known is not None and known.checkpoint is not None:
        if update.tokenizer != reference(known.checkpoint.checkpoint):
            raise FedotError("it sends another tokenizer than that of its checkpoint")
        return update
    return replace(update, tokenizer=_tokenizer(update.tokenizer)[0])


def _expected(update: ClientUpdate, asked: Asked) -> Config | None:
    if asked.shape is not None or asked.known is None:
        return asked.shape
    known = asked.known
    if known.checkpoint is not None:
        return known.checkpoint
    if not known.vocab_size and update.config.vocab_size > known.most_tokens:
        raise FedotError(
            f"its vocabulary has {update.config.vocab_size} tokens, and at most {known.most_tokens} can be"
        )
    return known.config(known.vocab_size or update.config.vocab_size)


def _check_shape(found: Config, wanted: Config, purpose: str) -> None:
    """Refuse another configuration; dropout is a matter of training alone."""
    ours, theirs = asdict(wanted), asdict(found)
    for key in dict.fromkeys([*ours, *theirs]):
        if key != "dropout" and ours.get(key) != theirs.get(key):
            told_of = f"{key} is {printable(theirs.get(key), 40)}, not {ours.get(key)}"
            raise FedotError(f"its model does not have the shape of the model that it was {purpose}: {told_of}")


def _check_examples(examples: int, known: Known | None) -> None:
    most = known.num_examples if known else MOST_EXAMPLES
    if examples <= 0:
        raise FedotError(f"it was trained on {examples} examples")
    if examples > most:
        told_of = f"it described {most}" if known else f"at most {most} can be"
        raise FedotError(f"it says that it was trained on {examples} examples, and {told_of}")


def _check_number(what: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        raise FedotError(f"its {what} is {value:g}, and a number from 0 to {most:g} is needed")


def _check_losses(update: ClientUpdate) -> None:
    """Hold the losses of the epochs, which may be left untold, to be as many and in their range."""
    trained, validated = update.train_losses, update.validation_losses
    if len(trained) != len(validated) or len(trained) > MOST_EPOCHS:
        raise FedotError(
            f"it tells of {len(trained)} training and {len(validated)} validation losses; "
            f"as many of both are needed, and {MOST_EPOCHS} at most"
        )
    for loss in (*trained, *validated):
        _check_number("loss of an epoch", loss, MOST_LOSS)


def _shapes(update: ClientUpdate) -> dict[str, tuple[int, ...]]:
    try:
        check_settings(update.config)
        layers, tensors = update.config.n_layer, len(update.state)
        if layers > tensors:  # every layer has a tensor; a model of more is not even built in outline
            raise FedotError(f"its configuration says n_layer {layers}, but it sent {tensors} tensors")
        return state_shapes(update.config)
    except FedotError as error:
        raise FedotError(f"{error}; it describes no model of the shapes that it sent") from None
    except Exception as error:  # whatever torch says to sizes that do not go together
        raise FedotError(f"its configuration describes no model ({type(error).__name__})") from error


def _check_counts(update: ClientUpdate, known: Known | None) -> None:
    """Hold counts of tokens and of classes against the examples; each number before their sum, which could wrap."""
    tokens, size = update.token_counts, update.config.vocab_size
    if len(tokens) != size or bool((tokens < 0).any()):
        raise FedotError(f"it counts {len(tokens)} tokens, not {size}")
    # a text and its translation have at most so many tokens, begin and end included; private clients say 1 of each
    longest = max(size, 2 * (update.config.max_length + 2) * update.num_examples) if known else MOST_COUNT
    if int(tokens.max()) > longest or float(tokens.double().sum()) > longest:
        raise FedotError(f"it counts {float(tokens.double().sum()):.4g} tokens in {update.num_examples} examples")
    if update.class_counts is None:
        return
    counts, classes, examples = update.class_counts, num_classes(update.config), update.num_examples
    bad = len(counts) != classes or bool((counts < 0).any()) or bool((counts > examples).any())
    if bad or int(counts.sum()) != examples:
        total = f"{float(counts.double().sum()):.10g}"
        raise FedotError(f"it counts {total} examples of {len(counts)} classes, not {examples} of {classes}")


@lru_cache(maxsize=16)
def _tokenizer(text: str) -> tuple[str, int]:
    """Write a tokenizer that was sent as we write our own, and count its tokens."""
    try:
        tokenizer = read_tokenizer(text)
    except FedotError as error:
        raise FedotError(str(error).replace("a tokenizer", "its tokenizer", 1)) from error
    return str(tokenizer.to_str()), int(tokenizer.get_vocab_size())
