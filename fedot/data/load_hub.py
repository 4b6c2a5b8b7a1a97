"""A data set on the hub that the user names, read by the hub's own library or from a folder."""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pyarrow as pa
import pyarrow.compute as pc

from fedot.data.load_files import OwnTable, splits_of
from fedot.data.own_files.label_column import is_whole
from fedot.data.own_files.tables import SUFFIXES, columns_of, read_table
from fedot.data.read_corpus import hub_is_silent
from fedot.data.types import Splits
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.scenario.file_keys import label_key
from fedot.tasks import AnyTask
from fedot.text.did_you_mean import did_you_mean
from fedot.text.outside import printable

TRAIN = "train"
"""The split that is learned from where the scenario says none."""

COMMIT = re.compile(r"[0-9a-f]{40}")


def load_hub(spec: ClientSpec, task: AnyTask, source: str, data_dir: Path | None) -> tuple[Splits, str]:
    """Read a data set that has an owner and a name on the hub.

    From a directory, ``DATA_DIR/owner/name/SPLIT`` is read, with the suffix of any table. Nothing stands in for it.

    Parameters
    ----------
    source
        Where from, as the scenario's `data.source` says; ``auto`` is the directory where it has the data set, else the
        hub.

    Returns
    -------
    tuple
        The splits, and the source that had them.

    Raises
    ------
    FedotError
        If it cannot be had there, or a column is missing.
    """
    if spec.path is None:
        raise FedotError("a client with dataset hub needs the key path, for example path: stanfordnlp/imdb")
    splits = {"train": spec.split or TRAIN, **({} if spec.test_split is None else {"test": spec.test_split})}
    if source == "stand-in":
        raise FedotError(
            f"nothing stands in for {spec.path}, so data: {{source: stand-in}} cannot be; take hub or auto"
        )
    if source == "directory" and data_dir is None:
        raise FedotError(f"{spec.path} was to be read from a directory, but there is none; give it with --data-dir")
    folder = data_dir / spec.path if data_dir is not None and source != "hub" else None
    if folder is not None and (source == "directory" or folder.is_dir()):
        readers = {role: partial(_from_folder, folder, name) for role, name in splits.items()}
        return splits_of(spec, task, readers), "directory"
    builder, told = _builder(spec)
    found = splits_of(spec, task, {role: partial(_from_hub, spec, builder, name) for role, name in splits.items()})
    return dataclasses.replace(found, notices=(told, *found.notices)), "hub"


def _from_folder(folder: Path, split: str, columns: list[str]) -> OwnTable:
    for suffix in SUFFIXES:
        path = folder / f"{split}{suffix}"
        if path.is_file():
            table, told = read_table(path, columns)
            return OwnTable(table, path, (f"{path.name}: {told}",) if told else ())
    raise FedotError(f"{folder} has no {split} with the suffix {', '.join(SUFFIXES)}")


def _builder(spec: ClientSpec) -> tuple[Any, str]:
    """What the hub's library knows of a data set, and a line that tells its revision.

    Without the network, the library's local cache is asked.
    """
    path = str(spec.path)
    if Path(path).exists():  # which the library would read in its place
        raise FedotError(
            f"here is a folder {path}, which is not the hub's; read it with dataset: files, or start elsewhere"
        )
    silent = hub_is_silent()
    try:
        with _asking_the_cache_alone() if silent else contextlib.nullcontext():
            builder = datasets.load_dataset_builder(path, spec.subset, revision=spec.revision)
            builder.download_and_prepare()
    except Exception as error:  # the library raises its own, httpx's and the file system's errors here
        why = f"{silent}, and it is not in the local cache" if silent else printable(f"{type(error).__name__}: {error}")
        raise FedotError(
            f"{path} could not be read from the hub: {why}; check path, subset and revision, or put its splits into "
            f"DATA_DIR/{path}/ and give --data-dir DATA_DIR"
        ) from error
    known = COMMIT.fullmatch(str(builder.hash))
    if spec.revision and COMMIT.fullmatch(spec.revision) and builder.hash != spec.revision:
        raise FedotError(f"{path} is in the local cache at another revision than {spec.revision}, and {silent}")
    return builder, f"{path} is read from the hub, revision {builder.hash if known else 'unknown'}"


@contextlib.contextmanager
def _asking_the_cache_alone() -> Iterator[None]:
    """Keep the hub's library from trying again and again what is known not to answer; it has no other way to say so."""
    switches: tuple[Any, ...] = (huggingface_hub.constants, datasets.config)
    before = [each.HF_HUB_OFFLINE for each in switches]
    for each in switches:
        each.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        for each, value in zip(switches, before, strict=True):
            each.HF_HUB_OFFLINE = value


def _from_hub(spec: ClientSpec, builder: Any, split: str, columns: list[str]) -> OwnTable:
    where = Path(f"{spec.path}/{split}")
    there = list(builder.info.splits or ())
    if split not in there:
        raise FedotError(f"{spec.path} has no split {split!r}; {did_you_mean(split, there)} it has {', '.join(there)}")
    rows = builder.as_dataset(split=split)
    table = columns_of(rows.data.table, columns, where)
    numbers = spec.label_map is not None and all(is_whole(label_key(key)) for key in spec.label_map)
    for name in columns:
        kind = rows.features.get(name)
        if isinstance(kind, datasets.ClassLabel) and not numbers:
            table = table.set_column(table.column_names.index(name), name, _named(table[name], kind.names))
    return OwnTable(table, where)


def _named(numbers: pa.ChunkedArray, names: list[str]) -> pa.ChunkedArray:
    """Names of classes in place of their numbers, (n,); none for -1, which is the hub's "not told"."""
    known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    return pc.take(pa.array(names), pc.if_else(known, numbers, pa.scalar(None, numbers.type)))
