"""Write the folder: config.json, model.safetensors, the tokenizer's two files, generation_config.json and README.md."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from fedot.errors import FedotError
from fedot.export.layouts import Layout, layout_of
from fedot.export.model_card import model_card
from fedot.fusion.canonical.canonicalise import canonical_but_heads
from fedot.models import canonical_config, symmetry
from fedot.saved import SavedModel
from fedot.storage.atomic import new_folder, write_bytes
from fedot.storage.tensor_file import write_tensors
from fedot.tokenizer import BEGIN, END, PAD, UNK

_SPECIAL = {"pad": PAD, "unk": UNK, "bos": BEGIN, "eos": END}


def export_folder(model: SavedModel, path: str | Path, title: str = "model", plan: str = "") -> str:
    """Write a saved model as a folder that `from_pretrained` loads.

    Parameters
    ----------
    model
        One with a tokenizer (`SavedModel.with_tokenizer`).
    path
        The new folder. It is there as a whole, or not at all.
    title
        Heading of its model card.
    plan
        How it was fused, as JSON; "" of one that was trained.

    Returns
    -------
    str
        Name of the class of transformers.

    Raises
    ------
    FedotError
        If no class holds the model, it has no tokenizer, or the folder is there already.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from fedot.models import DecoderConfig, build_model, state_of
    >>> from fedot.tokenizer import SPECIAL, train_tokenizer
    >>> tokenizer = train_tokenizer({"film": 9, "fine": 4}, "reversible", special=SPECIAL)
    >>> config = DecoderConfig(vocab_size=tokenizer.get_vocab_size(), d_model=8, n_head=2, d_head=4, d_ff=8)
    >>> model = SavedModel(config, state_of(build_model(config, seed=0)), tokenizer.to_str())
    >>> with TemporaryDirectory() as root:
    ...     print(export_folder(model, f"{root}/mine"), (Path(root) / "mine" / "model.safetensors").is_file())
    GPT2LMHeadModel True
    """
    layout = layout_of(model.config)
    tokenizer = Tokenizer.from_str(model.reader().to_str())  # a copy: others read with the same one
    wide = layout.stream_of(model.config)
    canonical = canonical_but_heads(model.state, symmetry(model.config))
    laid = layout.tensors(canonical, canonical_config(model.config), wide)
    ids = _special_ids(tokenizer)
    if layout.begins:
        tokenizer.post_processor = TemplateProcessing(
            single=f"{layout.begins} $A", special_tokens=[(layout.begins, ids["bos"])]
        )
    numbers = {f"{name}_token_id": ids[name] for name in ("pad", "bos", "eos")}
    with new_folder(Path(path)) as folder:
        settings = {
            "architectures": [layout.class_name],
            "vocab_size": model.config.vocab_size,
            "tie_word_embeddings": False,
            "torch_dtype": "float32",
            **numbers,
            **_start(layout, ids),
            **layout.settings(model.config, wide),
        }
        forbidden = sorted({ids["pad"], ids["unk"], ids["bos"]})
        generation = {**numbers, **_start(layout, ids), "suppress_tokens": forbidden}
        write_tensors(
            folder / "model.safetensors", {name: tensor.float() for name, tensor in laid.items()}, {"format": "pt"}
        )
        write_bytes(folder / "config.json", _json(settings))
        write_bytes(folder / "generation_config.json", _json(generation))
        write_bytes(folder / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
        write_bytes(folder / "tokenizer_config.json", _json(_tokenizer_settings(model.config.max_length)))
        write_bytes(folder / "README.md", model_card(model, layout, wide.width, title, plan).encode())
    return layout.class_name


def _special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    found = {name: tokenizer.token_to_id(token) for name, token in _SPECIAL.items()}
    ids = {name: number for name, number in found.items() if number is not None}
    if len(ids) < len(found):
        raise FedotError(f"the model's tokenizer lacks one of {', '.join(_SPECIAL.values())}; was it trained by fedot?")
    return ids


def _start(layout: Layout, ids: dict[str, int]) -> dict[str, int]:
    """What an encoder-decoder reads first."""
    return {} if layout.begins else {"decoder_start_token_id": ids["bos"]}


def _tokenizer_settings(max_length: int) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        **{f"{name}_token": token for name, token in _SPECIAL.items()},
    }


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()
