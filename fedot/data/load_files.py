"""The user's own data as examples: which columns hold texts and labels, and which rows are left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from numpy.typing import NDArray

from fedot.data.own_files.dialect import DialectHints
from fedot.data.own_files.label_column import Classes, LabelColumn, classes_of, number_labels
from fedot.data.own_files.tables import ROW, read_table
from fedot.data.partition import held_out
from fedot.data.types import LABEL, Splits, rows_of
from fedot.errors import FedotError, MistakesError, lines_of
from fedot.scenario import ClientSpec
from fedot.tasks import AnyTask

USUAL = ("text", LABEL)
"""Keys that need not be said where the columns are called so."""


@dataclass(frozen=True, slots=True)
class OwnTable:
    """The wanted columns of one file or split, with the numbers of rows under `ROW`.

    Attributes
    ----------
    where
        What it is called in errors; the last part in notices.
    notices
        What a reader of the results should know of how it was read.
    """

    table: pa.Table
    where: Path
    notices: tuple[str, ...] = ()


ReadTable = Callable[[list[str]], OwnTable]
"""Reads columns of one file or split."""


def load_files(spec: ClientSpec, task: AnyTask, base_dir: Path | None, data_dir: Path | None) -> Splits:
    """Read a client's own training file and test file; without the second, training rows are held out for the test.

    Raises
    ------
    FedotError
        For a missing key, file or column, an unknown suffix, bytes of another encoding, rows that can be read in
        several ways or in none, a label without a class; for all of them at once.
    """
    if spec.train is None:
        raise FedotError(f"a client with dataset files and task {task.name} needs the key train, the name of a file")
    given = DialectHints(spec.separator, spec.quote, spec.encoding)
    files = {"train": spec.train, **({} if spec.test is None else {"test": spec.test})}
    places = [place for place in (base_dir, data_dir) if place is not None]
    return splits_of(spec, task, {split: partial(_read, name, places, given) for split, name in files.items()})


def splits_of(spec: ClientSpec, task: AnyTask, readers: Mapping[str, ReadTable]) -> Splits:
    """Make examples of a client's own tables, ``train`` and, where there is one, ``test``.

    Without a test table, training rows are held out for it, and that is told.

    Raises
    ------
    FedotError
        For everything that is wrong with the tables, at once.
    """
    columns = {role: _column(spec, role, task.name) for role in task.columns}
    found: dict[str, OwnTable] = {}
    wrong: list[str] = []
    for split, read in readers.items():
        try:
            found[split] = _with_texts(read([*columns.values()]), [columns[role] for role in task.text_columns])
        except FedotError as error:
            wrong += lines_of(error)
    if wrong:
        raise MistakesError(wrong)
    rows, names, notices = _numbered(spec, columns, found) if task.has_classes else (_texts(columns, found), (), ())
    notices = (*(line for each in found.values() for line in each.notices), *notices)
    if "test" in rows:
        return Splits(rows["train"], rows["test"], names, notices)
    train, test = held_out(rows["train"])
    told = (
        f"no test set is given: {len(test):,} of the {len(rows['train']):,} rows of {found['train'].where.name} are "
        "held out as one, the same in every run"
    )
    return Splits(train, test, names, (*notices, told))


def _column(spec: ClientSpec, role: str, task: str) -> str:
    value = getattr(spec, role) or (role if role in USUAL else None)
    if value is None:
        raise FedotError(
            f"a client with dataset {spec.dataset} and task {task} needs the key {role}, the name of a column"
        )
    return str(value)


def _with_texts(found: OwnTable, texts: list[str]) -> OwnTable:
    """Keep the rows whose text columns are neither null nor blank."""
    kept = found.table
    for name in texts:
        text = _strings(kept, name)
        kept = kept.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(text), ""), False))
    if not len(kept):
        raise FedotError(f"{found.where} has no row with a text")
    dropped = len(found.table) - len(kept)
    told = (f"{dropped} rows of {found.where.name} have no text and are left out",) if dropped else ()
    return OwnTable(kept, found.where, (*told, *found.notices))


def _texts(columns: Mapping[str, str], found: Mapping[str, OwnTable]) -> dict[str, Dataset]:
    return {
        split: rows_of({role: _strings(each.table, name) for role, name in columns.items()})
        for split, each in found.items()
    }


def _numbered(
    spec: ClientSpec, columns: Mapping[str, str], found: Mapping[str, OwnTable]
) -> tuple[dict[str, Dataset], tuple[str, ...], tuple[str, ...]]:
    """Rows with the numbers of their classes, names of the classes, and what to tell of them."""
    text, label = columns.values()
    labels = {split: LabelColumn(each.table[label], each.table[ROW], each.where) for split, each in found.items()}
    classes = classes_of(_class_names(spec), spec.label_map, [*labels.values()])
    numbers, wrong = {}, []
    for split, column in labels.items():
        try:
            numbers[split] = number_labels(column, classes)
        except FedotError as error:
            wrong.append(str(error))
    if wrong:
        raise MistakesError(wrong)
    rows = {
        split: rows_of({"text": _strings(each.table, text), LABEL: numbers[split]}) for split, each in found.items()
    }
    return rows, classes.names, _tested_alone(spec, classes, numbers)


def _tested_alone(spec: ClientSpec, classes: Classes, numbers: Mapping[str, NDArray[np.int64]]) -> tuple[str, ...]:
    """Tell of classes that were found in the test alone: a word that is written wrong looks like one."""
    if not spec.finds_classes or "test" not in numbers:
        return ()
    alone = [name for k, name in enumerate(classes.names) if not np.any(numbers["train"] == k)]
    return (f"in the test alone are the classes {', '.join(alone)}",) if alone else ()


def _class_names(spec: ClientSpec) -> tuple[str, ...] | None:
    if isinstance(spec.labels, str):
        raise FedotError(
            f"labels: {spec.labels} is for public data sets; for dataset {spec.dataset} list the names of all classes, "
            "for example labels: [neg, pos], or leave it out"
        )
    return spec.labels


def _strings(table: pa.Table, column: str) -> pa.ChunkedArray:
    values = table[column]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise FedotError(f"column {column!r} holds {values.type}, but a text column was wanted")
    return values.cast(pa.string())


def _read(name: str, places: list[Path], given: DialectHints, columns: list[str]) -> OwnTable:
    path = _find(name, places)
    table, told = read_table(path, columns, given)
    return OwnTable(table, path, (f"{path.name}: {told}",) if told else ())


def _find(given: str, places: list[Path]) -> Path:
    path = Path(given).expanduser()
    tried = [path] if path.is_absolute() else [place / path for place in places] or [path]
    for place in tried:
        if place.is_file():
            return place
    raise FedotError(f"there is no file {given}; looked for {', '.join(map(str, tried))}")
