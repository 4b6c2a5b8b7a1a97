r"""A pre-norm model with RMSNorm as one with LayerNorm, exactly, by a residual stream that is a little wider.

LayerNorm is RMSNorm of a vector whose mean is taken away. So both do the same to a stream whose mean is always zero.
In canonical form (`fedot.fusion.canonical`) a stream of width :math:`d` may be mapped by any isometry; here by one into
the vectors of a wider space that have mean zero and a zero in the last place, which takes two places more:

.. math:: x' = s Q x, \quad \mathrm{LN}(x') = \sqrt{d'/d}\; Q\, \mathrm{RMS}(x), \quad s^2 = d' \epsilon' / (d \epsilon)

Whatever writes the stream is multiplied by :math:`s Q`, whatever reads its norm by :math:`\sqrt{d/d'}\, Q^T`. The last
place is free for a constant: a norm with the shift 1 there gives 1 to its readers, whose column is their bias.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.models import State
from fedot.models.shape import Shape

EPSILON = 1e-6
"""That of fedot's norms (`fedot.models.blocks`)."""


@dataclass(frozen=True, slots=True)
class WideStream:
    """How the tensors of a canonical model become those of the wider one.

    Attributes
    ----------
    shape
        Of the canonical model.
    width
        Of the wide stream; the heads divide it.
    scale
        Length of the wide vector of a vector of length 1.
    isometry
        (width, d_model) in float64: orthonormal columns of mean zero, the last row zero.
    """

    shape: Shape
    width: int
    scale: float
    isometry: Tensor

    @classmethod
    def of(cls, shape: Shape, epsilon: float | None = None) -> "WideStream":
        """Choose the least width.

        Parameters
        ----------
        epsilon
            What the class adds to a variance; None where it can be `epsilon`.

        Examples
        --------
        >>> wide = WideStream.of(Shape(vocab_size=9, d_model=8, n_head=4, d_head=2))
        >>> wide.width, bool((wide.isometry.mean(0).abs() < 1e-12).all()), wide.scale
        (12, True, 1.0)
        """
        least = max(shape.d_model + 2, shape.n_head * shape.d_head)
        width = math.ceil(least / shape.n_head) * shape.n_head
        scale = 1.0 if epsilon is None else math.sqrt(width * epsilon / (shape.d_model * EPSILON))
        isometry = torch.zeros(width, shape.d_model, dtype=torch.float64)
        isometry[: shape.d_model + 1] = _of_mean_zero(shape.d_model)
        return cls(shape, width, scale, isometry)

    @property
    def epsilon(self) -> float:
        """What the wide model's norms add to a variance."""
        return EPSILON * self.scale**2 * self.shape.d_model / self.width

    def table(self, rows: Tensor) -> Tensor:
        """Embeddings (n, d_model) as (n, width)."""
        return self.scale * rows @ self.isometry.T

    def read(self, weight: Tensor) -> Tensor:
        """A matrix (m, d_model) that reads a norm as (m, width)."""
        return math.sqrt(self.shape.d_model / self.width) * weight @ self.isometry.T

    def write(self, weight: Tensor) -> Tensor:
        """A matrix (d_model, m), or a bias (d_model,), that adds to the stream as (width, m) or (width,)."""
        return self.scale * self.isometry @ weight

    def norm(self, *, constant: bool = False) -> State:
        """Gain and shift of a norm; with `constant` it gives 1 in the last place."""
        shift = torch.zeros(self.width, dtype=torch.float64)
        shift[-1] = float(constant)
        return {"weight": torch.ones(self.width, dtype=torch.float64), "bias": shift}

    def attention(self, state: State, name: str) -> dict[str, Tensor]:
        """Weights and biases of q, k, v and o, whose heads get as many channels as divide the width.

        Channels that are added are zero; queries make up for the larger number that scores are divided by.
        """
        own, n_head = self.shape.d_head, self.shape.n_head
        channels = self.width // n_head
        out: dict[str, Tensor] = {}
        for part in "qkv":
            factor = math.sqrt(channels / own) if part == "q" else 1.0
            weight, bias = (state[f"{name}.{part}_proj.{kind}"] for kind in ("weight", "bias"))
            out[f"{part}.weight"] = factor * _padded(self.read(weight), n_head, channels)
            out[f"{part}.bias"] = factor * _padded(bias[:, None], n_head, channels)[:, 0]
        written = self.write(state[f"{name}.o_proj.weight"])
        out["o.weight"] = _padded(written.T, n_head, channels).T
        out["o.bias"] = self.write(state[f"{name}.o_proj.bias"])
        return out


def _of_mean_zero(width: int) -> Tensor:
    """Orthonormal columns (width + 1, width) that each sum to zero: Helmert's."""
    out = torch.zeros(width + 1, width, dtype=torch.float64)
    for k in range(1, width + 1):
        out[:k, k - 1] = 1 / math.sqrt(k * (k + 1))
        out[k, k - 1] = -k / math.sqrt(k * (k + 1))
    return out


def _padded(rows: Tensor, n_head: int, channels: int) -> Tensor:
    """Give the rows (n_head * d_head, m) of every head zeros behind them: (n_head * channels, m)."""
    heads = rows.reshape(n_head, -1, rows.shape[1])
    out = rows.new_zeros(n_head, channels, rows.shape[1])
    out[:, : heads.shape[1]] = heads
    return out.flatten(0, 1)
