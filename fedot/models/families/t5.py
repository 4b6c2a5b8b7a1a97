"""T5 (Raffel et al. 2020): a pre-norm encoder-decoder with RMSNorm and no biases; any rotation is exact.

Scores are not scaled. One table of relative positions serves all self-attentions of a stack, so these share one
group of heads. Encoder and decoder start from one embedding, so there is one stream. The output layer, into which
the last norm is folded, has to be untied; a tied one also takes up the factor d_model**-0.5 of its class. Where the two
have to stay one table, the last norm stays as it is, and the stream may only be permuted.
"""

from collections.abc import Collection
from typing import Any

from fedot.models.families.adapter import (
    Adapter,
    Config,
    attention,
    class_of,
    drop_copy,
    feed_forward,
    refuse,
    size,
    tied,
    untied,
)
from fedot.models.families.settings import HFSettings
from fedot.symmetry import SpecBuilder, State, SymmetrySpec

CLASSES = {"T5ForConditionalGeneration": "lm_head"}
SCALED = "scale_decoder_outputs"  # written by newer versions of transformers; the tie decides where it is absent
BIAS = "block.0.layer.0.SelfAttention.relative_attention_bias"


def symmetry(config: Config) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    head = CLASSES[class_of(config, CLASSES)]
    refuse(config, ("is_decoder",))
    depth = size(config, "num_layers")
    spec = SpecBuilder()
    spec.group("vocab", size(config, "vocab_size"), "labels")
    spec.group("distance", size(config, "relative_attention_num_buckets", 32), "labels")
    spec.group("residual", size(config, "d_model"), "permutation" if tied(config) else "orthogonal")
    spec.embedding("shared", reads="vocab", writes="residual")
    _stack(spec, config, "encoder", depth)
    depth = size(config, "num_decoder_layers", depth)
    _stack(spec, config, "decoder", depth)
    cross = [f"decoder.block.{i}.layer.1.EncDecAttention.{part}" for i in range(depth) for part in "kv"]
    spec.norm("encoder.final_layer_norm", "rms", feeds=cross)
    if tied(config):  # the last norm cannot be folded into a table that is also read as it is
        spec.vector("decoder.final_layer_norm.weight", writes="residual")
        return spec.build()
    spec.norm("decoder.final_layer_norm", "rms", feeds=[head])
    spec.linear(head, reads="residual", writes="vocab", bias=False)
    return spec.build()


def _stack(spec: SpecBuilder, config: Config, stack: str, depth: int) -> None:
    spec.group(f"heads.{stack}", size(config, "num_heads"), "permutation")
    spec.embedding(f"{stack}.{BIAS}", reads="distance", writes=f"heads.{stack}")
    gated = str(config.get("feed_forward_proj", "relu")).startswith("gated")
    for i in range(depth):
        block, last = f"{stack}.block.{i}", 2 if stack == "decoder" else 1
        _attention(spec, config, f"{block}.layer.0", "SelfAttention", f"{stack}.{i}", heads=f"heads.{stack}")
        spec.norm(f"{block}.layer.0.layer_norm", "rms", feeds=[f"{block}.layer.0.SelfAttention.{p}" for p in "qkv"])
        if stack == "decoder":
            _attention(spec, config, f"{block}.layer.1", "EncDecAttention", f"cross.{i}")
            spec.norm(f"{block}.layer.1.layer_norm", "rms", feeds=[f"{block}.layer.1.EncDecAttention.q"])
        layer = f"{block}.layer.{last}"
        ups = [f"{layer}.DenseReluDense.{part}" for part in (("wi_0", "wi_1") if gated else ("wi",))]
        down = f"{layer}.DenseReluDense.wo"
        width = size(config, "d_ff")
        feed_forward(spec, ups, down, stream="residual", label=f"{stack}.{i}", width=width, bias=False)
        spec.norm(f"{layer}.layer_norm", "rms", feeds=ups)


def _attention(spec: SpecBuilder, config: Config, layer: str, kind: str, label: str, heads: str | None = None) -> None:
    attention(
        spec,
        [f"{layer}.{kind}.{part}" for part in "qkvo"],
        reads="residual",
        writes="residual",
        label=label,
        n_head=size(config, "num_heads"),
        d_head=size(config, "d_kv"),
        heads=heads,
        bias=False,
        out_bias=False,
        scaled=False,
    )


def canonical(config: Config, names: Collection[str]) -> dict[str, Any]:
    """Return the config.json of a model with an output layer of its own, whose input is not scaled."""
    return {**untied(config, names), SCALED: False}


def derive(config: Config) -> dict[str, Any]:
    """Write out what follows from `feed_forward_proj`, unless config.json says it itself, and the decoder's depth."""
    kind = str(config.get("feed_forward_proj", "relu"))
    activation = "gelu_new" if kind == "gated-gelu" else kind.rpartition("-")[2]
    return {
        "dense_act_fn": activation,
        "is_gated_act": kind.startswith("gated"),
        **config,
        "num_decoder_layers": config.get("num_decoder_layers") or config.get("num_layers"),
    }


def split(state: State, config: Config) -> State:
    """Translate the tensors of a file: one embedding, and an output layer of its own."""
    out = dict(state)
    for stack in ("encoder", "decoder"):
        drop_copy(out, f"{stack}.embed_tokens.weight", "shared.weight")
    out.pop("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", None)  # old files; never read
    if tied(config) and SCALED not in config:  # newer files may hold an output layer of its own and say tied
        drop_copy(out, "lm_head.weight", "shared.weight")
    head = out.get("lm_head.weight", out.get("shared.weight"))
    if head is not None:
        scaled = config.get(SCALED, tied(config))
        out["lm_head.weight"] = head * size(config, "d_model") ** -0.5 if scaled else head.clone()
    return out


def join(state: State, config: Config) -> State:
    """Translate back: all names are the file's already."""
    del config
    return dict(state)


SETTINGS = HFSettings(
    {
        "feed_forward_proj": "relu",
        "layer_norm_epsilon": 1e-6,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "is_decoder": False,
        "is_encoder_decoder": True,
        "pad_token_id": 0,
    },
    sizes=frozenset({"vocab_size", "d_model", "d_kv", "d_ff", "num_heads"}),
    depths=("num_layers", "num_decoder_layers"),
    unread=frozenset({"n_positions", "output_past"}),
    aliases={
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    },
    padded=frozenset(CLASSES),
    derive=derive,
)
T5 = Adapter(split, canonical, symmetry, join, {"vocab_size": "vocab"}, SETTINGS)
