"""Trained models on disk, by the hash of all that decides a training: the same training is done once.

The key is made of the examples as the model sees them, not of the settings that led to them, so scenarios that ask
other questions of the same clients share their parents. Training is repeatable to the bit, and so is reading: a file
that does not fit its checksum is trained again. A folder may hold other files; only what fedot wrote there is removed.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fedot.errors import FedotError
from fedot.models import Config, State, config_to_json
from fedot.scenario import TrainSpec
from fedot.storage.atomic import replacing
from fedot.storage.checksum import KEY, checksum
from fedot.tasks import Examples
from fedot.terminal.stopwatch import timed
from fedot.text.outside import parse_json, told
from fedot.training.train import Epoch, TrainResult

log = logging.getLogger("fedot.training.cache")

COUNTS = "token-counts"
CODE = (
    *("training/train.py", "training/logit_adjusted.py", "training/temperature.py"),
    *("tasks/*.py", "translation/pairs.py", "models/*.py"),
    *("models/pretrained/*.py", "models/families/*.py", "hf/checkpoint*.py"),
)
"""The files that decide what a training comes to, below the package's folder."""

NAME = re.compile(r"[0-9a-f]{32}\.safetensors")
PART = re.compile(r"\.[0-9a-f]{32}\.safetensors\.[0-9]+\.part")
"""Names of a result, and of one that is being written."""

ABANDONED = 86_400.0
"""Seconds after which nobody is writing a file any more."""


def default_folder() -> Path:
    """Where models are kept if nobody says otherwise.

    Raises
    ------
    FedotError
        If this user has no home.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedot" / "models"
    except RuntimeError:
        raise FedotError(
            "there is no home folder for trained models; "
            "set HOME or XDG_CACHE_HOME, or give one with --cache (a client: cache-path)"
        ) from None


def usable(folder: Path) -> str:
    """Make the folder, and give it as text.

    Raises
    ------
    FedotError
        If nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FedotError(
            f"the cache {folder} is not writable ({error.strerror}); choose another with --cache, or use --no-cache"
        ) from None
    return str(folder.absolute())


def training_key(
    config: Config,
    state: State | None,
    training: Examples,
    validation: Examples,
    spec: TrainSpec,
    seed: int,
    device: str = "cpu",
    proximal_mu: float = 0.0,
) -> str:
    """Hash of all that decides the outcome of a training, 32 hexadecimal digits; arguments as of `training.train`."""
    digest = hashlib.blake2b(training_code().encode(), digest_size=16)
    plain = [config_to_json(config), spec.model_dump(exclude={"validation"}), seed, device, proximal_mu]
    digest.update(json.dumps(plain, sort_keys=True).encode())
    for examples in (training, validation):
        _feed(digest, examples)
    for name, tensor in sorted((state or {}).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def kept(folder: str | None, key: str, run: Callable[[], TrainResult], most: int | None = None) -> TrainResult:
    """Read the result of a training, or carry it out and keep the result; without a folder, just carry it out.

    With `most`, only so many results stay in the folder: those that were asked for last. Other files there stay.
    """
    if not folder:
        return run()
    path = Path(folder) / f"{key}.safetensors"
    found = read(path)
    if found is not None:
        with contextlib.suppress(OSError):
            os.utime(path)
        return found
    result = run()
    write(path, result)
    _forget(path.parent, most)
    return result


@timed("reading")
def read(path: Path) -> TrainResult | None:
    """Read a result; None where there is none, or none that is whole and of this name."""
    try:
        with told(f"{path} is damaged"), safe_open(path, framework="pt") as file:
            metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if metadata[KEY] != checksum(tensors, path.stem, metadata["training"]):
                raise FedotError(f"{path} is damaged (it does not fit its checksum)")
            about = parse_json(metadata["training"], str(path))
            history = tuple(Epoch(**epoch) for epoch in about["history"])
            state = {name: tensors[name] for name in about["names"]}
            return TrainResult(state, int(about["num_examples"]), tensors[COUNTS], history)
    except FedotError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            log.warning("%s; the model is trained again", error)
        return None


@timed("writing")
def write(path: Path, result: TrainResult) -> None:
    """Write a result under a temporary name, then rename it; where that fails the run goes on without."""
    about = json.dumps(
        {
            "names": list(result.state),  # a file has an order of its own, and sums over tensors depend on it
            "num_examples": result.num_examples,
            "history": [asdict(epoch) for epoch in result.history],
        }
    )
    tensors = {name: tensor.contiguous() for name, tensor in result.state.items()} | {COUNTS: result.token_counts}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, several=True) as temporary:
            save_file(tensors, temporary, {"training": about, KEY: checksum(tensors, path.stem, about)})
    except (OSError, SafetensorError) as error:
        log.warning("%s cannot be kept (%s)", path, type(error).__name__)


def _forget(folder: Path, most: int | None) -> None:
    """Remove all results but the latest `most`, where that is given, and what was never finished; and nothing else."""
    with contextlib.suppress(OSError):
        for path in _files(folder, PART):
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink(missing_ok=True)
        if most is not None:
            found = sorted(_files(folder, NAME), key=lambda path: path.stat().st_mtime_ns)
            for path in [path for path in found if _is_result(path)][:-most] if len(found) > most else ():
                path.unlink(missing_ok=True)  # another process may remove some at the same time


def _files(folder: Path, name: re.Pattern[str]) -> Iterator[Path]:
    """Real files of a folder whose whole names are of that form."""
    return (path for path in folder.iterdir() if name.fullmatch(path.name) and path.is_file() and not path.is_symlink())


def _is_result(path: Path) -> bool:
    """Whether `write` wrote a file, this release's or an older one's; whoever else writes there keeps their own."""
    try:
        with told("no result"), safe_open(path, framework="pt") as file:
            about = parse_json((file.metadata() or {})["training"], "no result")
            return about.keys() == {"names", "num_examples", "history"} and COUNTS in file.keys()  # noqa: SIM118
    except FedotError:
        return False


@cache
def training_code() -> str:
    """Hash of the code that trains, and the version of torch: with another of either, models are trained again."""
    digest = hashlib.blake2b(torch.__version__.encode(), digest_size=16)
    for path in _code():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _code() -> list[Path]:
    root = Path(__file__).parents[1]
    return sorted(chain.from_iterable(root.glob(pattern) for pattern in CODE))


def _feed(digest: Any, value: object) -> None:
    """Add examples to a hash: data classes of arrays, and lists of lists of token ids."""
    if is_dataclass(value):
        for field in fields(value):
            digest.update(field.name.encode())
            _feed(digest, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif isinstance(value, list):
        _feed(digest, np.fromiter(map(len, value), np.int64, len(value)))
        _feed(digest, np.fromiter(chain.from_iterable(value), np.int64))
    elif isinstance(value, int | float | str | None):
        digest.update(repr(value).encode())
    else:
        raise TypeError(f"examples hold a {type(value).__name__}, of which no hash can be made")
