"""Transformer encoder with masked mean pooling and a linear classifier."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fedot.models import blocks
from fedot.models.shape import Shape, complete, folded
from fedot.symmetry import SpecBuilder, SymmetrySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig(Shape):
    """Shape of an encoder classifier.

    Parameters
    ----------
    n_class
        Number of classes.

    Examples
    --------
    >>> EncoderConfig(vocab_size=100, n_class=3, d_model=32, n_head=4, d_head=8).n_class
    3
    """

    n_class: int
    architecture: Literal["encoder"] = "encoder"


def config(settings: dict[str, object], vocab_size: int, n_class: int) -> EncoderConfig:
    """Complete a scenario's `model` settings."""
    return EncoderConfig(vocab_size=vocab_size, n_class=n_class, **complete(settings))


class Encoder(nn.Module):
    """Token ids (B, T), 0 for padding, to class logits (B, C)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.tok_emb = blocks.make_table(config.vocab_size, config.d_model)
        self.pos_emb = blocks.make_positions(config)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(blocks.Block(config) for _ in range(config.n_layer))
        self.final_norm = blocks.make_norm(config) if config.norm_position == "pre" else nn.Identity()
        self.classifier = nn.Linear(config.d_model, config.n_class)

    def forward(self, ids: Tensor) -> Tensor:
        """Classify a batch; every row needs at least one id other than 0."""
        real = ids != 0
        x = self.dropout(blocks.embed(self.config, self.tok_emb, self.pos_emb, ids))
        for layer in self.layers:
            x = layer(x, real[:, None, None, :])
        weight = real.to(x.dtype)
        pooled = (self.final_norm(x) * weight[..., None]).sum(1) / weight.sum(1, keepdim=True)
        out: Tensor = self.classifier(pooled)
        return out


def initialise(model: Encoder, generator: torch.Generator) -> None:
    """Draw all weights from `generator`."""
    blocks.initialise(model, model.config, 2 * model.config.n_layer, generator)


def symmetry(config: EncoderConfig) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    spec = SpecBuilder()
    spec.group("vocab", config.vocab_size, "labels")
    spec.group("class", config.n_class, "labels")
    blocks.declare_stream(spec, "residual", config)
    blocks.declare_tokens(spec, "tok_emb", config, labels="vocab", stream="residual")
    blocks.declare_positions(spec, "pos_emb", config, stream="residual")
    for i in range(config.n_layer):
        blocks.declare_block(spec, f"layers.{i}", config, stream="residual", label=f"{i}")
    if config.norm_position == "pre":
        spec.norm("final_norm", config.norm, feeds=["classifier"])
    spec.linear("classifier", reads="residual", writes="class")
    return spec.build()


def canonical(config: EncoderConfig) -> EncoderConfig:
    """Return the shape of the model after its norms are folded."""
    return folded(config)
