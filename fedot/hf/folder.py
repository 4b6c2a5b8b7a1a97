"""Read, write and run folders of the transformers library: config.json and model.safetensors."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.hf.companions import copy_companions
from fedot.hf.tokens.vocabulary import read_json, read_vocabulary
from fedot.models import State
from fedot.models.families import adapter_of
from fedot.models.families.adapter import Config, class_names, class_of
from fedot.models.families.settings import check_settings, own_names
from fedot.storage.tensor_file import TensorFile, TensorWriter
from fedot.symmetry import SymmetrySpec
from fedot.text.outside import printable, told

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
OTHER_WEIGHTS = {  # and what they are
    "pytorch_model*.bin": "a pickle, which can run code",
    "*.pt": "a pickle, which can run code",
    "tf_model.h5": "for TensorFlow",
    "flax_model.msgpack": "for Flax",
    "*.onnx": "for ONNX",
    "*.gguf": "for llama.cpp",
}
VOCABULARIES = {"vocab": "vocab.json", "vocab.source": "vocab.json", "vocab.target": "target_vocab.json"}
"""Groups of tokens, and the file that may have a vocabulary of their own."""


@dataclass(frozen=True, slots=True)
class HFModel:
    """A model of the transformers library, ready for `fedot.fuse`.

    Attributes
    ----------
    state
        Split tensors in float32.
    spec
        Their symmetry.
    config
        The config.json that fits `state`.
    labels
        Names of the rows of labelled groups: tokens ("vocab") where the folder has a tokenizer, and classes.
    dtype
        Type of the tensors in the file.
    folder
        Where it was read from.

    Examples
    --------
    >>> from fedot.hf import HF_MODELS
    >>> config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": False}
    >>> config |= {"n_embd": 4, "n_head": 2, "n_layer": 1, "vocab_size": 6, "n_positions": 8}
    >>> spec = HF_MODELS["gpt2"].symmetry(config)
    >>> model = HFModel({}, spec, config, {}, torch.float32, Path("mine"))
    >>> model.spec.groups["vocab"].size, model.dtype
    (6, torch.float32)
    """

    state: State
    spec: SymmetrySpec
    config: dict[str, Any]
    labels: Mapping[str, tuple[str, ...]]
    dtype: torch.dtype
    folder: Path


def load_folder(path: str | Path) -> HFModel:
    """Read a folder as `save_pretrained` writes it.

    Parameters
    ----------
    path
        Folder with config.json and model.safetensors, or the shards that its index names.

    Returns
    -------
    HFModel
        Tensors in float32 with their symmetry, and the names of rows that the folder tells.

    Raises
    ------
    FedotError
        If the folder lacks a file, or its tensors are not those of its class; the message names the first.

    Examples
    --------
    >>> from fedot.hf import HF_MODELS
    >>> config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": False}
    >>> config |= {"n_embd": 4, "n_head": 2, "n_layer": 1, "vocab_size": 6, "n_positions": 8}
    >>> shapes = HF_MODELS["gpt2"].symmetry(config).shapes()
    >>> state = {name: torch.ones(shape) for name, shape in shapes.items()}
    >>> with tempfile.TemporaryDirectory() as root:
    ...     save_folder(f"{root}/mine", state, config, torch.float16)
    ...     model = load_folder(f"{root}/mine")
    >>> model.dtype, tuple(model.state["wte.weight"].shape), model.state["wte.weight"].dtype
    (torch.float16, (6, 4), torch.float32)
    """
    folder = Path(path)
    config = read_config(folder)
    with told(f"{folder}: its files do not fit each other"):
        try:
            adapter = adapter_of(config)
            config = own_names(config, adapter.settings.aliases)
            tensors = _read_tensors(folder)
            check_settings(config, adapter.settings, len(tensors))
            canonical = adapter.canonical(config, tensors.keys())
            widened = {k: t.float() if t.is_floating_point() and t.itemsize < 4 else t for k, t in tensors.items()}
            state, spec = adapter.split(widened, config), adapter.symmetry(canonical)
            spec.validate(state)
            labels = _labels(folder, config, spec)
        except FedotError as error:
            raise error if str(error).startswith(str(folder)) else FedotError(f"{folder}: {error}") from error
    dtype = max((t.dtype for t in tensors.values() if t.is_floating_point()), key=lambda d: d.itemsize)
    return HFModel(state, spec, canonical, labels, dtype, folder)


def save_folder(
    path: str | Path, state: State, config: Config, dtype: torch.dtype = torch.float32, *, anchor: Path | None = None
) -> None:
    """Write a split state as a folder that `from_pretrained` of its own class reads.

    Parameters
    ----------
    path
        The new folder; nothing is left of it if writing fails.
    state
        Split tensors, as `load_folder` gives them.
    config
        Canonical config.json; numbers of rows are taken from `state` where fusion has changed them.
    dtype
        Type of the tensors in the file.
    anchor
        Folder whose other files are copied, as far as they belong to the model (`fedot.hf.companions`).

    Raises
    ------
    FedotError
        If the state does not fit the config, or `path` exists already.

    Examples
    --------
    >>> from fedot.hf import HF_MODELS
    >>> config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": False}
    >>> config |= {"n_embd": 4, "n_head": 2, "n_layer": 1, "vocab_size": 6, "n_positions": 8}
    >>> shapes = HF_MODELS["gpt2"].symmetry(config).shapes()
    >>> state = {name: torch.ones(shape) for name, shape in shapes.items()}
    >>> with tempfile.TemporaryDirectory() as root:
    ...     save_folder(f"{root}/mine", state, config)
    ...     sorted(file.name for file in Path(root, "mine").iterdir())
    ['config.json', 'model.safetensors']
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FedotError(f"{folder} exists already and is not an empty folder; choose another one")
    adapter = adapter_of(config)
    fitted = fit_rows(state, config)
    adapter.symmetry(fitted).validate(state)
    joined = {name: t.to(dtype).contiguous() for name, t in adapter.join(state, fitted).items()}
    fitted |= {"torch_dtype": str(dtype).removeprefix("torch.")}
    fitted.pop("dtype", None)  # the newer name of the same key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        whole = Path(name) / "model"
        whole.mkdir()
        shapes = {name: tuple(tensor.shape) for name, tensor in joined.items()}
        with TensorWriter(whole / "model.safetensors", shapes, dtype, {}) as writer:
            for key, tensor in joined.items():
                writer.write(key, tensor)
        (whole / "config.json").write_text(json.dumps(fitted, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        if anchor is not None:
            copy_companions(anchor, whole)
        whole.replace(folder)


def fit_rows(state: State, config: Config) -> dict[str, Any]:
    """Return a config.json whose numbers of rows (tokens, positions, classes) are those of the state's tables."""
    adapter = adapter_of(config)
    spec, out = adapter.symmetry(config), dict(config)
    sizes: dict[str, int] = {}
    for name, axes in spec.axes.items():
        for index, axis in enumerate(axes):
            if spec.groups[axis.groups[0]].kind == "labels" and name in state and state[name].ndim == len(axes):
                sizes.setdefault(axis.groups[0], state[name].shape[index])
    for key, group in adapter.rows.items():
        if key in out and group in sizes:
            out[key] = sizes[group]
    if "class" in sizes and sizes["class"] != spec.groups["class"].size:
        out["id2label"] = {str(i): f"LABEL_{i}" for i in range(sizes["class"])}
        out["label2id"] = {label: int(i) for i, label in out["id2label"].items()}
    return out


def forward_module(state: State, config: Config, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Build the model's own, unmodified class from a split state, in evaluation mode.

    Parameters
    ----------
    state
        Split tensors, as `load_folder` gives them.
    config
        Canonical config.json.
    dtype
        Type that the module computes in.

    Returns
    -------
    nn.Module
        What `from_pretrained` of the class gives.

    Raises
    ------
    FedotError
        If transformers is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise FedotError("running this model needs the transformers library: pip install 'fedot-fl[hf]'") from error
    with tempfile.TemporaryDirectory() as name:
        save_folder(Path(name) / "model", state, config, dtype)
        own_class = getattr(transformers, class_of(config, {str(each): None for each in config["architectures"]}))
        module: nn.Module = own_class.from_pretrained(Path(name) / "model")
    return module.to(dtype).eval()


def read_config(folder: Path) -> dict[str, Any]:
    """Read config.json.

    Raises
    ------
    FedotError
        If there is none; it says what kind of a folder this is.
    """
    if (folder / "adapter_config.json").is_file():
        raise FedotError(
            f"{folder} is a PEFT adapter, not a model; merge it into its base model first: "
            "model.merge_and_unload().save_pretrained(FOLDER)"
        )
    if not folder.is_dir():
        raise FedotError(f"{folder} is no folder; name the folder in which config.json and model.safetensors are")
    if not (folder / "config.json").is_file():
        inner = sorted(each.parent.name for each in folder.glob("*/config.json") if (each.parent / WEIGHTS).is_file())
        hint = f"; there is a model in {folder / inner[0]}" if inner else ""
        wanted = f"a folder with config.json, as save_pretrained writes it, is needed{hint}"
        raise FedotError(f"{folder / 'config.json'} cannot be read (FileNotFoundError); {wanted}")
    return read_json(folder / "config.json")


def _read_tensors(folder: Path) -> State:
    """All tensors of model.safetensors, or of the shards that its index names; pickles are never opened."""
    out: dict[str, Tensor] = {}
    for file in weight_files(folder):
        TensorFile(file)  # says what is wrong with it
        out |= load_file(file)  # mapped into memory: all of it is given back when the tensors are dropped
    if not any(tensor.is_floating_point() for tensor in out.values()):
        raise FedotError(f"{folder} holds no weights; save the model again with save_pretrained")
    return out


def weight_files(folder: Path) -> list[Path]:
    """Files with a folder's tensors: model.safetensors, or the shards that its index names.

    Raises
    ------
    FedotError
        If there are none, or one is missing.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        shards = read_json(folder / INDEX).get("weight_map")
        if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
            raise FedotError(f"{folder / INDEX} does not say in which file each tensor is; copy it again")
        odd = [name for name in shards.values() if Path(name).name != name or not name.endswith(".safetensors")]
        if odd:  # other libraries would open it, whatever it is
            shown = printable(odd[0], 80)
            raise FedotError(f"{folder / INDEX} names {shown}, which is no .safetensors file beside it; copy it again")
        files = [folder / name for name in sorted(set(shards.values()))]
        missing = [printable(file.name, 80) for file in files if not file.is_file()]
        if missing:
            raise FedotError(
                f"{folder} has no {missing[0]}, one of {len(files)} files that its {INDEX} names "
                f"({len(missing)} missing); copy or download the folder again"
            )
        return files
    for pattern, what in OTHER_WEIGHTS.items():
        found = next(iter(sorted(folder.glob(pattern))), None)
        if found is not None:
            raise FedotError(
                f"{folder} has no {WEIGHTS} ({found.name} is {what}, and is not read); convert it: "
                "load the model with transformers' from_pretrained and save it with save_pretrained"
            )
    raise FedotError(f"{folder} has no {WEIGHTS}; copy or download the folder again")


def _labels(folder: Path, config: Config, spec: SymmetrySpec) -> dict[str, tuple[str, ...]]:
    """Names of rows; of classes only where they are a classifier's, and no places of a span."""
    out: dict[str, tuple[str, ...]] = {}
    for group, table in VOCABULARIES.items():
        words = read_vocabulary(folder, spec.groups[group].size, table) if group in spec.groups else None
        if words is not None:
            out[group] = words
    kind = str(config["architectures"][0])
    if "class" in spec.groups and kind.endswith("Classification"):
        out["class"] = class_names(config)
    return out
