"""Clients that do wrong, to study what a strategy bears: a tool of research, in simulations and real clients alike.

A fault acts on what a client learns from or on what it sends. Everything else of it is honest: it says its own name,
counts its own examples and evaluates on its own test split.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from fedot.models import State
from fedot.tasks import Examples

SCALE = 100.0

Learns = Callable[[Examples, int], Examples]
Sends = Callable[[State, State, torch.Generator], State]


def flipped_labels(examples: Examples, classes: int) -> Examples:
    """Learn from wrong answers; which, each task says for itself."""
    return examples.made_wrong(classes)


def nan(trained: State, start: State, generator: torch.Generator) -> State:
    """Send NaN in place of every weight."""
    del start, generator
    return {name: torch.full_like(tensor, torch.nan) for name, tensor in trained.items()}


def scaled(trained: State, start: State, generator: torch.Generator) -> State:
    """Send a step from the start that is a hundred times as long (model replacement, Bagdasaryan et al. 2020)."""
    del generator
    return {name: start[name] + SCALE * (tensor - start[name]) for name, tensor in trained.items()}


def stale(trained: State, start: State, generator: torch.Generator) -> State:
    """Send the model that training started from: in a later round that of the round before."""
    del generator
    return {name: start[name].clone() for name in trained}


def noise(trained: State, start: State, generator: torch.Generator) -> State:
    """Send Gaussian noise of each tensor's own root mean square."""
    del start
    return {
        name: (torch.randn(tensor.shape, generator=generator) * tensor.float().square().mean().sqrt()).to(tensor.dtype)
        for name, tensor in trained.items()
    }


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: in the rows that a client learns from, with the number of classes, or in what it sends.

    `sends` gets the trained state, the state that training started from, and a generator.
    """

    learns: Learns | None = None
    sends: Sends | None = None


FAULTS: dict[str, Fault] = {
    "flipped-labels": Fault(learns=flipped_labels),
    "nan": Fault(sends=nan),
    "scaled": Fault(sends=scaled),
    "stale": Fault(sends=stale),
    "random": Fault(sends=noise),
}
