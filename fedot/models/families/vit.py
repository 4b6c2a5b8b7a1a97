"""Vision Transformer (Dosovitskiy et al. 2021): a pre-norm encoder of image patches that keeps its LayerNorms.

The patch convolution is a table too: one row for each pixel and channel of a patch, which all models share.
"""

from fedot.models.families.adapter import (
    Adapter,
    Config,
    add_prefix,
    attention,
    class_of,
    drop_prefix,
    drop_unread,
    feed_forward,
    head_size,
    n_class,
    reshape,
    size,
    unchanged,
)
from fedot.models.families.settings import HFSettings
from fedot.symmetry import SpecBuilder, State, SymmetrySpec

CLASSES = {"ViTForImageClassification": "classifier"}
PATCH = "embeddings.patch_embeddings.projection"
START, PLACES = "embeddings.cls_token", "embeddings.position_embeddings"

SETTINGS = HFSettings(
    {
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "image_size": 224,
        "patch_size": 16,
        "num_channels": 3,
        "qkv_bias": True,
        "is_encoder_decoder": False,
    },
    sizes=frozenset({"hidden_size", "num_attention_heads", "intermediate_size"}),
    depths=("num_hidden_layers",),
    unread=frozenset({"encoder_stride", "pooler_output_size", "pooler_act"}),
)


def symmetry(config: Config) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    head = CLASSES[class_of(config, CLASSES)]
    width, n_head = size(config, "hidden_size"), size(config, "num_attention_heads")
    side, patch = size(config, "image_size"), size(config, "patch_size")
    spec = SpecBuilder()
    spec.group("start", 1, "labels")
    spec.group("position", (side // patch) ** 2 + 1, "labels")
    spec.group("pixel", size(config, "num_channels", 3) * patch**2, "labels")
    spec.group("class", n_class(config), "labels")
    spec.group("residual", width, "orthogonal")
    spec.embedding(START, reads="start", writes="residual")
    spec.embedding(PLACES, reads="position", writes="residual")
    spec.linear(PATCH, reads="pixel", writes="residual")
    for i in range(size(config, "num_hidden_layers")):
        layer = f"encoder.layer.{i}"
        qkv = [f"{layer}.attention.attention.{part}" for part in ("query", "key", "value")]
        attention(
            spec,
            [*qkv, f"{layer}.attention.output.dense"],
            reads="residual",
            writes="residual",
            label=str(i),
            n_head=n_head,
            d_head=head_size(width, n_head),
            bias=config.get("qkv_bias") is not False,
        )
        up, down = f"{layer}.intermediate.dense", f"{layer}.output.dense"
        feed_forward(spec, [up], down, stream="residual", label=str(i), width=size(config, "intermediate_size"))
        spec.norm(f"{layer}.layernorm_before", "layer", feeds=qkv, kept=True)
        spec.norm(f"{layer}.layernorm_after", "layer", feeds=[up], kept=True)
    spec.linear(head, reads="residual", writes="class")
    spec.norm("layernorm", "layer", feeds=[head], kept=True)
    return spec.build()


def split(state: State, config: Config) -> State:
    """Translate the tensors of a file: tables and the convolution become matrices."""
    out = drop_prefix(state, "vit")
    for name in (START, PLACES):
        if name in out:
            out[f"{name}.weight"] = out.pop(name).flatten(0, -2)
    weight = f"{PATCH}.weight"
    if weight in out:
        reshape(out, weight, (len(out[weight]), -1))
    return drop_unread(out, symmetry(config), ("pooler.",))


def join(state: State, config: Config) -> State:
    """Translate back."""
    patch = size(config, "patch_size")
    out = dict(state)
    for name in (START, PLACES):
        out[name] = out.pop(f"{name}.weight")[None]
    reshape(out, f"{PATCH}.weight", (-1, size(config, "num_channels", 3), patch, patch))
    return add_prefix(out, "vit", ("classifier.",))


VIT = Adapter(split, unchanged, symmetry, join, {}, SETTINGS)
