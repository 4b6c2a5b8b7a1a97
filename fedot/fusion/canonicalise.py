"""Exact rewriting of a pre-norm model into its canonical form.

Gains and shifts of the norms are folded into the maps that read them, LayerNorm becomes RMSNorm by projecting
the mean out of everything that writes the stream (Ashkboos et al. 2024, section 3.2), key biases (to which the
softmax is blind) are dropped, value biases move behind the output projection (attention weights sum to 1), and
the two factors of every head's circuits are balanced by a singular value decomposition. Logits are unchanged;
afterwards any rotation of the residual stream is a symmetry, and two heads that compute the same differ by no
more than a rotation.
"""

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.symmetry import Attention, Norm, SymmetrySpec

State = dict[str, Tensor]


def canonicalise(state: State, spec: SymmetrySpec) -> State:
    """Return the canonical form of `state` in float64; the spec says what feeds what.

    Raises
    ------
    FedotError
        If the state does not fit the spec.
    """
    spec.validate(state)
    out = {name: tensor.double().clone() for name, tensor in state.items()}
    for norm in spec.norms:
        _fold_norm(out, norm)
    for attention in spec.attentions:
        value_bias = out.get(f"{attention.v}.bias")
        if value_bias is not None:
            out[f"{attention.o}.bias"] += out[f"{attention.o}.weight"] @ value_bias
            out[f"{attention.v}.bias"] = torch.zeros_like(value_bias)
        if f"{attention.k}.bias" in out:
            out[f"{attention.k}.bias"] = torch.zeros_like(out[f"{attention.k}.bias"])
    if any(norm.kind == "layer" for norm in spec.norms):
        for name, axes in spec.axes.items():
            for index, axis in enumerate(axes):
                if axis.role == "write" and spec.groups[axis.groups[0]].kind == "orthogonal":
                    out[name] -= out[name].mean(index, keepdim=True)
    for attention in spec.attentions:
        n_head = spec.groups[spec.axes[f"{attention.q}.weight"][0].groups[0]].size
        put_heads(out, attention, balance_heads(get_heads(out, attention, n_head)))
    return out


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
    (width + 1, width), and the output circuit is ``o[h].T @ v[h]``.
    """

    __slots__ = ("k", "o", "q", "v")

    def __init__(self, q: Tensor, k: Tensor, v: Tensor, o: Tensor) -> None:
        self.q, self.k, self.v, self.o = q, k, v, o

    @property
    def d_head(self) -> int:
        """Channels per head."""
        return self.q.shape[1]


def get_heads(state: State, attention: Attention, n_head: int) -> Heads:
    """Read the heads of one attention of a canonical state."""
    weight = state[f"{attention.q}.weight"]
    bias = state.get(f"{attention.q}.bias", weight.new_zeros(len(weight)))
    query = torch.cat([weight, bias[:, None]], 1)
    return Heads(
        query.reshape(n_head, -1, query.shape[1]),
        state[f"{attention.k}.weight"].reshape(n_head, -1, query.shape[1] - 1),
        state[f"{attention.v}.weight"].reshape(n_head, -1, query.shape[1] - 1),
        state[f"{attention.o}.weight"].T.reshape(n_head, -1, query.shape[1] - 1),
    )


def put_heads(state: State, attention: Attention, heads: Heads) -> None:
    """Write heads into `state`, in place; key and value biases, where there are any, are zero."""
    query = heads.q.reshape(-1, heads.q.shape[2])
    inner, width = query.shape[0], query.shape[1] - 1
    state[f"{attention.q}.weight"] = query[:, :-1].contiguous()
    state[f"{attention.k}.weight"] = heads.k.reshape(inner, width).contiguous()
    state[f"{attention.v}.weight"] = heads.v.reshape(inner, width).contiguous()
    state[f"{attention.o}.weight"] = heads.o.reshape(inner, width).T.contiguous()
    zeros = query.new_zeros(inner)
    for name, bias in ((attention.q, query[:, -1]), (attention.k, zeros), (attention.v, zeros)):
        if f"{name}.bias" in state:
            state[f"{name}.bias"] = bias.clone()


def balance_heads(heads: Heads) -> Heads:
    """Refactor every circuit into factors of equal weight; the circuits stay as they are."""
    q, k = refactor(heads.q, heads.k, heads.d_head)
    o, v = refactor(heads.o, heads.v, heads.d_head)
    return Heads(q, k, v, o)


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
