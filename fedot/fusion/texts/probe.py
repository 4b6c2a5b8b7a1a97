"""Probe inputs, and what a model's neurons do on them.

A probe is public text, or text drawn at random from token counts (`fedot.fusion.texts.draw`), which needs nobody's
data. The activations of a neuron group are the inputs of the linear maps that read it, so that one forward hook a map
serves every architecture.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models import State, load_model
from fedot.models.batching import batch_indices
from fedot.symmetry import SymmetrySpec

ROWS = 32
"""Texts in a batch, sorted by length: few enough for little padding."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Batches of positional inputs of a model's `forward`; token ids are rows of the union, 0 is padding.

    `module` builds a module from a configuration and a state. `labels` are the right classes of each batch, (B,), where
    somebody who has data gives them; nothing but a stage that was told to learn from them looks at them.
    """

    batches: tuple[tuple[Tensor, ...], ...]
    module: Callable[[Any, State], nn.Module] = load_model
    labels: tuple[Tensor, ...] = ()

    def thinned(self, step: int) -> "Probe":
        """Every `step`-th row of each batch, from the first."""
        batches = tuple(tuple(each[::step] for each in batch) for batch in self.batches)
        return replace(self, batches=batches, labels=tuple(each[::step] for each in self.labels))

    def packed(self, rows: int) -> "Probe":
        """The same texts, shortest first, in batches of at most `rows`, each as long as its longest text.

        A probe of several inputs stays as it is, and labels are left out.
        """
        if any(len(batch) != 1 or batch[0].ndim != 2 or batch[0].is_floating_point() for batch in self.batches):
            return self
        longest = max(ids.shape[1] for (ids,) in self.batches)
        texts = torch.cat([F.pad(ids, (0, longest - ids.shape[1])) for (ids,) in self.batches])
        ends = ((texts != 0) * torch.arange(1, longest + 1)).max(1).values
        parts = [torch.from_numpy(part) for part in batch_indices(ends.numpy(), rows, None)]
        batches = tuple((texts[part, : max(1, int(ends[part[-1]]))],) for part in parts)
        return replace(self, batches=batches, labels=())

    def told_apart(self) -> "Probe":
        """Cut the last position of what a decoder reads (B, T) where its source (B, S) has as many.

        `at_real_tokens` tells by their number which of the two a layer's positions belong to.
        """
        return replace(self, batches=tuple(map(_told_apart, self.batches)))


def _told_apart(batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if len(batch) != 2 or batch[0].shape != batch[1].shape or batch[0].ndim != 2 or batch[1].shape[1] < 2:
        return batch
    return batch[0], batch[1][:, :-1]


def readers(spec: SymmetrySpec, group: str) -> tuple[str, ...]:
    """Names of the linear maps whose input is a neuron group (alone or factored with an inner one)."""
    return tuple(
        name.removesuffix(".weight")
        for name, axes in spec.axes.items()
        if len(axes) == 2 and axes[1].role == "read" and axes[1].groups[0] == group and name.endswith(".weight")
    )


def activations(module: nn.Module, probe: Probe, names: Sequence[str]) -> dict[str, Tensor]:
    """Inputs of the named submodules over a probe, padding left out: (N, width) each, in float64.

    Raises
    ------
    FedotError
        If one of them does not run in the forward pass.
    """
    kept: dict[str, list[Tensor]] = {name: [] for name in names}
    batch: tuple[Tensor, ...] = ()

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            kept[name].append(real_rows(inputs[0].detach(), batch))

        return hook

    handles = [module.get_submodule(name).register_forward_pre_hook(keep(name)) for name in names]
    try:
        with torch.no_grad():
            for batch in probe.batches:
                module(*batch)
    finally:
        for handle in handles:
            handle.remove()
    silent = [name for name, rows in kept.items() if not rows]
    if silent:
        raise FedotError(f"{silent[0]} does not run as a module of its own, so nothing is known of its inputs")
    return {name: torch.cat(rows) for name, rows in kept.items()}


def sensitivities(
    module: nn.Module, probe: Probe, names: Sequence[str], others: Sequence[str] = (), seed: int = 0
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """For each batch the inputs of all named submodules, and how the outputs change with those of `names`.

    Each is (N, width) in the module's precision, padding left out. The change is the gradient of a random sum of the
    outputs (`centred_signs`), so that its second moment is that of all centred outputs' gradients (Hutchinson 1990).
    """
    inputs: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(seed)

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            inputs[name] = args[0] if args[0].requires_grad or name in others else args[0].requires_grad_()

        return hook

    handles = [module.get_submodule(name).register_forward_pre_hook(keep(name)) for name in (*names, *others)]
    try:
        for batch in probe.batches:
            with torch.enable_grad():
                out = module(*batch)
                logits = real_logits(getattr(out, "logits", out), batch)
                total = (logits * centred_signs(logits.shape, generator)).sum()
            slopes = torch.autograd.grad(total, [inputs[name] for name in names])
            yield (
                {name: at_real_tokens(value.detach(), batch) for name, value in inputs.items()},
                {name: at_real_tokens(slope, batch) for name, slope in zip(names, slopes, strict=True)},
            )
    finally:
        for handle in handles:
            handle.remove()


def centred_signs(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Random rows (..., C) that sum to 0, their second moment being I - 1/C: signs of an orthonormal basis.

    The basis is Helmert's. Signs of the outputs themselves, centred, would have the same moment, but of two classes
    vanish half of the time.
    """
    classes = shape[-1]
    signs = torch.randint(0, 2, (*shape[:-1], classes - 1), generator=generator) * 2.0 - 1
    step = torch.arange(1, classes, dtype=signs.dtype)
    each = signs / (step * (step + 1)).sqrt()
    return F.pad(each.flip(-1).cumsum(-1).flip(-1), (0, 1)) - F.pad(each * step, (1, 0))


def real_logits(logits: Tensor, batch: Sequence[Tensor]) -> Tensor:
    """Rows (N, C) of logits: one a text, or one a real token of the last input, whose continuation they are."""
    return logits if logits.ndim == 2 else logits[real_places(batch[-1], begun=len(batch) > 1)]


def distance(logits: Tensor, wanted: Tensor, batch: tuple[Tensor, ...]) -> Tensor:
    """Kullback-Leibler divergence to the wanted probabilities, plus a tenth of the squared error of logits."""
    target, given = real_logits(wanted, batch), real_logits(logits, batch).log_softmax(-1)
    loss = F.kl_div(given, target.log_softmax(-1), log_target=True, reduction="batchmean")
    return loss + 0.1 * F.mse_loss(given - given.mean(1, keepdim=True), target - target.mean(1, keepdim=True))


def real_rows(values: Tensor, batch: Sequence[Tensor]) -> Tensor:
    """Rows of `values` as `at_real_tokens` picks them, in float64."""
    return at_real_tokens(values, batch).double()


def at_real_tokens(values: Tensor, batch: Sequence[Tensor]) -> Tensor:
    """Rows of `values` (B, T, n) at real tokens, those of the input that has as many positions: (N, n)."""
    if values.ndim == 3:
        for place, ids in enumerate(batch):
            if ids.shape == values.shape[:2] and not ids.is_floating_point():
                return values[real_places(ids, begun=place > 0)]
    return values.reshape(-1, values.shape[-1])


def real_places(ids: Tensor, *, begun: bool = False) -> Tensor:
    """Where the tokens of texts (B, T) are: up to the last that is no padding, since a checkpoint may begin with 0.

    What a decoder reads has `begun`: its first place is one, also where nothing follows.
    """
    found = (ids != 0).flip(-1).cumsum(-1).flip(-1) > 0
    found[:, 0] |= begun
    return found
