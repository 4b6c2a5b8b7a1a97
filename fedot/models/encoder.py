"""Pre-norm transformer encoder with masked mean pooling and a linear classifier.

Queries, keys, values and outputs are separate tensors, so that every axis belongs to one neuron group.
Architecture after Vaswani et al. (2017), pre-norm as in Xiong et al. (2020), RMSNorm by Zhang & Sennrich (2019).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.symmetry import SpecBuilder, SymmetrySpec


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Shape of an encoder classifier; `norm` is ``"rms"`` or ``"layer"``."""

    vocab_size: int
    n_class: int
    d_model: int = 64
    n_layer: int = 2
    n_head: int = 4
    d_head: int = 16
    d_ff: int = 256
    max_length: int = 128
    norm: Literal["rms", "layer"] = "rms"
    dropout: float = 0.1
    architecture: Literal["encoder"] = "encoder"


def config(settings: dict[str, object], vocab_size: int, n_class: int) -> EncoderConfig:
    """Complete a scenario's `model` settings; `d_head` is ``d_model / n_head`` unless it is given."""
    values = dict(settings)
    d_model = values.get("d_model", EncoderConfig.__dataclass_fields__["d_model"].default)
    n_head = values.get("n_head", EncoderConfig.__dataclass_fields__["n_head"].default)
    for key in ("d_model", "n_layer", "n_head", "d_head", "d_ff", "max_length"):
        value = values.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise FedotError(f"model.{key} is {value!r}, but a whole number of at least 1 is needed")
    assert isinstance(d_model, int) and isinstance(n_head, int)  # noqa: PT018
    if "d_head" not in values:
        if d_model % n_head:
            raise FedotError(
                f"model.d_model is {d_model}, which {n_head} heads do not divide; "
                f"choose a multiple of {n_head}, or set model.d_head"
            )
        values["d_head"] = d_model // n_head
    if values.get("norm", "rms") not in ("rms", "layer"):
        raise FedotError(f"model.norm is {values['norm']!r}, but it can only be rms or layer")
    dropout = values.get("dropout", 0.1)
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise FedotError(f"model.dropout is {dropout!r}, but a number from 0 up to 1 is needed")
    return EncoderConfig(vocab_size=vocab_size, n_class=n_class, **values)  # type: ignore[arg-type]


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with a gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis of `x`."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight


def _norm(config: EncoderConfig) -> nn.Module:
    return RMSNorm(config.d_model) if config.norm == "rms" else nn.LayerNorm(config.d_model, eps=1e-6)


class Attention(nn.Module):
    """Multi-head self-attention with an own tensor for each projection."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        inner = config.n_head * config.d_head
        self.n_head = config.n_head
        self.q_proj = nn.Linear(config.d_model, inner)
        self.k_proj = nn.Linear(config.d_model, inner)
        self.v_proj = nn.Linear(config.d_model, inner)
        self.o_proj = nn.Linear(inner, config.d_model)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mix positions of `x` (B, T, d); `mask` (B, 1, 1, T) is true where a key may be read."""
        b, t, _ = x.shape
        parts = (self.q_proj, self.k_proj, self.v_proj)
        joint = F.linear(  # one product of three matrices is faster than three
            x, torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        )
        q, k, v = joint.view(b, t, 3, self.n_head, -1).permute(2, 0, 3, 1, 4)  # each (B, H, T, d_head)
        y = F.scaled_dot_product_attention(q, k, v, mask)  # no dropout here: it would shut out the fused kernel
        out: Tensor = self.o_proj(y.transpose(1, 2).reshape(b, t, -1))
        return out


class FeedForward(nn.Module):
    """Two-layer GELU network on each position."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.d_ff)
        self.down = nn.Linear(config.d_ff, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (B, T, d) to (B, T, d)."""
        out: Tensor = self.down(F.gelu(self.up(x)))
        return out


class Block(nn.Module):
    """One pre-norm layer: attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attn_norm, self.attn = _norm(config), Attention(config)
        self.ffn_norm, self.ffn = _norm(config), FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the stream after this layer, (B, T, d)."""
        x = x + self.dropout(self.attn(self.attn_norm(x), mask))
        out: Tensor = x + self.dropout(self.ffn(self.ffn_norm(x)))
        return out


class Encoder(nn.Module):
    """Token ids (B, T), 0 for padding, to class logits (B, C)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.tok_emb = nn.Embedding(config.vocab_size, config.d_model)
        self.pos_emb = nn.Embedding(config.max_length, config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.final_norm = _norm(config)
        self.classifier = nn.Linear(config.d_model, config.n_class)

    def forward(self, ids: Tensor) -> Tensor:
        """Classify a batch; every row needs at least one id other than 0."""
        real = ids != 0
        x = self.dropout(self.tok_emb(ids) + self.pos_emb.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, real[:, None, None, :])
        weight = real.to(x.dtype)
        pooled = (self.final_norm(x) * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)
        out: Tensor = self.classifier(pooled)
        return out


def initialise(model: Encoder, generator: torch.Generator) -> None:
    """Draw all weights from `generator`: normal, 0.02 for tables, 1/sqrt(fan-in) scaled for matrices."""
    depth_scale = 1 / math.sqrt(2 * model.config.n_layer)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(1.0)
            elif parameter.ndim == 1:
                parameter.zero_()
            elif "_emb." in name:
                parameter.normal_(0.0, 0.02, generator=generator)
            else:
                std = 1 / math.sqrt(parameter.shape[1])
                writes_residual = name.endswith(("o_proj.weight", "down.weight"))
                parameter.normal_(0.0, std * (depth_scale if writes_residual else 1.0), generator=generator)


def symmetry(config: EncoderConfig) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    spec = SpecBuilder()
    spec.group("vocab", config.vocab_size, "labels")
    spec.group("position", config.max_length, "labels")
    spec.group("class", config.n_class, "labels")
    spec.group("residual", config.d_model, "orthogonal")
    spec.embedding("tok_emb", reads="vocab", writes="residual")
    spec.embedding("pos_emb", reads="position", writes="residual")
    for i in range(config.n_layer):
        attn, ffn = f"layers.{i}.attn", f"layers.{i}.ffn"
        spec.group(f"heads.{i}", config.n_head, "permutation")
        spec.group(f"qk.{i}", config.d_head, "linear", within=f"heads.{i}")
        spec.group(f"vo.{i}", config.d_head, "linear", within=f"heads.{i}")
        spec.group(f"ffn.{i}", config.d_ff, "permutation")
        spec.norm(f"layers.{i}.attn_norm", config.norm, feeds=[f"{attn}.{p}_proj" for p in "qkv"])
        spec.linear(f"{attn}.q_proj", reads="residual", writes=f"heads.{i} qk.{i}")
        spec.linear(f"{attn}.k_proj", reads="residual", writes=f"heads.{i} qk.{i}", dual=True)
        spec.linear(f"{attn}.v_proj", reads="residual", writes=f"heads.{i} vo.{i}")
        spec.linear(f"{attn}.o_proj", reads=f"heads.{i} vo.{i}", writes="residual")
        spec.attention(f"{attn}.q_proj", f"{attn}.k_proj", f"{attn}.v_proj", f"{attn}.o_proj")
        spec.norm(f"layers.{i}.ffn_norm", config.norm, feeds=[f"{ffn}.up"])
        spec.linear(f"{ffn}.up", reads="residual", writes=f"ffn.{i}")
        spec.linear(f"{ffn}.down", reads=f"ffn.{i}", writes="residual")
    spec.norm("final_norm", config.norm, feeds=["classifier"])
    spec.linear("classifier", reads="residual", writes="class")
    return spec.build()


def canonical(config: EncoderConfig) -> EncoderConfig:
    """Return the shape of the model after its norms are folded: the same, with RMSNorm."""
    return replace(config, norm="rms")
