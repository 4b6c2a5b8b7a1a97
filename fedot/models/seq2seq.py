"""Encoder-decoder for translation (Vaswani et al. 2017)."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.models import blocks
from fedot.models.pretrained.memory import Memory
from fedot.models.shape import Shape, complete, folded, keeps_tie, no_classes
from fedot.symmetry import SpecBuilder, SymmetrySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Seq2SeqConfig(Shape):
    """Shape of an encoder-decoder; both sides have `n_layer` layers.

    Parameters
    ----------
    target_vocab_size
        Number of the target's tokens; `vocab_size`, that of the source's, where it is None.
    shared
        Whether both languages have one vocabulary and one embedding table.
    tied
        Whether the output layer is the target's table.

    Examples
    --------
    >>> Seq2SeqConfig(vocab_size=100, target_vocab_size=80, shared=False).vocabularies
    {'vocab.source': 100, 'vocab.target': 80}
    """

    target_vocab_size: int | None = None
    shared: bool = True
    tied: bool = True
    architecture: Literal["seq2seq"] = "seq2seq"

    @property
    def tables(self) -> tuple[str, str]:
        """Names of the source's and the target's embedding."""
        return ("tok_emb", "tok_emb") if self.shared else ("source_emb", "target_emb")

    @property
    def vocabularies(self) -> dict[str, int]:
        """Size of each group of tokens, the target's last."""
        if self.shared:
            return {"vocab": self.vocab_size}
        return {"vocab.source": self.vocab_size, "vocab.target": self.target_vocab_size or self.vocab_size}


def config(settings: dict[str, object], vocab_size: int, n_class: int) -> Seq2SeqConfig:
    """Complete a scenario's `model` settings; a translator has no classes."""
    no_classes("seq2seq", n_class)
    values = complete(settings, ("shared", "tied"))
    rows = values.get("target_vocab_size")
    if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 1):
        raise FedotError(f"model.target_vocab_size is {rows!r}, but a whole number of at least 1 is needed")
    if rows is not None and values.get("shared", True):
        raise FedotError(
            f"model.target_vocab_size is {rows}, but both languages share a table; set model.shared: false"
        )
    if not values.get("shared", True):
        values["target_vocab_size"] = rows or vocab_size
    return Seq2SeqConfig(vocab_size=vocab_size, **values)


class Seq2Seq(nn.Module):
    """Source ids (B, S) and target ids (B, T), 0 for padding, to logits (B, T, V) of the next target token."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__()
        self.config = config
        for name, rows in zip(dict.fromkeys(config.tables), config.vocabularies.values(), strict=True):
            self.add_module(name, blocks.make_table(rows, config.d_model))
        self.enc_pos_emb = blocks.make_positions(config)
        self.dec_pos_emb = blocks.make_positions(config)
        self.dropout = nn.Dropout(config.dropout)
        self.enc_layers = nn.ModuleList(blocks.Block(config) for _ in range(config.n_layer))
        self.dec_layers = nn.ModuleList(blocks.Block(config, cross=True) for _ in range(config.n_layer))
        pre = config.norm_position == "pre"
        self.enc_norm = blocks.make_norm(config) if pre else nn.Identity()
        self.dec_norm = blocks.make_norm(config) if pre else nn.Identity()
        target = self._table(1)
        self.output = nn.Linear(config.d_model, target.num_embeddings)
        if config.tied:
            self.output.weight = target.weight

    def forward(self, source_ids: Tensor, target_ids: Tensor) -> Tensor:
        """Predict what follows each target token, given the source; every source needs an id other than 0."""
        return self.decode(target_ids, self.encode(source_ids))

    def encode(self, source_ids: Tensor) -> Memory:
        """Read sources (B, S)."""
        mask = (source_ids != 0)[:, None, None, :]
        x = self.dropout(blocks.embed(self.config, self._table(0), self.enc_pos_emb, source_ids))
        for layer in self.enc_layers:
            x = layer(x, mask)
        return Memory(self.enc_norm(x), mask)

    def decode(self, target_ids: Tensor, memory: Memory) -> Tensor:
        """Logits (B, T, V) of what follows each target token; no position sees a later one."""
        out: Tensor = self.output(self._read(target_ids, memory))
        return out

    def step(self, prefix_ids: Tensor, memory: Memory) -> Tensor:
        """Logits (B, V) of the token after prefixes (B, T) without padding: one step of a search."""
        out: Tensor = self.output(self._read(prefix_ids, memory)[:, -1])
        return out

    def _read(self, target_ids: Tensor, memory: Memory) -> Tensor:
        """The target's stream (B, T, d) as the output layer reads it."""
        x = self.dropout(blocks.embed(self.config, self._table(1), self.dec_pos_emb, target_ids))
        mask = blocks.causal_mask(target_ids)
        for layer in self.dec_layers:
            x = layer(x, mask, memory.stream, memory.mask)
        out: Tensor = self.dec_norm(x)
        return out

    def _table(self, side: int) -> nn.Embedding:
        table = self.get_submodule(self.config.tables[side])
        assert isinstance(table, nn.Embedding)
        return table


def initialise(model: Seq2Seq, generator: torch.Generator) -> None:
    """Draw all weights from `generator`."""
    blocks.initialise(model, model.config, 3 * model.config.n_layer, generator)


def symmetry(config: Seq2SeqConfig) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group; with one table there is one stream."""
    spec = SpecBuilder()
    streams = ("residual", "residual") if config.shared else ("residual.enc", "residual.dec")
    for name, rows in config.vocabularies.items():
        spec.group(name, rows, "labels")
    for stream in dict.fromkeys(streams):
        blocks.declare_stream(spec, stream, config)
    names = dict(zip(config.tables, zip(config.vocabularies, streams, strict=False), strict=False))
    for table, (labels, stream) in names.items():
        blocks.declare_tokens(spec, table, config, labels=labels, stream=stream)
    for side, stream in zip(("enc", "dec"), streams, strict=True):
        blocks.declare_positions(spec, f"{side}_pos_emb", config, stream=stream)
        for i in range(config.n_layer):
            memory = (streams[0], f"cross.{i}") if side == "dec" else None
            name = f"{side}_layers.{i}"
            blocks.declare_block(spec, name, config, stream=stream, label=f"{side}.{i}", memory=memory)
    if config.norm_position == "pre":
        readers = [f"dec_layers.{i}.cross.{part}_proj" for i in range(config.n_layer) for part in "kv"]
        spec.norm("enc_norm", config.norm, feeds=readers)
        spec.norm("dec_norm", config.norm, feeds=["output"])
    spec.linear("output", reads=streams[1], writes=list(config.vocabularies)[-1])
    if config.tied:
        spec.tie("output.weight", f"{config.tables[1]}.weight")
    return spec.build()


def canonical(config: Seq2SeqConfig) -> Seq2SeqConfig:
    """Return the shape of the model after its norms are folded; a tie goes where a gain goes into the output."""
    return replace(folded(config), tied=config.tied and keeps_tie(config))
