"""Reading a public data set: from a directory, from the Hugging Face hub, or from the built-in generator."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from fedot.data.corpora import DATASETS, Corpus
from fedot.data.standin import stand_in
from fedot.data.types import Splits
from fedot.errors import FedotError
from fedot.scenario import ClientSpec

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
        raise FedotError(
            f"{name} was to be read from a directory, but there is none; give it with --data-dir"
        )
    if not data_dir.is_dir():
        raise FedotError(f"the data directory {data_dir} does not exist")
    tables: dict[str, pa.Table] = {}
    for role, relative in corpus.directory_files(spec).items():
        path = data_dir / relative
        if path.is_file():
            try:
                tables[role.rstrip("?")] = pq.read_table(path, memory_map=True)
            except (pa.ArrowException, OSError) as error:
                raise FedotError(f"{path} cannot be read as Parquet ({type(error).__name__})") from error
        elif not role.endswith("?"):
            raise FedotError(f"{data_dir} has no {relative}")
    return _prepared(corpus, tables, spec, f"{data_dir}/{name}")


def read_hub(name: str, spec: ClientSpec, _: Path | None) -> Splits:
    """Read a data set's fixed revision from the Hugging Face hub or its local cache.

    One short request comes first, so that a machine without the network learns it in seconds, not after the
    client library's retries. With HF_HUB_OFFLINE set, only the cache is asked.

    Raises
    ------
    FedotError
        Where the hub has no such data or cannot be reached.
    """
    corpus = DATASETS[name]
    files = corpus.hub_files(spec)
    if not files:
        raise FedotError(f"the hub has no {name} for lang {spec.lang}")
    offline = datasets.config.HF_HUB_OFFLINE
    if not offline:
        _ask_hub(name)
    datasets.disable_progress_bars()
    tables: dict[str, pa.Table] = {}
    for role, address in files.items():
        kind = "json" if address.endswith(".jsonl") else "parquet"
        try:
            loaded = datasets.load_dataset(kind, data_files=address, split="train")
        except Exception as error:  # the library raises its own, fsspec's, httpx's and Arrow's errors here
            where = "the hub's local cache (HF_HUB_OFFLINE is set)" if offline else "the hub"
            raise FedotError(f"{name} could not be read from {where} ({type(error).__name__})") from error
        tables[role] = loaded.data.table
    return _prepared(corpus, tables, spec, f"the hub's {name}")


def read_stand_in(name: str, spec: ClientSpec, _: Path | None) -> Splits:
    """Write seeded sentences in place of the data set, and say so."""
    corpus = DATASETS[name]
    if corpus.task == "translation":
        raise FedotError(f"there is no built-in stand-in for {name}; give --data-dir or use the hub")
    default: str = next(iter(corpus.label_sets))
    return stand_in(name, spec.lang or "en", corpus.label_sets[spec.labels or default])


READERS: dict[str, Reader] = {"directory": read_directory, "hub": read_hub, "stand-in": read_stand_in}


def read_corpus(name: str, spec: ClientSpec, source: str, data_dir: Path | None) -> tuple[Splits, str]:
    """Read from the wanted source; `auto` tries directory (if given), hub and stand-in in this order.

    Returns
    -------
    tuple
        The splits, with one notice for each source that failed, and the name of the source that did not.
    """
    if source != "auto":
        return READERS[source](name, spec, data_dir), source
    failures: list[str] = []
    for candidate, reader in READERS.items():
        if candidate == "directory" and data_dir is None:
            continue
        try:
            splits = reader(name, spec, data_dir)
        except FedotError as error:
            failures.append(f"{candidate}: {error}")
            continue
        return Splits(splits.train, splits.test, splits.labels, (*failures, *splits.notices)), candidate
    raise FedotError(f"no source has {name}: {'; '.join(failures)}")


def _ask_hub(name: str) -> None:
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT)
    except Exception as error:  # httpx, proxy and TLS errors have no common base worth naming
        raise FedotError(
            f"{name} could not be read from the hub: no answer ({type(error).__name__}); "
            "HF_HUB_OFFLINE=1 uses an earlier download"
        ) from error


def _prepared(corpus: Corpus, tables: dict[str, pa.Table], spec: ClientSpec, where: str) -> Splits:
    try:
        return corpus.prepare(tables, spec)
    except KeyError as error:
        raise FedotError(f"{where} lacks the column or file {error.args[0]!r}") from error
    except pa.ArrowException as error:
        raise FedotError(f"{where} has a column of an unexpected type ({type(error).__name__})") from error
