"""A pre-norm encoder-decoder as `PegasusForConditionalGeneration` (Zhang et al. 2020).

Of the encoder-decoders of transformers it is the one with a norm before every layer, one after the last and none after
the embedding. Its positions are a table that its file holds, and its output has a bias, `final_logits_bias`. Its norms
add 1e-5 to a variance, whatever config.json says; a longer stream makes that fit.
"""

from typing import Any

from fedot.export.wide_stream import WideStream
from fedot.models import Seq2SeqConfig, State

CLASS = "PegasusForConditionalGeneration"
LOADER = "AutoModelForSeq2SeqLM"
BEGINS = ""
EPSILON = 1e-5


def settings(config: Seq2SeqConfig, wide: WideStream) -> dict[str, Any]:
    """The config.json of a canonical model, but for what all classes have."""
    both = {"layers": config.n_layer, "attention_heads": config.n_head, "ffn_dim": config.d_ff, "layerdrop": 0.0}
    return {
        "model_type": "pegasus",
        "is_encoder_decoder": True,
        "d_model": wide.width,
        "max_position_embeddings": config.max_length,
        **{f"{side}_{key}": value for side in ("encoder", "decoder") for key, value in both.items()},
        "activation_function": config.activation,
        "dropout": config.dropout,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "scale_embedding": False,
        "forced_eos_token_id": None,
    }


def stream_of(config: Seq2SeqConfig) -> WideStream:
    """The class has an epsilon of its own."""
    return WideStream.of(config, EPSILON)


def tensors(state: State, config: Seq2SeqConfig, wide: WideStream) -> State:
    """Name and lay out the tensors of a canonical model with one table of tokens."""
    table = wide.table(state["tok_emb.weight"])
    out = {
        "lm_head.weight": wide.read(state["output.weight"]),
        "final_logits_bias": state["output.bias"][None],
        **{
            f"model.{name}.weight": table.clone() for name in ("shared", "encoder.embed_tokens", "decoder.embed_tokens")
        },
    }
    for side, short in (("encoder", "enc"), ("decoder", "dec")):
        out[f"model.{side}.embed_positions.weight"] = wide.table(state[f"{short}_pos_emb.weight"])
        _put(out, f"model.{side}.layer_norm", wide.norm())
        for i in range(config.n_layer):
            own, name = f"{short}_layers.{i}", f"model.{side}.layers.{i}"
            _put_attention(out, f"{name}.self_attn", wide.attention(state, f"{own}.attn"), wide)
            if side == "decoder":
                _put_attention(out, f"{name}.encoder_attn", wide.attention(state, f"{own}.cross"), wide)
            out[f"{name}.fc1.weight"] = wide.read(state[f"{own}.ffn.up.weight"])
            out[f"{name}.fc1.bias"] = state[f"{own}.ffn.up.bias"]
            out[f"{name}.fc2.weight"] = wide.write(state[f"{own}.ffn.down.weight"])
            out[f"{name}.fc2.bias"] = wide.write(state[f"{own}.ffn.down.bias"])
            _put(out, f"{name}.final_layer_norm", wide.norm())
    return out


def _put_attention(out: State, name: str, parts: State, wide: WideStream) -> None:
    _put(out, f"{name}_layer_norm", wide.norm())
    names = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}
    for part, own in names.items():
        _put(out, f"{name}.{own}", {kind: parts[f"{part}.{kind}"] for kind in ("weight", "bias")})


def _put(out: State, name: str, parts: State) -> None:
    out.update({f"{name}.{kind}": tensor for kind, tensor in parts.items()})
