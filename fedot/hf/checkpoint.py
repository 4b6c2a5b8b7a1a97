"""A checkpoint to fine-tune: its folder, its tokenizer, and its weights under the head of a task.

A folder never touches the network. A name on the hub is fetched once, by whoever trains, and then read from the cache.
Only safetensors are read, and no code that comes with a checkpoint is ever run.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from fedot.errors import FedotError
from fedot.hf.checkpoint_output import check_says, has_own_output
from fedot.hf.checkpoint_spec import CheckpointSpec
from fedot.hf.checkpoint_tokenizer import FolderTokenizer, folder_tokenizer, quiet, referred
from fedot.hf.folder import read_config, weight_files
from fedot.hf.tokens.vocabulary import read_json
from fedot.models import State, state_of, state_shapes
from fedot.models.families.adapter import n_class as classes_of
from fedot.models.families.settings import ABOUT
from fedot.models.pretrained.pretrained_config import (
    CONTINUES,
    LOADERS,
    SAYS_CLASSES,
    PretrainedConfig,
    check_pretrained,
    task_of_class,
    with_classes,
    written,
)
from fedot.models.pretrained.pretrained_module import (
    Pretrained,
    numbers,
    own_name,
    transformers_library,
    untied,
    with_adapters,
)
from fedot.text.outside import printable
from fedot.tokenizer import read_tokenizer

LONGEST = 512
"""Tokens of the longest text where a scenario does not say, and the checkpoint could read more."""

MOST_READ = 2**20
"""No checkpoint is taken to read more."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that lies in a folder of this machine.

    Attributes
    ----------
    name
        What the scenario calls it.
    folder
        Where it lies.
    settings
        Its config.json, without what tells of its history.
    stamp
        When its files were written, so that nothing is kept in memory of files that have changed.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    stamp: tuple[int, ...] = ()

    @property
    def revision(self) -> str:
        """The commit of the hub that it was fetched at; "" of a folder of one's own."""
        return self.folder.name if self.folder.parent.name == "snapshots" else ""

    def tokenizer(self, task: str) -> Tokenizer:
        """Its tokenizer, as fedot numbers tokens: the one that pads has number 0, and changes places with what had it.

        For a language model every text has the tokens that begin and end one.

        Raises
        ------
        FedotError
            If there is none that the tokenizers library can read, or it ends no text where a task needs that.
        """
        return Tokenizer.from_str(self._read(task).text)

    def _read(self, task: str) -> FolderTokenizer:
        return folder_tokenizer(self.folder, self.stamp, framed=task == CONTINUES)

    def config(self, spec: CheckpointSpec, task: str, n_class: int) -> PretrainedConfig:
        """The configuration of what is trained.

        Raises
        ------
        FedotError
            If the checkpoint does not do the task, has other classes, or reads no texts so long.
        """
        own = dict(self.settings)
        read = self._read(task)
        if task_of_class(str((own.get("architectures") or [""])[0])) != task:
            own = {key: value for key, value in own.items() if key not in ("id2label", "label2id", "num_labels")}
        elif n_class and "id2label" not in own:
            own["id2label"] = {str(i): f"LABEL_{i}" for i in range(classes_of(own))}
        own |= {"architectures": [self._class_for(task)], "pad_token_id": read.pad}
        if task != SAYS_CLASSES:
            check_says(self.folder, own, task, read.last)
            own["tie_word_embeddings"] = own.get("tie_word_embeddings") is not False and not has_own_output(self.folder)
        most = min([*_positions(own), *_readable(self.folder), MOST_READ])
        length = spec.max_length or min(most, LONGEST)
        if length > most:
            raise FedotError(f"model.max_length is {length}, but {self.folder} reads {most} tokens; lower it")
        config = PretrainedConfig(
            checkpoint=self.name,
            settings=written(own),
            n_class=0,
            max_length=length,
            pad=read.pad,
            first=read.first,
            last=read.last,
            unknown=read.unknown,
            lora_rank=spec.lora_rank,
            lora_alpha=float(spec.lora_alpha),
        )
        if read.size > config.vocab_size:
            raise FedotError(
                f"the tokenizer in {self.folder} has {read.size} tokens, but the model {config.vocab_size} rows; "
                "save both again after model.resize_token_embeddings"
            )
        try:
            check_pretrained(config)
        except FedotError as error:
            raise FedotError(f"{self.folder}: {error}") from None
        return with_classes(config, n_class) if n_class else config

    def start(self, config: PretrainedConfig, seed: int) -> State:
        """All weights under the head of a task; what the checkpoint lacks is drawn from a generator with this seed.

        With adapters theirs are there, too: a first training begins at the checkpoint itself.
        """
        return dict(_start(self.folder, self.stamp, config, seed))

    def weights(self, config: PretrainedConfig) -> State:
        """The weights that lie under adapters; none where all are trained."""
        if not config.lora_rank:
            return {}
        trained = self.trained(config)
        return {name: tensor for name, tensor in self.start(config, 0).items() if name not in trained}

    @staticmethod
    def trained(config: PretrainedConfig) -> frozenset[str]:
        """Names of the tensors that are trained."""
        return _trained_names(config)

    def _class_for(self, task: str) -> str:
        transformers = transformers_library()
        if task not in LOADERS:
            raise FedotError(
                f"{self.folder} is a checkpoint, and checkpoints are trained for {', '.join(LOADERS)} so far, not for "
                f"{task}; leave out model.pretrained"
            )
        kind = self.settings.get("model_type")
        if not isinstance(kind, str) or kind not in transformers.CONFIG_MAPPING:
            shown = printable(repr(kind), 60)
            raise FedotError(f"{self.folder} has model_type {shown}, which transformers does not know; is it newer?")
        mapping = getattr(transformers, LOADERS[task])._model_mapping
        own = transformers.CONFIG_MAPPING[kind]
        found = mapping.get(own, None)
        name = str(getattr(found[0] if isinstance(found, tuple) else found, "__name__", ""))
        if task_of_class(name) != task:
            raise FedotError(f"{self.folder} is of the type {kind}, which has no class for {task}; choose another")
        reads_both_ways = own in transformers.AutoModelForMaskedLM._model_mapping and not self.settings.get(
            "is_decoder"
        )
        if task == CONTINUES and (reads_both_ways or self.settings.get("is_encoder_decoder")):
            raise FedotError(f"{self.folder} is of the type {kind}, which continues no text; choose another, as GPT-2")
        return name


def open_checkpoint(spec: CheckpointSpec, folders: Sequence[Path], *, hub: bool = True) -> Checkpoint:
    """Find a checkpoint in one of some folders, by its path, or on the hub.

    Parameters
    ----------
    folders
        Where a relative name is looked up, in their order. An absolute path is taken as it is.
    hub
        Whether the hub may be asked; if not, what was fetched from it before is found all the same.

    Raises
    ------
    FedotError
        If it is nowhere, or is no checkpoint that can be fine-tuned.
    """
    for place in [Path(spec.name)] if Path(spec.name).is_absolute() else [each / spec.name for each in folders]:
        if place.exists():
            return _opened(spec.name, place.resolve())
    if _is_hub_name(spec.name):
        return _opened(spec.name, _from_hub(spec.name, spec.revision, fetch=hub))
    looked = " and ".join(map(str, dict.fromkeys(folders))) or "no folder"
    raise FedotError(
        f"model.pretrained is {spec.name}, and no such folder is in {looked}; "
        "name a folder beside the scenario, or put it into one that FEDOT_MODELS names"
    )


def tokenizer_in(text: str, folders: Sequence[Path], task: str) -> Tokenizer:
    """Read a tokenizer that was sent or saved, or that of the checkpoint which stands for it, for a task.

    Raises
    ------
    FedotError
        If it is none, or there is no such checkpoint here.
    """
    name = referred(text)
    return _read_once(text) if name is None else open_checkpoint(CheckpointSpec(name), folders).tokenizer(task)


_read_once = lru_cache(maxsize=16)(lambda text: read_tokenizer(text))
"""A process reads a tokenizer that many messages bring once; nobody changes it."""


@lru_cache(maxsize=64)
def _trained_names(config: PretrainedConfig) -> frozenset[str]:
    """Names of the tensors that are trained."""
    return frozenset(state_shapes(config))


def _opened(name: str, folder: Path) -> Checkpoint:
    settings = read_config(folder)
    weight_files(folder)  # says what is wrong with it
    if "auto_map" in settings:
        raise FedotError(f"{folder} comes with code of its own (auto_map), which fedot never runs; choose another")
    drop = {*ABOUT.split(), "auto_map"}
    stamp = tuple(each.stat().st_mtime_ns for each in sorted(folder.iterdir()) if each.is_file())
    return Checkpoint(name, folder, {key: value for key, value in settings.items() if key not in drop}, stamp)


def _is_hub_name(name: str) -> bool:
    parts = name.split("/")
    return not name.startswith((".", "/", "~")) and len(parts) <= 2 and all(parts)


@lru_cache(maxsize=64)
def _from_hub(name: str, revision: str | None, *, fetch: bool) -> Path:
    """Where the files of a name lie that were fetched; what a process has found it keeps to, though a branch moves."""
    try:
        from huggingface_hub import snapshot_download

        wanted = ["*.json", "*.txt", "*.model", "*.safetensors"]
        with quiet():
            return Path(snapshot_download(name, revision=revision, allow_patterns=wanted, local_files_only=not fetch))
    except FedotError:  # no library to ask with
        raise
    except Exception as error:  # of the hub's library many, none of them of one kind
        raise FedotError(
            f"model.pretrained is {name}, which is no folder here, and the hub did not give it "
            f"({type(error).__name__}); name a folder, or look at the name and the network"
        ) from None


@lru_cache(maxsize=4)
def _start(folder: Path, stamp: tuple[int, ...], config: PretrainedConfig, seed: int) -> State:
    del stamp  # tells the files from what was there before
    transformers = transformers_library()
    kind = getattr(transformers, config.class_name)
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        try:
            module = kind.from_pretrained(
                folder,
                config=kind.config_class.from_dict(config.config_json),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
            )
        except Exception as error:  # whatever the library says to tensors that do not fit
            raise FedotError(
                f"{folder} cannot be loaded as {config.class_name} ({type(error).__name__}: {printable(error, 200)}); "
                "save it again with save_pretrained"
            ) from None
        module = untied(module, config)
        module = with_adapters(module, config) if config.lora_rank else module
    if not config.lora_rank:
        return state_of(Pretrained(config, module))
    return {own_name(name): tensor.detach().clone() for name, tensor in numbers(module)}


def _positions(settings: Mapping[str, Any]) -> Iterator[int]:
    """How many tokens the table of positions has room for, where there is one."""
    for key in ("max_position_embeddings", "n_positions"):
        if isinstance(settings.get(key), int):
            placed = settings.get("model_type") in ("roberta", "xlm-roberta", "camembert")
            yield settings[key] - (settings["pad_token_id"] + 1 if placed else 0)


def _readable(folder: Path) -> Iterator[int]:
    path = folder / "tokenizer_config.json"
    if path.is_file():
        found = read_json(path).get("model_max_length")
        if isinstance(found, int) and found > 1:
            yield found
