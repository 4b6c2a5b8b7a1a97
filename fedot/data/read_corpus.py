"""Reading a public data set: from a directory, from the Hugging Face hub, or from the built-in generator."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path

import huggingface_hub
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from fedot.data.corpora import DATASETS, Corpus
from fedot.data.types import Splits, rows_of
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.scenario.file_keys import label_kind
from fedot.tasks import AnyTask
from fedot.tasks.task import Wanted

HUB_TIMEOUT = 3.0  # seconds to wait for the hub's first answer

Reader = Callable[[str, ClientSpec, Path | None], Splits]


def read_directory(name: str, spec: ClientSpec, data_dir: Path | None) -> Splits:
    """Read a data set below the data directory.

    Raises
    ------
    FedotError
        Without a directory, and where a file or a column is missing or unreadable.
    """
    corpus = DATASETS[name]
    if data_dir is None:
        raise FedotError(f"{name} was to be read from a directory, but there is none; give it with --data-dir")
    if not data_dir.is_dir():
        raise FedotError(f"the data directory {data_dir} does not exist")
    tables: dict[str, pa.Table] = {}
    for role, relative in corpus.directory_files(spec).items():
        path = data_dir / relative
        if path.is_file():
            try:
                tables[role.rstrip("?")] = pq.read_table(path, memory_map=True)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise FedotError(f"{path} cannot be read as Parquet ({type(error).__name__})") from error
        elif not role.endswith("?"):
            raise FedotError(f"{data_dir} has no {relative}")
    return _prepared(corpus, tables, spec, f"{data_dir}/{name}")


def read_hub(name: str, spec: ClientSpec, _: Path | None) -> Splits:
    """Read a data set's fixed revision from the Hugging Face hub, or its copy in the hub's local cache.

    One short request comes first, so that a machine without the network learns it in seconds, not after the
    client library's retries. Without the network, and with HF_HUB_OFFLINE set, only the cache is asked.

    Raises
    ------
    FedotError
        Where the hub has no such data, or cannot be reached and nothing was downloaded before.
    """
    corpus = DATASETS[name]
    files = corpus.hub_files(spec)
    if not files:
        raise FedotError(f"the hub has no {name} for lang {spec.lang}")
    silent = hub_is_silent()
    tables: dict[str, pa.Table] = {}
    for role, file in files.items():
        try:
            path = huggingface_hub.hf_hub_download(
                file.repo,
                file.path,
                repo_type="dataset",
                revision=file.revision,
                local_files_only=silent is not None,
            )
            tables[role] = _read_hub_file(Path(path))
        except Exception as error:  # the library raises its own, httpx's and the file system's errors here
            why = f"{silent}, and it is not in the local cache" if silent else type(error).__name__
            raise FedotError(
                f"{file.repo} could not be read from the hub: {why}; give its files with --data-dir"
            ) from error
    return _prepared(corpus, tables, spec, f"the hub's {file.repo}")


def write_stand_in(task: AnyTask, name: str, spec: ClientSpec, _: Path | None = None) -> Splits:
    """Write seeded sentences in place of the data set, and say so."""
    kinds = DATASETS[name].label_sets
    classes = kinds[label_kind(spec.labels) or next(iter(kinds))] if kinds else ()
    found = task.stand_in(Wanted(name, spec.lang, spec.source, spec.target, classes))
    return Splits(rows_of(found.train), rows_of(found.test), classes, found.notices)


def read_corpus(task: AnyTask, name: str, spec: ClientSpec, source: str, data_dir: Path | None) -> tuple[Splits, str]:
    """Read what a task needs from the wanted source; `auto` tries directory (if given), hub and stand-in in this order.

    Returns
    -------
    tuple
        The splits, with one notice for each source that failed, and the name of the source that did not.
    """
    readers: dict[str, Reader] = {
        "directory": read_directory,
        "hub": read_hub,
        "stand-in": partial(write_stand_in, task),
    }
    if source != "auto":
        return _needed(readers[source](name, spec, data_dir), task), source
    failures: list[str] = []
    for candidate, reader in readers.items():
        if candidate == "directory" and data_dir is None:
            continue
        try:
            splits = reader(name, spec, data_dir)
        except FedotError as error:
            failures.append(f"{candidate}: {error}")
            continue
        splits = dataclasses.replace(splits, notices=(*failures, *splits.notices))
        return _needed(splits, task), candidate
    if data_dir is None:
        failures.insert(0, "directory: none is given with --data-dir")
    raise FedotError(f"no source has {name}: {'; '.join(failures)}")


def _needed(splits: Splits, task: AnyTask) -> Splits:
    """Leave out the classes where a task has none."""
    if task.has_classes or not splits.labels:
        return splits
    train, test = (rows.select_columns(list(task.columns)) for rows in (splits.train, splits.test))
    return dataclasses.replace(splits, train=train, test=test, labels=())


def hub_is_silent() -> str | None:
    """Say why the hub does not answer, or None if it does."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=HUB_TIMEOUT)
    except Exception as error:  # httpx, proxy and TLS errors have no common base worth naming
        return f"no answer within {HUB_TIMEOUT:g} s ({type(error).__name__})"
    return None


def _read_hub_file(path: Path) -> pa.Table:
    return pyarrow.json.read_json(path) if path.suffix == ".jsonl" else pq.read_table(path)


def _prepared(corpus: Corpus, tables: dict[str, pa.Table], spec: ClientSpec, where: str) -> Splits:
    try:
        return corpus.prepare(tables, spec)
    except KeyError as error:
        raise FedotError(f"{where} lacks the column or file {error.args[0]!r}") from error
    except pa.ArrowException as error:
        raise FedotError(f"{where} has a column of an unexpected type ({type(error).__name__})") from error
