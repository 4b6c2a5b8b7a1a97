"""Files that belong to a model beside its config.json and its tensors, and go along when it is fused.

What is no part of the fused model (a model card, training states, other formats) is left behind, and so is all code.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from fedot.errors import FedotError
from fedot.hf.tokens.vocabulary import read_bytes
from fedot.text.outside import parse_json, printable

TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "vocab.bpe",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
    "source.spm",
    "target.spm",
    "target_vocab.json",
    "bpe.codes",
    "dict.txt",
    "chat_template.jinja",
    "chat_template.json",
)
MODULES = "modules.json"
INPUTS = ("preprocessor_config.json", "processor_config.json", "config_sentence_transformers.json")
"""Say what is done to an input before the model sees it, and what its output is taken for."""

KEPT = frozenset({*TOKENIZER, *INPUTS, MODULES, "generation_config.json"})
LICENCES = ("LICENSE", "LICENCE", "NOTICE", "COPYING", "USE_POLICY")
OWN = frozenset({"config.json", "model.safetensors", "model.safetensors.index.json"})
NO_MEANING = frozenset({"__version__", "_processor_class", "processor_class", "image_processor_type"})
NO_MEANING |= {"feature_extractor_type", "_image_processor_type", "_feature_extractor_type"}
PICKLED = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


def kept_files(folder: Path) -> tuple[PurePosixPath, ...]:
    """Paths within a folder of all files that go along, sorted.

    Raises
    ------
    FedotError
        If a module of sentence-transformers cannot go along.
    """
    top = [PurePosixPath(each.name) for each in folder.iterdir() if _is_kept(each.name) and each.is_file()]
    modules = [each for name in module_folders(folder) for each in _files_of_module(folder, name)]
    return tuple(sorted([*top, *modules]))


def _is_kept(name: str) -> bool:
    sentence = name.startswith("sentence_") and name.endswith("_config.json")  # sentence_bert_config.json and its like
    return name in KEPT or sentence or name.upper().startswith(LICENCES)


def module_folders(folder: Path) -> tuple[str, ...]:
    """Folders of the modules that sentence-transformers runs after the model.

    Raises
    ------
    FedotError
        If modules.json names code of its own, or a place outside of the folder.
    """
    path = folder / MODULES
    if not path.is_file():
        return ()
    modules = parse_json(read_bytes(path), str(path))
    out = []
    for module in modules if isinstance(modules, list) else [modules]:
        kind, where = (module.get("type"), module.get("path")) if isinstance(module, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(where, str):
            raise FedotError(f"{path} is no list of modules with a type and a path; copy it again")
        if not kind.startswith("sentence_transformers."):
            raise FedotError(f"{path} names {printable(kind, 60)}, which is code of its own; fedot copies no code")
        if where and (PurePosixPath(where).name != where or where == ".."):
            raise FedotError(f"{path} has the path {printable(where, 60)}, but a folder beside it is needed")
        if where:
            out.append(where)
    return tuple(dict.fromkeys(out))


def _files_of_module(folder: Path, name: str) -> list[PurePosixPath]:
    module = folder / name
    if not module.is_dir():  # a module without settings: older versions of the library write no folder for it
        return []
    if module.is_symlink():
        raise FedotError(f"{module} is a link to a folder elsewhere; copy the folder itself")
    files = [each for each in sorted(module.iterdir()) if not each.name.startswith(".")]
    for each in files:
        if not each.is_file() or each.suffix in (*PICKLED, ".py"):
            raise FedotError(f"{each} cannot go along with the model, only JSON and safetensors can; save it as those")
    return [PurePosixPath(name, each.name) for each in files]


def copy_companions(source: Path, to: Path) -> None:
    """Copy all files that go along into a new folder, with the rights that new files have there.

    Raises
    ------
    FedotError
        If one cannot be copied.
    """
    for file in kept_files(source):
        target = to / file
        target.parent.mkdir(exist_ok=True)
        try:
            shutil.copyfile(source / file, target)
        except OSError as error:
            raise FedotError(f"{source / file} cannot be copied ({error.strerror})") from error


def left_behind(folders: Sequence[Path]) -> tuple[str, ...]:
    """Names in the first folder that do not go along, and those of the other folders that only they have."""
    first = {file.parts[0] for file in kept_files(folders[0])} | OWN
    out = dict.fromkeys(name for name in _names(folders[0]) if name not in first and not _is_shard(name))
    for folder in folders[1:]:
        more = {file.parts[0] for file in kept_files(folder)} - first
        out |= dict.fromkeys(f"{folder.name}/{name}" for name in sorted(more))
    return tuple(out)


def _names(folder: Path) -> list[str]:
    """Names in a folder; those of folders end in a stroke, and hidden ones are not told."""
    return sorted(f"{each.name}/" if each.is_dir() else each.name for each in folder.iterdir() if each.name[0] != ".")


def _is_shard(name: str) -> bool:
    return name.startswith("model-") and name.endswith(".safetensors")


def check_companions(first: Path, other: Path) -> None:
    """Refuse two folders whose files ask for different things to be done before or after the model.

    Raises
    ------
    FedotError
        Naming the file and the key.
    """
    ours, theirs = kept_files(first), kept_files(other)
    for file in ours:
        inner = len(file.parts) > 1 or file.name in (*INPUTS, MODULES) or file.name.startswith("sentence_")
        if inner and file in theirs:
            _check_file(first / file, other / file)
    odd = {file.parts[0] for file in set(ours) ^ set(theirs) if len(file.parts) > 1}
    if odd and all((folder / MODULES).is_file() for folder in (first, other)):
        raise FedotError(
            f"only one of {first} and {other} has all of the module {min(odd)}; fuse models of the same ones"
        )


def _check_file(first: Path, other: Path) -> None:
    if first.suffix != ".json":
        if read_bytes(first) != read_bytes(other):
            raise FedotError(f"{other} is not the same as {first}, and only the model itself is fused")
        return
    ours, theirs = (parse_json(read_bytes(path), str(path)) for path in (first, other))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted((ours.keys() | theirs.keys()) - NO_MEANING):
            if (ours.get(key) or None) != (theirs.get(key) or None):  # what is off may be left out
                own, foreign = (printable(repr(each.get(key)), 60) for each in (ours, theirs))
                raise FedotError(f"{other} has {key} {foreign}, but {first} has {own}; the two must be used alike")
    elif _bare(ours) != _bare(theirs):
        raise FedotError(f"{other} is not the same as {first}; the two must be used alike")


def _bare(modules: Any) -> Any:
    """What is run, without the numbers and names of modules."""
    every = modules if isinstance(modules, list) else [modules]
    return [(each.get("type"), each.get("path")) if isinstance(each, Mapping) else each for each in every]
