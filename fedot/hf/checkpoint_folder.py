"""Write a fine-tuned checkpoint as a folder that `from_pretrained` loads; adapters alone as one that peft loads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from fedot.errors import FedotError
from fedot.fusion.merges.adapter_products import DOWN, UP
from fedot.hf.checkpoint import Checkpoint, open_checkpoint
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.companions import copy_companions
from fedot.models import State
from fedot.models.families import adapter_of
from fedot.models.pretrained.pretrained_config import ADAPTED, PretrainedConfig, symmetry_or_none
from fedot.models.pretrained.pretrained_module import input_first, rows_swapped
from fedot.storage.atomic import new_folder, replaced_folder, write_bytes
from fedot.storage.tensor_file import write_tensors
from fedot.version import __version__

OWN = "fedot"
"""Key of a file's metadata that tells who wrote it."""


def write_checkpoint(
    path: Path, config: PretrainedConfig, state: State, classes: Sequence[str] = (), here: Checkpoint | None = None
) -> None:
    """Write a model as a new folder; nothing is left of it if that fails.

    Parameters
    ----------
    state
        What is trained of the checkpoint.
    classes
        Names of the classes, by number.
    here
        The checkpoint, where it lies on this machine: its tokenizer goes along, and adapters are added to its weights.
        Without it adapters are written as they are, beside the head, for whoever has the checkpoint.

    Raises
    ------
    FedotError
        If the folder cannot be written.
    """
    with new_folder(path) as folder:
        if config.lora_rank and here is None:
            _write_adapters(folder, config, state, classes)
            return
        whole = merged(config, here.weights(config) | state) if config.lora_rank and here else state
        tensors = {name: tensor.float() for name, tensor in file_tensors(config, whole).items()}
        write_tensors(folder / "model.safetensors", tensors, {"format": "pt", OWN: __version__})
        write_bytes(folder / "config.json", _json(settings_of(config, classes)))
        if here is not None:
            copy_companions(here.folder, folder)
            _limit_length(folder / "tokenizer_config.json", config.max_length)


def save_checkpoint(
    path: str | Path, config: PretrainedConfig, state: State, classes: Sequence[str] = (), *, overwrite: bool = False
) -> Path:
    """Write a model whose checkpoint lies in a folder of this machine, and give the path.

    Parameters
    ----------
    overwrite
        Whether a folder of a model may be there, which this one takes the place of.

    Raises
    ------
    FedotError
        If there is something else, the checkpoint is gone, or the folder cannot be written.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        raise FedotError(f"{path} is the name of a file, but a checkpoint is saved as a folder; leave out .safetensors")
    here = open_checkpoint(CheckpointSpec(config.checkpoint), (), hub=False)
    if not overwrite or not path.exists():
        if path.exists():
            raise FedotError(f"{path} exists already; choose another path, or overwrite it with overwrite=True")
        write_checkpoint(path, config, state, classes, here)
        return path
    if path.is_symlink() or not any((path / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise FedotError(f"{path} is no folder of a model, so it is not overwritten; choose another path")
    with replaced_folder(path) as made:
        write_checkpoint(made, config, state, classes, here)
    return path


def settings_of(config: PretrainedConfig, classes: Sequence[str]) -> dict[str, Any]:
    """The config.json of a fine-tuned checkpoint, with the names of its classes."""
    settings = config.config_json
    if classes:
        settings["id2label"] = {str(i): name for i, name in enumerate(classes)}
        settings["label2id"] = {name: i for i, name in enumerate(classes)}
    return settings | {"torch_dtype": "float32"}


def file_tensors(config: PretrainedConfig, state: State) -> State:
    """A state under the names, and with the rows, of the class's own file."""
    spec = symmetry_or_none(config)
    if spec is None:
        return dict(state)
    settings = config.config_json
    return adapter_of(settings).join(rows_swapped(state, spec, config.pad), settings)


def merged(config: PretrainedConfig, state: Mapping[str, torch.Tensor]) -> State:
    """Weights with what adapters add to them, ``W + alpha / rank B A`` (Hu et al. 2022, equation 3)."""
    out = {name: tensor for name, tensor in state.items() if not name.endswith((DOWN, UP))}
    turned = input_first(config)
    for name in [name for name in state if name.endswith(DOWN)]:
        layer = name.removesuffix(DOWN)
        added = config.lora_alpha / config.lora_rank * (state[layer + UP].double() @ state[name].double())
        weight = out[f"{layer}.weight"]
        out[f"{layer}.weight"] = (weight.double() + (added.T if layer in turned else added)).to(weight.dtype)
    return out


def _write_adapters(folder: Path, config: PretrainedConfig, state: State, classes: Sequence[str]) -> None:
    """Files of peft: adapters and head under the names that a wrapped model has."""
    layers = sorted(name.removesuffix(DOWN) for name in state if name.endswith(DOWN))
    heads = [name for name in state if not name.endswith((DOWN, UP))]
    # a head is saved by the module that holds it: of `bert.pooler.dense.weight` that is `bert.pooler`
    saved = sorted({name.rpartition(".")[0].removesuffix(".dense").removesuffix(".out_proj") for name in heads})
    settings = {
        "peft_type": "LORA",
        "task_type": ADAPTED.get(config.task or "", None),
        "base_model_name_or_path": config.checkpoint,
        "r": config.lora_rank,
        "lora_alpha": config.lora_alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": bool(input_first(config)),
        "target_modules": layers,
        "modules_to_save": saved,
        "inference_mode": True,
    }
    tensors = {f"base_model.model.{name}": tensor.float() for name, tensor in state.items()}
    write_tensors(folder / "adapter_model.safetensors", tensors, {"format": "pt", OWN: __version__})
    write_bytes(folder / "adapter_config.json", _json(settings))
    write_bytes(folder / "base_config.json", _json(settings_of(config, classes)))


def _limit_length(path: Path, max_length: int) -> None:
    """Have the tokenizer cut texts where the model was trained to."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise FedotError(f"{path.name} of the checkpoint is no JSON ({error}); copy it again") from None
    write_bytes(path, _json({**settings, "model_max_length": max_length}))


def _json(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
