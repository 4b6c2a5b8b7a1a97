"""Marian (Junczys-Dowmunt et al. 2018; OPUS-MT by Tiedemann & Thottingal 2020): a post-norm encoder-decoder.

Its sinusoidal positions are fixed in one basis of the stream. They become an explicit table, which the class loads
like any other tensor, and the stream may be permuted. Encoder and decoder have one stream where they share their
embedding, else one each.
"""

import math

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.models.families.adapter import (
    MOST,
    Adapter,
    Config,
    attention,
    class_of,
    drop_copy,
    feed_forward,
    head_size,
    layer_norm,
    size,
    tied,
    unchanged,
)
from fedot.models.families.settings import HFSettings
from fedot.symmetry import SpecBuilder, State, SymmetrySpec

CLASSES = {"MarianMTModel": "lm_head"}
SIDES = ("encoder", "decoder")
ROWS = {
    "vocab_size": "vocab",
    "decoder_vocab_size": "vocab",
    "max_position_embeddings": "position",
}
SETTINGS = HFSettings(
    {
        "activation_function": "gelu",
        "scale_embedding": False,
        "share_encoder_decoder_embeddings": True,
        "is_decoder": False,
        "is_encoder_decoder": True,
        "pad_token_id": 58100,
        "decoder_start_token_id": 58100,
    },
    sizes=frozenset({*ROWS, "d_model", *(f"{s}_{key}" for s in SIDES for key in ("attention_heads", "ffn_dim"))}),
    depths=("encoder_layers", "decoder_layers"),
    aliases={
        "hidden_size": "d_model",
        "num_attention_heads": "encoder_attention_heads",
        "num_hidden_layers": "encoder_layers",
    },
    padded=frozenset(CLASSES),
)


def _shared(config: Config) -> bool:
    if not tied(config):
        raise FedotError(
            "config.json has tie_word_embeddings false, but fedot knows Marian models with a tied output layer only"
        )
    return config.get("share_encoder_decoder_embeddings") is not False


def symmetry(config: Config) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    class_of(config, CLASSES)
    spec = SpecBuilder()
    width = size(config, "d_model")
    if _shared(config):
        streams, vocabularies = ("residual", "residual"), ("vocab", "vocab")
        spec.group("residual", width, "permutation")
        rows = size(config, "vocab_size")
        if size(config, "decoder_vocab_size", rows) != rows:
            raise FedotError(
                f"config.json has another decoder_vocab_size than its vocab_size {rows}, but one embedding"
            )
        spec.group("vocab", rows, "labels")
        spec.embedding("model.shared", reads="vocab", writes="residual")
    else:
        streams, vocabularies = ("residual.encoder", "residual.decoder"), ("vocab.source", "vocab.target")
        counts = size(config, "vocab_size"), size(config, "decoder_vocab_size", size(config, "vocab_size"))
        for side, stream, vocabulary, count in zip(SIDES, streams, vocabularies, counts, strict=True):
            spec.group(stream, width, "permutation")
            spec.group(vocabulary, count, "labels")
            spec.embedding(f"model.{side}.embed_tokens", reads=vocabulary, writes=stream)
    spec.group("position", size(config, "max_position_embeddings"), "labels")
    for side, stream in zip(SIDES, streams, strict=True):
        spec.embedding(f"model.{side}.embed_positions", reads="position", writes=stream)
        for i in range(size(config, f"{side}_layers")):
            _layer(spec, config, side, i, stream, streams[0])
    spec.vector("final_logits_bias", writes=vocabularies[1])
    return spec.build()


def _layer(spec: SpecBuilder, config: Config, side: str, i: int, stream: str, memory: str) -> None:
    layer, n_head = f"model.{side}.layers.{i}", size(config, f"{side}_attention_heads")
    for kind in ("self_attn", "encoder_attn")[: 1 + (side == "decoder")]:
        attention(
            spec,
            [f"{layer}.{kind}.{part}_proj" for part in ("q", "k", "v", "out")],
            reads=stream,
            writes=stream,
            memory=None if kind == "self_attn" else memory,
            label=f"{side if kind == 'self_attn' else 'cross'}.{i}",
            n_head=n_head,
            d_head=head_size(size(config, "d_model"), n_head),
        )
        layer_norm(spec, f"{layer}.{kind}_layer_norm", stream=stream)
    width = size(config, f"{side}_ffn_dim")
    feed_forward(spec, [f"{layer}.fc1"], f"{layer}.fc2", stream=stream, label=f"{side}.{i}", width=width)
    layer_norm(spec, f"{layer}.final_layer_norm", stream=stream)


def split(state: State, config: Config) -> State:
    """Translate the tensors of a file: each tied tensor once, positions as a table."""
    out = dict(state)
    if _shared(config):
        for name in ("model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head"):
            drop_copy(out, f"{name}.weight", "model.shared.weight")
    else:
        out.pop("model.shared.weight", None)  # old files keep the encoder's here as well
        drop_copy(out, "lm_head.weight", "model.decoder.embed_tokens.weight")
    table = sinusoids(size(config, "max_position_embeddings"), size(config, "d_model"))
    for side in SIDES:
        out.setdefault(f"model.{side}.embed_positions.weight", table.clone())
    rows = size(config, "vocab_size")
    rows = rows if _shared(config) else size(config, "decoder_vocab_size", rows)
    out["final_logits_bias"] = out.get("final_logits_bias", torch.zeros(rows)).flatten()
    return out


def sinusoids(rows: int, width: int) -> Tensor:
    """Fixed positions: sines in the first half of the channels, cosines in the second, (rows, width).

    Raises
    ------
    FedotError
        If there would be more numbers than any model has.
    """
    if rows * width > MOST:
        raise FedotError(f"config.json asks for {rows} positions of {width} channels, more than any model has")
    rate = torch.exp(-math.log(10000.0) * torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(rows)[:, None] * rate
    return torch.cat([angles.sin(), angles[:, : width // 2].cos()], 1).float()


def join(state: State, config: Config) -> State:
    """Translate back."""
    del config
    return {**state, "final_logits_bias": state["final_logits_bias"][None]}


MARIAN = Adapter(split, unchanged, symmetry, join, ROWS, SETTINGS)
