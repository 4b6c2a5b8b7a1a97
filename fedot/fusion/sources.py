"""Models on disk, ready to be fused: fedot's files, and folders of the transformers library."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.depth import equally_deep
from fedot.fusion.files import TensorFile, TensorWriter
from fedot.models import config_from_json, symmetry
from fedot.symmetry import SymmetrySpec

if TYPE_CHECKING:
    from fedot.hf import HFModel


@dataclass(frozen=True, slots=True)
class Source:
    """A model on disk, its tensors read when they are needed.

    Those of a `folder`, which its adapter has split, are read from a file in the scratch directory.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    spec: SymmetrySpec
    config: Any
    dtype: torch.dtype
    vocabulary: tuple[str, ...] | None = None
    counts: Tensor | None = None
    tokenizer: str = ""
    classes: tuple[str, ...] = ()
    folder: "HFModel | None" = None
    class_counts: Tensor | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of the transformers library."""
        return self.folder is not None


def open_source(path: Path, scratch: Path, arch: Any | None = None) -> Source:
    """Open a .safetensors file of fedot's, or a folder of the transformers library.

    Parameters
    ----------
    scratch
        Directory for a folder's split tensors, as large as the folder; it must outlive the source.
    arch
        Configuration for a file that has none in its metadata.

    Raises
    ------
    FedotError
        If it cannot be read, or its tensors are not those of its configuration.
    """
    if path.is_dir():
        from fedot.hf import load_folder

        model = load_folder(path)
        file = _stored(model.state, scratch / f"{sum(1 for _ in scratch.iterdir())}.safetensors")
        words, rest = model.labels.get("vocab"), replace(model, state={})
        return Source(path, file, model.spec, model.config, model.dtype, words, folder=rest)
    file = TensorFile(path)
    if "config" not in file.metadata and arch is None:
        foreign = (path.parent / "config.json").is_file()  # a file out of a folder of transformers
        hint = f"give its folder {path.parent}" if foreign else "give one with --arch FILE.json"
        raise FedotError(f"{path} has no configuration in its metadata; {hint}")
    config: Any = config_from_json(file.metadata["config"]) if "config" in file.metadata else arch
    spec = symmetry(config)
    try:
        replace(spec, ties=()).validate({n: torch.empty(s, device="meta") for n, s in file.shapes.items()})
    except FedotError as error:
        raise FedotError(f"{path}: {error}") from None
    counts, examples = file.metadata.get("token-counts"), file.metadata.get("class-counts")
    return Source(
        path,
        file,
        spec,
        config,
        file.dtype,
        _vocabulary(file.metadata, path),
        torch.tensor(read_counts(counts, path)) if counts else None,
        file.metadata.get("tokenizer", ""),
        _classes(file.metadata, config, path),
        class_counts=torch.tensor(read_counts(examples, path, "class")) if examples else None,
    )


def of_one_depth(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Bring models to the depth of the deepest (`fedot.fusion.depth`); where that is to be done, all are in memory."""
    if len({getattr(source.config, "n_layer", None) for source in sources}) == 1:
        return tuple(sources)
    states, configs = equally_deep([dict(each.tensors) for each in sources], [each.config for each in sources])
    return tuple(
        source if source.config == config else replace(source, tensors=state, config=config, spec=symmetry(config))
        for source, state, config in zip(sources, states, configs, strict=True)
    )


def _stored(state: Mapping[str, Tensor], path: Path) -> TensorFile:
    """Move tensors from memory to disk."""
    with TensorWriter(path, {name: tuple(t.shape) for name, t in state.items()}, torch.float32, {}) as writer:
        for name, tensor in state.items():
            writer.write(name, tensor)
    return TensorFile(path)


def _vocabulary(metadata: Mapping[str, str], path: Path) -> tuple[str, ...] | None:
    try:
        if "vocabulary" in metadata:
            return tuple(map(str, json.loads(metadata["vocabulary"])))
        if "tokenizer" in metadata:
            from tokenizers import Tokenizer

            found = Tokenizer.from_str(metadata["tokenizer"]).get_vocab()
            return tuple(sorted(found, key=found.__getitem__))
    except Exception as error:  # the tokenizers library raises nothing more special
        raise FedotError(f"the vocabulary in {path} cannot be read ({error}); save the model again") from None
    return None


def _classes(metadata: Mapping[str, str], config: Any, path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(metadata.get("classes", "[]"))
    except ValueError:
        names = None
    if not isinstance(names, list) or len(names) not in (0, getattr(config, "n_class", 0)):
        raise FedotError(f"{path} has no names of classes that can be read; save the model again")
    return tuple(map(str, names))


def read_counts(text: str, path: Path, of: str = "token") -> list[int]:
    """Read counts: a JSON list with one whole number for each token, or for each of what is counted.

    Raises
    ------
    FedotError
        If they are anything else.
    """
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(type(value) is int and value >= 0 for value in values):
        raise FedotError(f"{path} has no {of} counts that can be read; a JSON list of whole numbers from 0 is needed")
    return values
