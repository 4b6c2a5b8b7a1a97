"""Exact rewriting of a model into its canonical form.

What a model computes from fixed numbers becomes a tensor: sinusoidal positions a table, the factor of a scaled
embedding part of it. Gains and shifts of the norms are folded into the maps that read them, LayerNorm becomes
RMSNorm by projecting the mean out of everything that writes the stream (Ashkboos et al. 2024, section 3.2), key
biases (to which the softmax is blind) are dropped, value biases move behind the output projection (attention
weights sum to 1), and the two factors of every head's circuits are balanced by a singular value decomposition;
under rotary positions, which see key biases too, the score circuits are balanced plane by plane. Feed-forward
neurons that may be scaled get weights of equal norm on both sides.

Logits are unchanged; afterwards any rotation of a pre-norm model's residual stream is a symmetry, and two heads
that compute the same differ by no more than a rotation. After a post-norm nothing is folded into readers, since
the norm's output is the stream itself.
"""

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.models import State
from fedot.symmetry import Attention, Norm, SymmetrySpec, sinusoids


def canonicalise(state: State, spec: SymmetrySpec) -> State:
    """Return the canonical form of `state` in float64; the spec says what feeds what.

    Raises
    ------
    FedotError
        If the state does not fit the spec.
    """
    out = canonical_but_heads(state, spec)
    for attention in spec.attentions:
        put_heads(out, attention, balance_heads(get_heads(out, spec, attention), rotary=attention.rotary))
    return out


def canonical_but_heads(state: State, spec: SymmetrySpec) -> State:
    """Return the canonical form but for the channels of heads, which stay those that the model was trained with.

    Methods that match channel with channel need these: in the canonical form channels are singular directions, which
    two models have in common only as far as their circuits have.

    Raises
    ------
    FedotError
        If the state does not fit the spec.
    """
    spec.validate(state)
    out = {name: tensor.double().clone() for name, tensor in state.items()}
    for name in spec.sinusoidal:
        rows, width = (spec.axis_size(axis) for axis in spec.axes[name])
        out[name] = sinusoids(rows, width)
    for name, factor in spec.scaled.items():
        out[name] *= factor
    for norm in spec.norms:
        _fold_norm(out, norm)
    for attention in spec.attentions:
        value_bias = out.get(f"{attention.v}.bias")
        if value_bias is not None:
            out[f"{attention.o}.bias"] += out[f"{attention.o}.weight"] @ value_bias
            out[f"{attention.v}.bias"] = torch.zeros_like(value_bias)
        if f"{attention.k}.bias" in out and not attention.rotary:
            out[f"{attention.k}.bias"] = torch.zeros_like(out[f"{attention.k}.bias"])
    if spec.is_centred():
        for name, axes in spec.axes.items():
            for index, axis in enumerate(axes):
                if axis.role == "write" and spec.groups[axis.groups[0]].kind == "orthogonal":
                    out[name] -= out[name].mean(index, keepdim=True)
    for name in spec.groups:
        scale = spec.scale_of(name)
        if scale is not None:
            _balance_scale(out, spec, scale.name, spec.groups[name].size)
    return out


def _balance_scale(out: State, spec: SymmetrySpec, scale: str, neurons: int) -> None:
    """Give what each neuron reads and what it writes equal norms, in place; a dead neuron is left as it is."""
    sides = {
        role: [(name, index) for name, index in spec.tensors_of(scale) if spec.axes[name][index].role == role]
        for role in ("write", "read")
    }
    writes, reads = (
        torch.cat([torch.movedim(out[name], index, 0).reshape(neurons, -1) for name, index in sides[role]], 1)
        .square()
        .sum(1)
        for role in ("write", "read")
    )
    alive = (writes > 0) & (reads > 0)
    factor = torch.where(alive, (reads / writes.clamp(min=1e-300)) ** 0.25, 1.0)
    for role, by in (("write", factor), ("read", 1 / factor)):
        for name, index in sides[role]:
            out[name] *= by.reshape([-1 if axis == index else 1 for axis in range(out[name].ndim)])


def _fold_norm(out: State, norm: Norm) -> None:
    """Fold gain and shift into the readers, in place.

    A kept LayerNorm leaves its gain at 1. Its output has mean zero, so the readers' mean over the stream does
    nothing and is removed. A reader without a bias cannot take the shift up; it reads it from its mean direction
    instead, into which the norm then writes a constant: its shift becomes 1 everywhere, and is 0 otherwise.
    """
    gain, shift = out[f"{norm.name}.weight"], out.pop(f"{norm.name}.bias", None)
    carried = False
    for name in norm.feeds:
        weight, bias = out[f"{name}.weight"], out.get(f"{name}.bias")
        moved = None if shift is None else weight @ shift
        weight *= gain
        if norm.kept:
            weight -= weight.mean(1, keepdim=True)
        if moved is not None and bias is not None:
            bias += moved
        elif moved is not None and norm.kept:
            weight += moved[:, None] / weight.shape[1]
            carried = True
        elif moved is not None:
            raise FedotError(f"{name} reads {norm.name} but has no bias to take its shift up; declare it with a bias")
    out[f"{norm.name}.weight"] = torch.ones_like(gain)
    if norm.kept:
        out[f"{norm.name}.bias"] = torch.full_like(gain, float(carried))


class Heads:
    """The four factors of all heads of one attention, as (H, d_head, width) tensors.

    `q` carries the query bias as its last column, so the score circuit of head h is ``q[h].T @ k[h]``, of shape
    (width + 1, width), and the output circuit is ``o[h].T @ v[h]``. In a rotary attention `k` carries the key
    bias likewise. In a cross-attention keys and values have the width of the stream that they read.
    """

    __slots__ = ("k", "o", "q", "v")

    def __init__(self, q: Tensor, k: Tensor, v: Tensor, o: Tensor) -> None:
        self.q, self.k, self.v, self.o = q, k, v, o

    @property
    def d_head(self) -> int:
        """Channels per head."""
        return self.q.shape[1]


def get_heads(state: State, spec: SymmetrySpec, attention: Attention) -> Heads:
    """Read the heads of one attention of a canonical state."""
    n_head = spec.groups[spec.axes[f"{attention.q}.weight"][0].groups[0]].size
    query, key = (_with_bias(state, name) for name in (attention.q, attention.k))
    key = key if attention.rotary else key[:, :-1]
    sides = (query, key, state[f"{attention.v}.weight"], state[f"{attention.o}.weight"].T)
    return Heads(*(side.reshape(n_head, -1, side.shape[1]) for side in sides))


def put_heads(state: State, attention: Attention, heads: Heads) -> None:
    """Write heads into `state`, in place; where key and value biases are no part of them they are zero."""
    query, key, value, output = (side.reshape(-1, side.shape[2]) for side in (heads.q, heads.k, heads.v, heads.o))
    zeros = query.new_zeros(len(query))
    key, key_bias = (key[:, :-1], key[:, -1]) if attention.rotary else (key, zeros)
    state[f"{attention.q}.weight"] = query[:, :-1].contiguous()
    state[f"{attention.k}.weight"] = key.contiguous()
    state[f"{attention.v}.weight"] = value.contiguous()
    state[f"{attention.o}.weight"] = output.T.contiguous()
    for name, bias in ((attention.q, query[:, -1]), (attention.k, key_bias), (attention.v, zeros)):
        if f"{name}.bias" in state:
            state[f"{name}.bias"] = bias.clone()


def _with_bias(state: State, linear: str) -> Tensor:
    weight = state[f"{linear}.weight"]
    bias = state.get(f"{linear}.bias", weight.new_zeros(len(weight)))
    return torch.cat([weight, bias[:, None]], 1)


def balance_heads(heads: Heads, *, rotary: bool = False) -> Heads:
    """Refactor every circuit into factors of equal weight; the circuits stay as they are.

    The channels of rotary scores cannot be mixed: each plane's factors are scaled to equal norms.
    """
    o, v = refactor(heads.o, heads.v, heads.d_head)
    if not rotary:
        q, k = refactor(heads.q, heads.k, heads.d_head)
        return Heads(q, k, v, o)
    q, k = planes(heads.q), planes(heads.k)
    norm_q, norm_k = q.norm(dim=2, keepdim=True), k.norm(dim=2, keepdim=True)
    alive = (norm_q > 0) & (norm_k > 0)
    factor = torch.where(alive, (norm_k / norm_q.clamp(min=1e-300)).sqrt(), 1.0)
    return Heads(channels(q * factor), channels(k / factor), v, o)


def planes(factor: Tensor) -> Tensor:
    """Channels (H, d_head, width) as complex numbers, two neighbours to a plane: (H, d_head / 2, width).

    What rotary positions commute with, a turn and a scale of each plane, is then a product with one number.
    """
    return torch.complex(factor[:, 0::2], factor[:, 1::2])


def channels(planes: Tensor) -> Tensor:
    """Real channels of complex planes, the inverse of `planes`."""
    return torch.stack([planes.real, planes.imag], 2).flatten(1, 2)


def refactor(left: Tensor, right: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Best factors of ``left.T @ right`` at a rank, balanced: both (..., rank, width).

    Works on the small side: two QR decompositions and the SVD of an (r, r) core, never of the (d, d) product.
    """
    left_q, left_r = torch.linalg.qr(left.mT)
    right_q, right_r = torch.linalg.qr(right.mT)
    u, s, vh = torch.linalg.svd(left_r @ right_r.mT, full_matrices=False)
    root = s[..., :rank].sqrt()
    factor_left = (left_q @ (u[..., :rank] * root[..., None, :])).mT
    factor_right = (right_q @ (vh.mT[..., :rank] * root[..., None, :])).mT
    return _pad_rank(factor_left, rank), _pad_rank(factor_right, rank)


def _pad_rank(factor: Tensor, rank: int) -> Tensor:
    missing = rank - factor.shape[-2]
    return torch.nn.functional.pad(factor, (0, 0, 0, missing)) if missing > 0 else factor


def to_float32(state: State) -> State:
    """Cast back to the type that models are kept in."""
    return {name: tensor.float().contiguous() for name, tensor in state.items()}
