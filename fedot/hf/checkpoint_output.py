"""What a checkpoint that says tokens must have: tokens that end its texts, one vocabulary, and an output layer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fedot.errors import FedotError
from fedot.hf.folder import weight_files
from fedot.storage.tensor_file import TensorFile
from fedot.translation.special_tokens import NOTHING

OUTPUT = "lm_head.weight"
TABLES = ("shared.weight", "model.shared.weight", "transformer.wte.weight")
"""Tables of tokens that an output layer may be, where a class lets both be one tensor."""


def check_says(folder: Path, settings: Mapping[str, Any], task: str, last: int) -> None:
    """Refuse a checkpoint whose texts have no end, or whose sides have a vocabulary each.

    Raises
    ------
    FedotError
        Saying what is missing.
    """
    if last == NOTHING:
        raise FedotError(f"the tokenizer in {folder} puts no token after a text, which a {task} needs to end; set one")
    if settings.get("share_encoder_decoder_embeddings") is False:
        raise FedotError(f"{folder} has a vocabulary for each language, but only checkpoints of one are trained")


def has_own_output(folder: Path) -> bool:
    """Whether the files hold an output layer that is not the table of tokens, whatever config.json says.

    T5 v1.1 has one, and newer versions of transformers write ``tie_word_embeddings: true`` all the same.
    """
    found = {name: file for file in map(TensorFile, weight_files(folder)) for name in file}
    table = next((name for name in TABLES if name in found), None)
    if OUTPUT not in found or table is None:
        return False
    return not torch.equal(found[OUTPUT][OUTPUT], found[table][table])
