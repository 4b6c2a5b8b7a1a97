"""Checks on training replies: what is wrong with one is said by client name, and it is left out."""

import torch

from fedot.errors import FedotError
from fedot.federation.messages import ClientUpdate
from fedot.models import state_shapes


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
    shapes = expected_round_shapes or state_shapes(update.config)
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
    if len(update.token_counts) != update.config.vocab_size or bool((update.token_counts < 0).any()):
        raise FedotError(f"it counts {len(update.token_counts)} tokens, not {update.config.vocab_size}")
