"""Decoder-only causal language model (Radford et al. 2018)."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from fedot.models import blocks
from fedot.models.shape import Shape, complete, folded, keeps_tie, no_classes
from fedot.symmetry import SpecBuilder, SymmetrySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig(Shape):
    """Shape of a language model.

    Parameters
    ----------
    tied
        Whether its output layer is the embedding table (Press & Wolf 2017).

    Examples
    --------
    >>> DecoderConfig(vocab_size=100, d_model=32, n_head=4, d_head=8).architecture
    'decoder'
    """

    tied: bool = True
    architecture: Literal["decoder"] = "decoder"


def config(settings: dict[str, object], vocab_size: int, n_class: int) -> DecoderConfig:
    """Complete a scenario's `model` settings; a language model has no classes."""
    no_classes("decoder", n_class)
    return DecoderConfig(vocab_size=vocab_size, **complete(settings, ("tied",)))


class Decoder(nn.Module):
    """Token ids (B, T), 0 for padding, to logits (B, T, V) of the token that follows each."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.tok_emb = blocks.make_table(config.vocab_size, config.d_model)
        self.pos_emb = blocks.make_positions(config)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(blocks.Block(config) for _ in range(config.n_layer))
        self.final_norm = blocks.make_norm(config) if config.norm_position == "pre" else nn.Identity()
        self.output = nn.Linear(config.d_model, config.vocab_size)
        if config.tied:
            self.output.weight = self.tok_emb.weight

    def forward(self, ids: Tensor) -> Tensor:
        """Predict what follows each position; no position sees a later one."""
        x = self.dropout(blocks.embed(self.config, self.tok_emb, self.pos_emb, ids))
        mask = blocks.causal_mask(ids)
        for layer in self.layers:
            x = layer(x, mask)
        out: Tensor = self.output(self.final_norm(x))
        return out


def initialise(model: Decoder, generator: torch.Generator) -> None:
    """Draw all weights from `generator`."""
    blocks.initialise(model, model.config, 2 * model.config.n_layer, generator)


def symmetry(config: DecoderConfig) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    spec = SpecBuilder()
    spec.group("vocab", config.vocab_size, "labels")
    blocks.declare_stream(spec, "residual", config)
    blocks.declare_tokens(spec, "tok_emb", config, labels="vocab", stream="residual")
    blocks.declare_positions(spec, "pos_emb", config, stream="residual")
    for i in range(config.n_layer):
        blocks.declare_block(spec, f"layers.{i}", config, stream="residual", label=f"{i}")
    if config.norm_position == "pre":
        spec.norm("final_norm", config.norm, feeds=["output"])
    spec.linear("output", reads="residual", writes="vocab")
    if config.tied:
        spec.tie("output.weight", "tok_emb.weight")
    return spec.build()


def canonical(config: DecoderConfig) -> DecoderConfig:
    """Return the shape of the model after its norms are folded; a tie goes where a gain goes into the output."""
    return replace(folded(config), tied=config.tied and keeps_tie(config))
