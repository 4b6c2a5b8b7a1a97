"""A folder of a fine-tuned checkpoint, or of its adapters, copied: what belongs to the model, and nothing else."""

import shutil
from pathlib import Path

from fedot.errors import FedotError
from fedot.hf.companions import copy_companions
from fedot.hf.folder import INDEX, read_config, weight_files
from fedot.storage.atomic import new_folder
from fedot.storage.tensor_file import TensorFile

CARD = "README.md"
ADAPTER, TENSORS = "adapter_config.json", "adapter_model.safetensors"


def copy_checkpoint(source: Path, to: Path) -> str:
    """Copy a model's settings, tensors, tokenizer and card into a new folder; give what it is.

    Raises
    ------
    FedotError
        If there is no model, its tensors are damaged, or the folder cannot be written; nothing is left of it then.
    """
    if (source / ADAPTER).is_file():
        if not (source / TENSORS).is_file():
            raise FedotError(f"{source} has {ADAPTER} and no {TENSORS}; copy or download the folder again")
        what, tensors, others = "adapters of a checkpoint", [source / TENSORS], (ADAPTER, "base_config.json")
    else:
        read_config(source)  # says what is wrong with it
        what, tensors, others = "a checkpoint", weight_files(source), ("config.json", INDEX)
    for file in tensors:
        TensorFile(file)  # says what is wrong with it
    with new_folder(to) as folder:
        copy_companions(source, folder)
        for file in (*tensors, *(source / name for name in (*others, CARD) if (source / name).is_file())):
            shutil.copyfile(file, folder / file.name)
    return what
