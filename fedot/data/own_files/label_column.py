"""Labels as users write them, and the classes that they are numbered by.

A label is compared by its `label_key`, which is exact: what differs as written differs as a class, but for the few ways
of writing one whole number or one truth value. Messages name rows, files and what the scenario says, not
what is in cells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.scenario.file_keys import TRUTH, WHOLE, label_key
from fedot.text.outside import printable

MOST_FOUND, FEW = 1000, 20
"""So many classes are found in files at most; beyond a few, each has to be there twice on average."""

LONGEST_CLASS = 200
"""Characters of the longest name of a class."""


@dataclass(frozen=True, slots=True)
class Classes:
    """Names of the classes, by number, and the number of each label's key."""

    names: tuple[str, ...]
    numbers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """Labels of one file (n,), the number of each row, and the file for errors."""

    values: pa.ChunkedArray
    rows: pa.ChunkedArray
    path: Path


def classes_of(
    labels: Sequence[str] | None, label_map: Mapping[Any, int | str] | None, columns: Sequence[LabelColumn]
) -> Classes:
    """Find the classes and which label is which.

    Parameters
    ----------
    labels
        Names of all classes in their order, where the scenario says them.
    label_map
        Class of each label in the file, by number or name, where the scenario says it.
    columns
        The labels of a client's files. Where the scenario says nothing, each different label is a class.

    Raises
    ------
    FedotError
        If the two do not fit each other, or if the labels are not classes.
    """
    for column in columns:
        check_type(column.values.type, column.path)
    if label_map is not None:
        return _mapped(label_map, labels)
    names = tuple(labels) if labels is not None else _found(columns)
    return Classes(names, {label_key(name): number for number, name in enumerate(names)})


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes that nobody has put in order: whole numbers by size, then words by their letters.

    Examples
    --------
    >>> in_order({"pos", "10", "9", "neg"})
    ('9', '10', 'neg', 'pos')
    """
    return tuple(sorted(names, key=lambda name: (0, int(name), "") if is_whole(name) else (1, 0, name)))


def is_whole(name: str) -> bool:
    """Whether a class is called by a whole number."""
    return name.isascii() and WHOLE.fullmatch(name) is not None


def _found(columns: Sequence[LabelColumn]) -> tuple[str, ...]:
    """Each different label is a class."""
    keys = set[str]()
    for column in columns:
        different, places = _keyed(column)
        empty = np.flatnonzero(np.array([not key for key in different])[places])
        if len(empty):
            raise FedotError(
                f"{_row(column, empty[0])}: the label is empty ({len(empty)} such rows); "
                "fill it in or take the rows out"
            )
        odd = np.flatnonzero(np.array([printable(key, LONGEST_CLASS) != key for key in different])[places])
        if len(odd):
            raise FedotError(
                f"{_row(column, odd[0])}: the label has more than {LONGEST_CLASS} characters, or some that cannot be "
                "shown; name the column of classes with label:, or use label_map"
            )
        own = {different[place] for place in np.unique(places)}
        if len(own) > MOST_FOUND or (len(own) > FEW and 2 * len(own) > len(places)):
            raise FedotError(
                f"the labels in {column.path} are {len(own):,} different ones in {len(places):,} rows, which are "
                "hardly classes; name the column of classes with label:, or say which label is which class with "
                "label_map, or all classes with labels: [...]"
            )
        keys |= own
    return in_order(keys)


def _row(column: LabelColumn, place: np.int64) -> str:
    return f"{column.path}, row {column.rows[int(place)].as_py()}"


def _keyed(column: LabelColumn) -> tuple[list[str], NDArray[np.int64]]:
    """Keys of the different labels, and which of them each row (n,) has; the last is that of no label."""
    values = column.values.combine_chunks() if isinstance(column.values, pa.ChunkedArray) else column.values
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    keys = [label_key(value) for value in encoded.dictionary.to_pylist()]
    return [*keys, ""], encoded.indices.fill_null(len(keys)).to_numpy(zero_copy_only=False).astype(np.int64)


def number_labels(column: LabelColumn, classes: Classes) -> NDArray[np.int64]:
    """Class of each row, (n,); each different value is looked up once.

    Raises
    ------
    FedotError
        If a label is empty, or none of the classes has it.
    """
    keys, places = _keyed(column)
    numbers: NDArray[np.int64] = np.array([classes.numbers.get(key, -1) for key in keys], dtype=np.int64)[places]
    unknown = np.flatnonzero(numbers < 0)
    if len(unknown):
        empty = keys[places[unknown[0]]] == ""
        said = ", ".join(classes.numbers)
        raise FedotError(
            f"{_row(column, unknown[0])}: the label is none of {said}{', it is empty' if empty else ''} "
            f"({len(unknown)} such rows); {'fill it in' if empty else 'add it to label_map'} or take the rows out"
        )
    return numbers


def check_type(found: pa.DataType, path: Path) -> None:
    """Refuse labels that are lists, mappings, bytes or times.

    Raises
    ------
    FedotError
        If they are.
    """
    value = found.value_type if pa.types.is_dictionary(found) else found
    fine = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if not any(check(value) for check in fine) and value not in (pa.string(), pa.large_string(), pa.string_view()):
        raise FedotError(
            f"the labels in {path} are of type {str(value).split('<')[0]}, but a label is a number, a word, or true or "
            "false; write a column with one label a row"
        )


def _mapped(label_map: Mapping[Any, int | str], labels: Sequence[str] | None) -> Classes:
    keys: dict[str, int | str] = {}
    for key, value in label_map.items():
        keys[label_key(key)] = (
            int(value) if isinstance(value, str) and labels is None and WHOLE.fullmatch(value) else value
        )
    names = tuple(labels) if labels is not None else _names(keys)
    numbers = {key: _number(value, names, labels is not None) for key, value in keys.items()}
    for key in label_map:
        for word in TRUTH.get(str(key).strip().lower(), ()):
            for written in (word, word.capitalize(), word.upper()):
                numbers.setdefault(written, numbers[label_key(key)])
    return Classes(names, numbers)


def _names(keys: Mapping[str, int | str]) -> tuple[str, ...]:
    """Names of the classes that a label_map leads to: its own words, or the labels that lead to each number."""
    words = [value for value in keys.values() if isinstance(value, str)]
    if len(words) == len(keys) and len(set(words)) > 1:
        return tuple(dict.fromkeys(words))
    if words:
        raise FedotError(
            "label_map must lead to two or more classes, all by number or all by name; else say labels: [...]"
        )
    classes = sorted({int(value) for value in keys.values()})
    if classes != list(range(len(classes))) or len(classes) < 2:
        raise FedotError(f"label_map must lead to the classes 0, 1, ... without a gap, but leads to {classes}")
    return tuple("/".join(key for key, value in keys.items() if value == number) for number in classes)


def _number(value: int | str, names: Sequence[str], named: bool) -> int:
    if isinstance(value, str):
        if value in names:
            return names.index(value)
    elif 0 <= value < len(names) and not (named and str(value) in names and names.index(str(value)) != value):
        return value
    raise FedotError(f"label_map leads to {value!r}, but the classes are {', '.join(names)}; give one of these names")
