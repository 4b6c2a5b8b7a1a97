"""What all architectures are built of, each part beside the declaration of its symmetry.

Queries, keys, values and outputs are separate tensors, so that every axis belongs to one neuron group. After
Vaswani et al. (2017); pre-norm as in Xiong et al. (2020), RMSNorm by Zhang & Sennrich (2019), rotary positions by
Su et al. (2021), SwiGLU by Shazeer (2020).
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedot.models.shape import Shape
from fedot.symmetry import Kind, SpecBuilder, sinusoids


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with a gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of `x`."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


def make_norm(shape: Shape) -> nn.Module:
    """Build a norm of the chosen kind."""
    return RMSNorm(shape.d_model) if shape.norm == "rms" else nn.LayerNorm(shape.d_model, eps=1e-6)


def declare_norm(spec: SpecBuilder, name: str, shape: Shape, *, stream: str, feeds: Sequence[str]) -> None:
    """Declare a norm: before its readers it can be folded into them, after a layer it is part of the stream."""
    if shape.norm_position == "pre":
        spec.norm(name, shape.norm, feeds=feeds)
        return
    for part in ("weight", "bias")[: 1 + (shape.norm == "layer")]:
        spec.vector(f"{name}.{part}", writes=stream)


def make_table(rows: int, width: int) -> nn.Embedding:
    """Make an embedding.

    On the meta device its weights are not drawn: that has no effect there, but would import torch's compiler, which
    takes seconds.
    """
    weight = torch.empty(rows, width)
    return nn.Embedding(rows, width, _weight=weight) if weight.is_meta else nn.Embedding(rows, width)


def make_positions(shape: Shape) -> nn.Embedding | None:
    """Build a table of positions, where they are learned."""
    return make_table(shape.max_length, shape.d_model) if shape.positions == "learned" else None


def embed(shape: Shape, tokens: nn.Embedding, positions: nn.Embedding | None, ids: Tensor) -> Tensor:
    """Start a stream: rows of token ids (B, T), and what is added for positions, (B, T, d)."""
    x: Tensor = tokens(ids) * shape.embedding_scale
    if positions is not None:
        return x + positions.weight[: ids.shape[1]]
    return x + sinusoids(ids.shape[1], shape.d_model).to(x) if shape.positions == "sinusoidal" else x


def declare_stream(spec: SpecBuilder, stream: str, shape: Shape) -> None:
    """Declare a residual stream: pre-norm it may be rotated, post-norm only permuted."""
    spec.group(stream, shape.d_model, "orthogonal" if shape.norm_position == "pre" else "permutation")


def declare_tokens(spec: SpecBuilder, name: str, shape: Shape, *, labels: str, stream: str) -> None:
    """Declare a table of token embeddings."""
    spec.embedding(name, reads=labels, writes=stream, scale=shape.embedding_scale)


def declare_positions(spec: SpecBuilder, name: str, shape: Shape, *, stream: str) -> None:
    """Declare a table of positions, where something is added to the stream for them."""
    if shape.positions != "rotary":
        spec.group("position", shape.max_length, "labels")
        spec.embedding(name, reads="position", writes=stream, sinusoidal=shape.positions == "sinusoidal")


def causal_mask(ids: Tensor) -> Tensor:
    """Which keys each position may read, (B, 1, T, T): real ones up to itself; padding at least itself."""
    t = ids.shape[1]
    earlier = torch.ones(t, t, dtype=torch.bool, device=ids.device).tril()
    return (earlier & (ids != 0)[:, None, None, :]) | torch.eye(t, dtype=torch.bool, device=ids.device)


class AttentionBlock(nn.Module):
    """Multi-head attention with an own tensor for each projection; `rotary` if positions turn queries and keys."""

    def __init__(self, shape: Shape, *, rotary: bool) -> None:
        super().__init__()
        inner = shape.n_head * shape.d_head
        self.n_head, self.rotary = shape.n_head, rotary
        self.q_proj = nn.Linear(shape.d_model, inner)
        self.k_proj = nn.Linear(shape.d_model, inner)
        self.v_proj = nn.Linear(shape.d_model, inner)
        self.o_proj = nn.Linear(inner, shape.d_model)

    def forward(self, x: Tensor, mask: Tensor, memory: Tensor | None = None) -> Tensor:
        """Mix positions of `x` (B, T, d), or read `memory` (B, S, d); `mask` is true where a key may be read."""
        b, t, _ = x.shape
        parts = (self.q_proj, self.k_proj, self.v_proj)
        if memory is None and all(type(part) is nn.Linear and not part._forward_pre_hooks for part in parts):
            joint = F.linear(  # one product of three matrices is faster than three
                x, torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
            )
            q, k, v = joint.view(b, t, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)  # each (B, H, T, d_head)
        else:
            read = x if memory is None else memory
            flat = (self.q_proj(x), self.k_proj(read), self.v_proj(read))
            q, k, v = (each.unflatten(2, (self.n_head, -1)).transpose(1, 2) for each in flat)
        if self.rotary:
            q, k = turn(q), turn(k)
        y = F.scaled_dot_product_attention(q, k, v, mask)  # no dropout here: it would shut out the fused kernel
        out: Tensor = self.o_proj(y.transpose(1, 2).reshape(b, t, -1))
        return out


def turn(x: Tensor) -> Tensor:
    """Turn each pair of channels of `x` (B, H, T, d_head) by an angle that grows with the position."""
    table = sinusoids(x.shape[2], x.shape[3]).to(x)  # of one angle for each pair: sine, cosine
    sine, cosine = table[:, 0::2], table[:, 1::2]
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2)


def declare_attention(
    spec: SpecBuilder, name: str, shape: Shape, *, reads: str, label: str, memory: str | None = None
) -> None:
    """Declare an attention that reads and writes one stream; keys and values may read another one, `memory`."""
    heads, qk, vo = f"heads.{label}", f"qk.{label}", f"vo.{label}"
    rotary = memory is None and shape.positions == "rotary"
    spec.group(heads, shape.n_head, "permutation")
    spec.group(qk, shape.d_head, "rotary" if rotary else "linear", within=heads)
    spec.group(vo, shape.d_head, "linear", within=heads)
    spec.linear(f"{name}.q_proj", reads=reads, writes=f"{heads} {qk}")
    spec.linear(f"{name}.k_proj", reads=memory or reads, writes=f"{heads} {qk}", dual=True)
    spec.linear(f"{name}.v_proj", reads=memory or reads, writes=f"{heads} {vo}")
    spec.linear(f"{name}.o_proj", reads=f"{heads} {vo}", writes=reads)
    spec.attention(*(f"{name}.{part}_proj" for part in "qkvo"))


class FeedForward(nn.Module):
    """Two-layer network on each position, GELU or ReLU, or gated."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.activation = shape.activation
        if shape.activation == "swiglu":
            self.gate = nn.Linear(shape.d_model, shape.d_ff)
        self.up = nn.Linear(shape.d_model, shape.d_ff)
        self.down = nn.Linear(shape.d_ff, shape.d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (B, T, d) to (B, T, d)."""
        hidden = self.up(x)
        if self.activation == "swiglu":
            hidden = hidden * F.silu(self.gate(x))
        else:
            hidden = F.gelu(hidden) if self.activation == "gelu" else F.relu(hidden)
        out: Tensor = self.down(hidden)
        return out


SCALES: dict[str, Kind] = {"relu": "positive", "swiglu": "linear"}
"""By which numbers a neuron may be scaled: what `up` gains `down` loses."""


def declare_feed_forward(spec: SpecBuilder, name: str, shape: Shape, *, stream: str, label: str) -> None:
    """Declare a feed-forward layer; the gate is not scaled with what it gates."""
    neurons = f"ffn.{label}"
    spec.group(neurons, shape.d_ff, "permutation")
    scaled = neurons
    if shape.activation in SCALES:
        spec.group(f"scale.{label}", 1, SCALES[shape.activation], within=neurons)
        scaled = f"{neurons} scale.{label}"
    for up, writes in zip(ups(name, shape), (scaled, neurons), strict=False):
        spec.linear(up, reads=stream, writes=writes)
    spec.linear(f"{name}.down", reads=scaled, writes=stream)


def ups(name: str, shape: Shape) -> tuple[str, ...]:
    """Names of the maps by which a feed-forward layer reads the stream."""
    return (f"{name}.up", f"{name}.gate")[: 1 + (shape.activation == "swiglu")]


class Block(nn.Module):
    """One layer: attention, with `cross` also to another stream, then feed-forward, each added to the stream."""

    def __init__(self, shape: Shape, *, cross: bool = False) -> None:
        super().__init__()
        self.post = shape.norm_position == "post"
        self.attn_norm, self.attn = make_norm(shape), AttentionBlock(shape, rotary=shape.positions == "rotary")
        if cross:
            self.cross_norm, self.cross = make_norm(shape), AttentionBlock(shape, rotary=False)
        self.ffn_norm, self.ffn = make_norm(shape), FeedForward(shape)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(
        self, x: Tensor, mask: Tensor, memory: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """Return the stream after this layer, (B, T, d)."""
        x = self._add(x, self.attn_norm, lambda y: self.attn(y, mask))
        if memory is not None:
            x = self._add(x, self.cross_norm, lambda y: self.cross(y, memory_mask, memory))
        return self._add(x, self.ffn_norm, self.ffn)

    def _add(self, x: Tensor, norm: nn.Module, layer: Callable[[Tensor], Tensor]) -> Tensor:
        out: Tensor = norm(x + self.dropout(layer(x))) if self.post else x + self.dropout(layer(norm(x)))
        return out


def declare_block(
    spec: SpecBuilder, name: str, shape: Shape, *, stream: str, label: str, memory: tuple[str, str] | None = None
) -> None:
    """Declare a layer on a stream; vectors of a norm that is not folded come where the norm runs, after a layer.

    Parameters
    ----------
    label
        Ending of the names of its neuron groups.
    memory
        For a cross-attention, the stream that it reads and the ending of its groups' names.
    """
    attn, ffn = f"{name}.attn", f"{name}.ffn"
    declare_attention(spec, attn, shape, reads=stream, label=label)
    declare_norm(spec, f"{name}.attn_norm", shape, stream=stream, feeds=[f"{attn}.{part}_proj" for part in "qkv"])
    if memory is not None:
        declare_attention(spec, f"{name}.cross", shape, reads=stream, label=memory[1], memory=memory[0])
        declare_norm(spec, f"{name}.cross_norm", shape, stream=stream, feeds=[f"{name}.cross.q_proj"])
    declare_feed_forward(spec, ffn, shape, stream=stream, label=label)
    declare_norm(spec, f"{name}.ffn_norm", shape, stream=stream, feeds=ups(ffn, shape))


def initialise(model: nn.Module, shape: Shape, depth: int, generator: torch.Generator) -> None:
    """Draw all weights: normal, 0.02 for tables (1 after scaling), 1/sqrt(fan-in) for matrices.

    Parameters
    ----------
    depth
        How many layers add to one stream; what they write is divided by its square root.
    """
    table = 0.02 if shape.embedding_scale == 1.0 else 1 / shape.embedding_scale
    depth_scale = 1 / math.sqrt(depth)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif parameter.ndim == 1:
                parameter.zero_()
            elif "_emb." in name:
                parameter.normal_(0.0, table, generator=generator)
            else:
                std = 1 / math.sqrt(parameter.shape[1])
                writes_residual = name.endswith(("o_proj.weight", "down.weight"))
                parameter.normal_(0.0, std * (depth_scale if writes_residual else 1.0), generator=generator)
