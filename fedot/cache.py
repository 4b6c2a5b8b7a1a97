"""Trained models on disk, by the hash of all that decides a training: the same training is done once.

The key is made of the examples as the model sees them, not of the settings that led to them, so scenarios that ask
other questions of the same clients share their parents. Training is repeatable to the bit, and so is reading.
"""

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

import fedot
from fedot.errors import FedotError
from fedot.models import Config, State, config_to_json
from fedot.scenario import TrainSpec
from fedot.training import Epoch, Examples, TrainResult

log = logging.getLogger("fedot.cache")

COUNTS = "token-counts"
CODE = ("training.py", "batching.py", "translation/pairs.py", "models")


def default_folder() -> Path:
    """Where models are kept if nobody says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedot" / "models"


def usable(folder: Path) -> str:
    """Make the folder, and give it as text.

    Raises
    ------
    FedotError
        If nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.part"
        probe.touch()
        probe.unlink()
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


def kept(folder: str, key: str, run: Callable[[], TrainResult], most: int | None = None) -> TrainResult:
    """Read the result of a training, or carry it out and keep the result; without a folder, just carry it out.

    With `most`, only so many results stay in the folder: those that were asked for last.
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
    if most is not None:
        _forget(path.parent, most)
    return result


def read(path: Path) -> TrainResult | None:
    """Read a result; None where there is none, or none that is whole."""
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["training"])
            state = {name: file.get_tensor(name) for name in about["names"]}
            history = tuple(Epoch(**epoch) for epoch in about["history"])
            return TrainResult(state, int(about["num_examples"]), file.get_tensor(COUNTS), history)
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is broken (%s); the model is trained again", path, type(error).__name__)
        return None


def write(path: Path, result: TrainResult) -> None:
    """Write a result under a temporary name, then rename it; where that fails the run goes on without."""
    about = {
        "names": list(result.state),  # a file has an order of its own, and sums over tensors depend on it
        "num_examples": result.num_examples,
        "history": [asdict(epoch) for epoch in result.history],
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    tensors = {name: tensor.contiguous() for name, tensor in result.state.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({**tensors, COUNTS: result.token_counts}, temporary, {"training": json.dumps(about)})
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        log.warning("%s cannot be kept (%s)", path, type(error).__name__)


def _forget(folder: Path, most: int) -> None:
    """Remove all results but the latest."""
    with contextlib.suppress(OSError):  # another process may remove some at the same time
        for path in sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)[:-most]:
            path.unlink()


@lru_cache(maxsize=1)
def training_code() -> str:
    """Hash of the code that trains, and the version of torch: with another of either, models are trained again."""
    root = Path(fedot.__file__).parent
    files = sorted(
        chain.from_iterable([path] if path.is_file() else path.glob("*.py") for path in map(root.joinpath, CODE))
    )
    digest = hashlib.blake2b(torch.__version__.encode(), digest_size=16)
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


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
