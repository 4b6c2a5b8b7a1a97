"""GPT-2 (Radford et al. 2019): a pre-norm decoder whose class keeps its LayerNorms.

Gains and shifts are folded, and the stream may be turned by any rotation that keeps its mean. The output layer,
into which the last norm is folded, has to be untied from the embedding. Where the two have to stay one table, the last
norm stays as it is, and the stream may only be permuted.
"""

from collections.abc import Sequence

import torch

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
    layer_norm,
    n_class,
    refuse,
    size,
    tied,
    untied,
)
from fedot.models.families.settings import HFSettings
from fedot.symmetry import SpecBuilder, State, SymmetrySpec

CLASSES = {  # the layer that reads the last norm
    "GPT2LMHeadModel": "lm_head",
    "GPT2ForSequenceClassification": "score",
    "GPT2ForTokenClassification": "classifier",
    "GPT2ForQuestionAnswering": "qa_outputs",
}
HEADS = ("lm_head.", "score.", "classifier.", "qa_outputs.")
ROWS = {"vocab_size": "vocab", "n_positions": "position"}
SETTINGS = HFSettings(
    {
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "is_encoder_decoder": False,
        "add_cross_attention": False,
        "pad_token_id": None,
    },
    sizes=frozenset({*ROWS, "n_embd", "n_head", "n_inner"}),
    depths=("n_layer",),
    unread=frozenset(
        {
            "n_ctx",
            "predict_special_tokens",
            "reorder_and_upcast_attn",
            "summary_type",
            "summary_use_proj",
            "summary_activation",
            "summary_proj_to_labels",
        }
    ),
    aliases={
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    padded=frozenset({"GPT2ForSequenceClassification"}),
)
TURNED = ("attn.c_proj", "mlp.c_fc", "mlp.c_proj")  # besides c_attn; stored as (in, out)


def symmetry(config: Config) -> SymmetrySpec:
    """Declare which axis of which tensor belongs to which neuron group."""
    refuse(config, ("add_cross_attention",))
    width, n_head = size(config, "n_embd"), size(config, "n_head")
    head = CLASSES[class_of(config, CLASSES)]
    spec = SpecBuilder()
    spec.group("vocab", size(config, "vocab_size"), "labels")
    spec.group("position", size(config, "n_positions"), "labels")
    one_table = head == "lm_head" and tied(config)
    spec.group("residual", width, "permutation" if one_table else "orthogonal")
    spec.embedding("wte", reads="vocab", writes="residual")
    spec.embedding("wpe", reads="position", writes="residual")
    for i in range(size(config, "n_layer")):
        qkv = [f"h.{i}.attn.{part}_proj" for part in "qkv"]
        attention(
            spec,
            [*qkv, f"h.{i}.attn.c_proj"],
            reads="residual",
            writes="residual",
            label=str(i),
            n_head=n_head,
            d_head=head_size(width, n_head),
            scaled=config.get("scale_attn_weights") is not False,
        )
        up, down = f"h.{i}.mlp.c_fc", f"h.{i}.mlp.c_proj"
        feed_forward(spec, [up], down, stream="residual", label=str(i), width=size(config, "n_inner", 4 * width))
        spec.norm(f"h.{i}.ln_1", "layer", feeds=qkv, kept=True)
        spec.norm(f"h.{i}.ln_2", "layer", feeds=[up], kept=True)
    if one_table:  # the last norm cannot be folded into a table that is also read as it is
        layer_norm(spec, "ln_f", stream="residual")
        return spec.build()
    if head == "lm_head":
        spec.linear(head, reads="residual", writes="vocab", bias=False)
    else:
        spec.group("class", 2 if head == "qa_outputs" else n_class(config), "labels")
        spec.linear(head, reads="residual", writes="class", bias=head != "score")
    spec.norm("ln_f", "layer", feeds=[head], kept=True)
    return spec.build()


def split(state: State, config: Config) -> State:
    """Translate the tensors of a file: one for each projection, (out, in), and an output layer of its own."""
    out = drop_prefix(state, "transformer")
    for i in range(size(config, "n_layer")):
        for kind in ("weight", "bias"):
            joint = out.pop(f"h.{i}.attn.c_attn.{kind}", None)
            for part, tensor in zip("qkv", () if joint is None else joint.chunk(3, -1), strict=False):
                out[f"h.{i}.attn.{part}_proj.{kind}"] = tensor.mT if kind == "weight" else tensor
    _transpose(out, config)
    if tied(config) and "wte.weight" in out:
        out["lm_head.weight"] = out["wte.weight"].clone()
    return drop_unread(out, symmetry(untied(config, out)), HEADS, ("attn.bias", "attn.masked_bias"))


def join(state: State, config: Config) -> State:
    """Translate back."""
    out = dict(state)
    for i in range(size(config, "n_layer")):
        for kind in ("weight", "bias"):
            parts = [out.pop(f"h.{i}.attn.{part}_proj.{kind}") for part in "qkv"]
            out[f"h.{i}.attn.c_attn.{kind}"] = torch.cat(parts).T.contiguous() if kind == "weight" else torch.cat(parts)
    _transpose(out, config)
    return add_prefix(out, "transformer", HEADS)


def _transpose(state: State, config: Config) -> None:
    names: Sequence[str] = [f"h.{i}.{part}.weight" for i in range(size(config, "n_layer")) for part in TURNED]
    for name in names:
        if name in state:
            state[name] = state[name].mT.contiguous()


GPT2 = Adapter(split, untied, symmetry, join, ROWS, SETTINGS)
