"""A pre-norm decoder as `GPT2LMHeadModel` (Radford et al. 2019).

That class has LayerNorms, learned positions, GELU or ReLU, biases everywhere but in its output layer, and heads that
divide its width. What is missing the wide stream gives: the output's bias is its last column.
"""

from typing import Any

import torch

from fedot.export.wide_stream import WideStream
from fedot.models import DecoderConfig, State
from fedot.tokenizer import BEGIN

CLASS = "GPT2LMHeadModel"
LOADER = "AutoModelForCausalLM"
BEGINS = BEGIN
"""Token that the tokenizer puts before every text."""


def settings(config: DecoderConfig, wide: WideStream) -> dict[str, Any]:
    """The config.json of a canonical model, but for what all classes have."""
    return {
        "model_type": "gpt2",
        "n_positions": config.max_length,
        "n_embd": wide.width,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_inner": config.d_ff,
        "activation_function": config.activation,
        "layer_norm_epsilon": wide.epsilon,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": 0.0,
    }


def stream_of(config: DecoderConfig) -> WideStream:
    """The class takes any epsilon."""
    return WideStream.of(config)


def tensors(state: State, config: DecoderConfig, wide: WideStream) -> State:
    """Name and lay out the tensors of a canonical model; the class keeps matrices as (in, out)."""
    out = {
        "transformer.wte.weight": wide.table(state["tok_emb.weight"]),
        "transformer.wpe.weight": wide.table(state["pos_emb.weight"]),
        "lm_head.weight": wide.read(state["output.weight"]),
    }
    out["lm_head.weight"][:, -1] = state["output.bias"]
    _put(out, "transformer.ln_f", wide.norm(constant=True))
    for i in range(config.n_layer):
        own, name = f"layers.{i}", f"transformer.h.{i}"
        parts = wide.attention(state, f"{own}.attn")
        out[f"{name}.attn.c_attn.weight"] = torch.cat([parts[f"{each}.weight"] for each in "qkv"]).T
        out[f"{name}.attn.c_attn.bias"] = torch.cat([parts[f"{each}.bias"] for each in "qkv"])
        out[f"{name}.attn.c_proj.weight"], out[f"{name}.attn.c_proj.bias"] = parts["o.weight"].T, parts["o.bias"]
        out[f"{name}.mlp.c_fc.weight"] = wide.read(state[f"{own}.ffn.up.weight"]).T
        out[f"{name}.mlp.c_fc.bias"] = state[f"{own}.ffn.up.bias"]
        out[f"{name}.mlp.c_proj.weight"] = wide.write(state[f"{own}.ffn.down.weight"]).T
        out[f"{name}.mlp.c_proj.bias"] = wide.write(state[f"{own}.ffn.down.bias"])
        _put(out, f"{name}.ln_1", wide.norm())
        _put(out, f"{name}.ln_2", wide.norm())
    return out


def _put(out: State, name: str, parts: State) -> None:
    out.update({f"{name}.{kind}": tensor for kind, tensor in parts.items()})
