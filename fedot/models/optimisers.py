"""torch's optimisers without torch's compiler, which the first of them loads to keep itself out of what is compiled.

To load it takes as long as to load torch, in every process that trains. Nothing is compiled here, and the steps are the
same to the bit.
"""

import inspect
from typing import TypeVar

import torch

Optimiser = TypeVar("Optimiser", bound=torch.optim.Optimizer)


def uncompiled(kind: type[Optimiser]) -> type[Optimiser]:
    """The same optimiser, its methods freed of what keeps them out of compiled code.

    Examples
    --------
    >>> weight = torch.ones(2, requires_grad=True)
    >>> optimiser = uncompiled(torch.optim.SGD)([weight], lr=0.5)
    >>> weight.sum().backward()
    >>> optimiser.step()
    >>> weight
    tensor([0.5000, 0.5000], requires_grad=True)
    """
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in ("add_param_group", "zero_grad", "step")}
    return type(kind.__name__, (kind,), {**methods, "step": torch.no_grad()(methods["step"])})


Adam = uncompiled(torch.optim.Adam)
AdamW = uncompiled(torch.optim.AdamW)
LBFGS = uncompiled(torch.optim.LBFGS)
