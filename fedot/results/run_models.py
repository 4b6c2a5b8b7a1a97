"""The models that a run has left in its folder: told from whatever else lies there, so that only they are removed."""

import re
import shutil
from pathlib import Path

from fedot.errors import FedotError
from fedot.hf.checkpoint_folder import OWN
from fedot.models import config_from_json
from fedot.storage.tensor_file import TensorFile

OF_A_RUN = re.compile(r".+-seed[0-9]+(\.safetensors)?")
"""Name that a run gives a model."""


def is_of_a_run(path: Path) -> bool:
    """Whether a run wrote this file: it has the name of one of its models, and a configuration of fedot's."""
    if not OF_A_RUN.fullmatch(path.name) or path.is_symlink():
        return False
    try:
        if path.is_dir():
            files = [path / name for name in ("model.safetensors", "adapter_model.safetensors")]
            return any(OWN in TensorFile(file).metadata for file in files if file.is_file())
        config_from_json(TensorFile(path).metadata.get("config", ""))
    except FedotError:
        return False
    return True


def remove_of_a_run(path: Path) -> None:
    """Remove what an earlier run wrote at a path, and nothing else."""
    if not is_of_a_run(path):
        return
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
