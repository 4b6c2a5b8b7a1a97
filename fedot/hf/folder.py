"""Read, write and run folders of the transformers library: config.json and model.safetensors."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.files import TensorFile
from fedot.hf.adapter import Config, State, class_of
from fedot.hf.families import adapter_of
from fedot.hf.vocabulary import read_vocabulary
from fedot.symmetry import SymmetrySpec

INDEX = "model.safetensors.index.json"
KEPT = (  # what a tokenizer or an image processor consists of
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "target.spm",
    "target_vocab.json",
    "preprocessor_config.json",
    "generation_config.json",
)


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
    """

    state: State
    spec: SymmetrySpec
    config: dict[str, Any]
    labels: Mapping[str, tuple[str, ...]]
    dtype: torch.dtype
    folder: Path


def load_folder(path: str | Path) -> HFModel:
    """Read a folder as `save_pretrained` writes it.

    Raises
    ------
    FedotError
        If the folder lacks a file, or its tensors are not those of its class; the message names the first.
    """
    folder = Path(path)
    config = _read_json(folder / "config.json")
    adapter = adapter_of(config)
    tensors = _read_tensors(folder)
    dtype = max((t.dtype for t in tensors.values() if t.is_floating_point()), key=lambda d: d.itemsize, default=None)
    if dtype is None:
        raise FedotError(f"{folder} holds no weights; save the model again with save_pretrained")
    widened = {name: t.float() if t.is_floating_point() and t.itemsize < 4 else t for name, t in tensors.items()}
    canonical = adapter.canonical(config)
    try:
        state, spec = adapter.split(widened, config), adapter.symmetry(canonical)
        spec.validate(state)
    except FedotError as error:
        raise FedotError(f"{folder}: {error}") from error
    return HFModel(state, spec, canonical, _labels(folder, config, spec), dtype, folder)


def save_folder(
    path: str | Path, state: State, config: Config, dtype: torch.dtype = torch.float32, *, anchor: Path | None = None
) -> None:
    """Write a split state as a folder that `from_pretrained` of its own class reads.

    Parameters
    ----------
    config
        Canonical config.json; numbers of rows are taken from `state` where fusion has changed them.
    anchor
        Folder whose tokenizer and processor files are copied.

    Raises
    ------
    FedotError
        If the state does not fit the config, or `path` exists already.
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
        save_file(joined, whole / "model.safetensors", metadata={"format": "pt"})
        (whole / "config.json").write_text(json.dumps(fitted, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        for file in (anchor / each for each in KEPT) if anchor else ():
            if file.is_file():
                shutil.copyfile(file, whole / file.name)
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FedotError(
            f"{path} cannot be read ({type(error).__name__}); a folder with config.json is needed"
        ) from error
    except ValueError as error:
        raise FedotError(f"{path} is not JSON; save the model with save_pretrained") from error
    if not isinstance(value, dict):
        raise FedotError(f"{path} holds a {type(value).__name__}, but an object is needed")
    return value


def _read_tensors(folder: Path) -> State:
    """All tensors of model.safetensors, or of the shards that its index names; pickles are never opened."""
    files = [folder / "model.safetensors"]
    if not files[0].is_file() and (folder / INDEX).is_file():
        shards = _read_json(folder / INDEX).get("weight_map", {}).values()
        files = [folder / Path(name).name for name in sorted(set(shards))]
    out: dict[str, Tensor] = {}
    for file in files:
        if not file.is_file():
            pickled = " (pytorch_model.bin is a pickle, which can run code, and is not read)"
            hint = pickled if (folder / "pytorch_model.bin").is_file() else ""
            raise FedotError(f"{folder} has no {file.name}{hint}; save the model with safe_serialization=True")
        TensorFile(file)  # says what is wrong with it
        out |= load_file(file)  # mapped into memory: all of it is given back when the tensors are dropped
    return out


def _labels(folder: Path, config: Config, spec: SymmetrySpec) -> dict[str, tuple[str, ...]]:
    out: dict[str, tuple[str, ...]] = {}
    words = read_vocabulary(folder, spec.groups["vocab"].size) if "vocab" in spec.groups else None
    if words is not None:
        out["vocab"] = words
    names = config.get("id2label")
    if names and "class" in spec.groups and len(names) == spec.groups["class"].size:
        out["class"] = tuple(str(names[key]) for key in sorted(names, key=int))
    return out
