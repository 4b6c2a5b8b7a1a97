"""Models on disk, ready to be fused: fedot's files, and folders of the transformers library."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.canonical.depth import equally_deep
from fedot.models import State, check_config, config_from_json, load_model, num_classes, symmetry
from fedot.storage.checksum import KEY, metadata_checksum
from fedot.storage.tensor_file import TensorFile, TensorWriter
from fedot.symmetry import SymmetrySpec
from fedot.text.outside import parse_json, printable, told

if TYPE_CHECKING:
    from fedot.hf import HFModel

MOST_TOKEN, MOST_NAME = 1000, 200
"""Characters of the longest token, and of the longest name of a class."""

HALF = re.compile(r"[\ud800-\udfff]")
"""Half of a character."""

MOST_COUNT = 2**53
"""The largest count that is read; a float64 still tells it from the next."""


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
    with told(f"{path} is no model that can be read"):
        try:
            return _checked(file, arch)
        except FedotError as error:
            place = "" if str(error).startswith(str(path)) else f"{path}: "
            raise FedotError(f"{place}{error}") from error.__cause__


def _checked(file: TensorFile, arch: Any | None) -> Source:
    """Hold all that a file says against what it must be, its configuration before anything is built of it."""
    if "config" not in file.metadata and arch is None:
        folder = file.path.parent
        foreign = (folder / "config.json").is_file()  # a file out of a folder of transformers
        hint = f"give its folder {folder}" if foreign else "give one with --arch FILE.json"
        raise FedotError(f"it has no configuration in its metadata; {hint}")
    config: Any = config_from_json(file.metadata["config"]) if "config" in file.metadata else arch
    check_config(config, file.shapes)
    spec = symmetry(config)
    replace(spec, ties=()).validate({n: torch.empty(s, device="meta") for n, s in file.shapes.items()})
    odd = next((name for name, dtype in file.dtypes.items() if not dtype.is_floating_point), None)
    if odd is not None:
        raise FedotError(f"its tensor {odd} is of type {file.dtypes[odd]}, not a float; save the model again")
    wanted = file.metadata.get(KEY)
    if wanted is not None and wanted != metadata_checksum(file, file.metadata):
        raise FedotError(
            "it is damaged, since it does not fit its checksum; copy it again, or where it was changed on purpose, "
            f"leave {KEY} out of its metadata"
        )
    counts, examples = file.metadata.get("token-counts"), file.metadata.get("class-counts")
    return Source(
        file.path,
        file,
        spec,
        config,
        file.dtype,
        _vocabulary(file.metadata, config.vocab_size),
        torch.tensor(read_counts(counts, file.path, size=config.vocab_size)) if counts else None,
        file.metadata.get("tokenizer", ""),
        _classes(file.metadata, config),
        class_counts=torch.tensor(read_counts(examples, file.path, "class", config.n_class)) if examples else None,
    )


def builder(sources: Sequence[Source]) -> Callable[[Any, State], nn.Module]:
    """What makes a module of a configuration and a state of these models."""
    if not any(source.is_folder for source in sources):
        return load_model
    from fedot.hf import probe_module

    return probe_module


def of_one_depth(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Bring models to the depth of the deepest (`fedot.fusion.canonical.depth`), in memory where they differ."""
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


def _vocabulary(metadata: Mapping[str, str], size: int) -> tuple[str, ...] | None:
    """Token of each embedding row, by the tokenizer or by a list."""
    from fedot.tokenizer import read_tokenizer, vocabulary

    of_tokenizer = vocabulary(read_tokenizer(metadata["tokenizer"])) if "tokenizer" in metadata else None
    given = _texts(metadata["vocabulary"], "vocabulary", MOST_TOKEN) if "vocabulary" in metadata else None
    for what, found in (("tokenizer", of_tokenizer), ("vocabulary", given)):
        if found is not None and len(found) != size:
            raise FedotError(f"its {what} has {len(found)} tokens, but its model {size}; save the model again")
    return of_tokenizer if given is None else given


def _classes(metadata: Mapping[str, str], config: Any) -> tuple[str, ...]:
    try:
        names = _texts(metadata.get("classes", "[]"), "names of classes", MOST_NAME)
    except FedotError as error:
        raise FedotError(f"it has no names of classes that can be read; {error}") from None
    wanted = num_classes(config)
    if len(names) not in (0, wanted):
        raise FedotError(f"it has no names of classes that can be read; it has {len(names)} for {wanted} classes")
    if len({printable(name) for name in names}) != len(names):
        raise FedotError("it has no names of classes that can be read; two of them look the same")
    return names


def _texts(text: str, what: str, longest: int) -> tuple[str, ...]:
    """Different texts from a JSON list, none of them long, empty or impossible to write."""
    found = parse_json(text, f"its {what}", deepest=1)
    if not isinstance(found, list) or not all(type(each) is str and 0 < len(each) <= longest for each in found):
        raise FedotError(f"its {what} cannot be read: a JSON list of texts of 1 to {longest} characters is needed")
    if any(HALF.search(each) for each in found):
        raise FedotError(f"its {what} cannot be read: one has half a character, which cannot be written")
    if len(set(found)) != len(found):
        raise FedotError(f"its {what} cannot be read: one is there twice")
    return tuple(found)


def read_counts(text: str, path: Path, of: str = "token", size: int | None = None) -> list[int]:
    """Read counts: a JSON list with one whole number for each token, or for each of what is counted.

    Parameters
    ----------
    size
        How many there must be, where that is known.

    Raises
    ------
    FedotError
        If they are anything else.
    """
    try:
        values = parse_json(text, "counts", deepest=1)
    except FedotError:
        values = None
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value <= MOST_COUNT for value in values):
        raise FedotError(f"{path} has no {of} counts that can be read; a JSON list of whole numbers from 0 is needed")
    if size is not None and len(values) != size:
        raise FedotError(f"{path} has {len(values)} {of} counts, but {size} are needed, one for each")
    return values
