"""Optimisers without the compiler: the same to the bit, in a process that does not load it."""

import subprocess
import sys

import pytest
import torch

from fedot.models.optimisers import LBFGS, Adam, AdamW

OPTIONS = {
    "Adam": {"lr": 1e-2},
    "AdamW": {"lr": 1e-2, "betas": (0.9, 0.98), "weight_decay": 0.01, "fused": True},
    "LBFGS": {"max_iter": 4, "line_search_fn": "strong_wolfe"},
}

LOADED = """
import sys
import torch
from tests.models.test_optimisers import OPTIONS, trained
from fedot.models.optimisers import LBFGS, Adam, AdamW
for kind in (Adam, AdamW, LBFGS):
    trained(kind)
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""


def trained(kind: type[torch.optim.Optimizer]) -> list[torch.Tensor]:
    """Weights after a few steps at a falling rate."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    optimiser = kind(model.parameters(), **OPTIONS[kind.__name__])  # type: ignore[call-arg]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (step + 1))
    inputs = torch.randn(5, 6)

    def loss() -> torch.Tensor:
        optimiser.zero_grad(set_to_none=True)
        found: torch.Tensor = model(inputs).square().sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    for _ in range(4):
        optimiser.step(loss)
        schedule.step()
    return [weight.detach().clone() for weight in model.parameters()]


@pytest.mark.parametrize("kind", [Adam, AdamW, LBFGS], ids=lambda kind: kind.__name__)
def test_steps_are_torchs_to_the_bit(kind: type[torch.optim.Optimizer]) -> None:
    own, theirs = trained(kind), trained(getattr(torch.optim, kind.__name__))
    assert all(torch.equal(mine, other) for mine, other in zip(own, theirs, strict=True))
    torch.manual_seed(0)
    start = torch.nn.Linear(6, 8).weight
    assert not torch.equal(own[0], start)


def test_no_compiler_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
