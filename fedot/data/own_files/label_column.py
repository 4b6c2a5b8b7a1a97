"""Labels as users write them, and the classes that they are numbered by.

A label is compared by its `label_key`, which is exact: what differs as written differs as a class, but for the few ways
of writing one whole number or one truth value. Messages name rows, files and what the scenario says, not
what is in cells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.scenario.file_keys import TRUTH, WHOLE, label_key

EXAMPLE = "for example label_map: {neg: 0, pos: 1}, or labels: [neg, pos] where the file has these words"


@dataclass(frozen=True, slots=True)
class Classes:
    """Names of the classes, by number, and the number of each label's key."""

    names: tuple[str, ...]
    numbers: Mapping[str, int]


def cell_error(own: str, outside: str) -> FedotError:
    """An error that quotes cells of a client's file in `own`; `outside` is the same without them.

    Everything that quotes cells comes by here.
    """
    return FedotError(own or outside)


def classes_of(
    labels: Sequence[str] | None,
    label_map: Mapping[Any, int | str] | None,
    train: pa.ChunkedArray,
    rows: pa.ChunkedArray,
    path: Path,
) -> Classes:
    """Find the classes and which label is which.

    Parameters
    ----------
    labels
        Names of all classes in their order, where the scenario says them.
    label_map
        Class of each label in the file, by number or name, where the scenario says it.
    train, rows
        Labels of the training file `path`, (n,), and the number of each row.

    Raises
    ------
    FedotError
        If the two do not fit each other, or if nothing says which class the labels are.
    """
    check_type(train.type, path)
    if label_map is not None:
        return _mapped(label_map, labels)
    if labels is not None:
        return Classes(tuple(labels), {label_key(name): number for number, name in enumerate(labels)})
    found: dict[str, object] = {}
    for value in train.unique().to_pylist():
        found.setdefault(label_key(value), value)
    if "" in found:
        _refuse_empty(train, rows, path)
    if not all(key.isdecimal() and key.isascii() and WHOLE.fullmatch(key) for key in found):
        raise FedotError(
            f"the labels in {path} are not all whole numbers from 0; say which class each one is, {EXAMPLE}"
        )
    if found.keys() != {str(number) for number in range(len(found))}:
        ordered = sorted(found, key=lambda key: (len(key), key))
        advice = "but classes are counted 0, 1, ... without a gap; give label_map, for example {1: 0, 5: 1}"
        count = f"{len(found)} numbers" if len(found) > 1 else "a single number"
        raise cell_error(
            f"the labels in {path} are {count} from {ordered[0]} to {ordered[-1]}, {advice}",
            f"the labels in {path} are {count}, {advice}",
        )
    return Classes(tuple(map(str, range(len(found)))), {str(number): number for number in range(len(found))})


def number_labels(column: pa.ChunkedArray, classes: Classes, rows: pa.ChunkedArray, path: Path) -> NDArray[np.int64]:
    """Class of each row, (n,); each different value is looked up once.

    Raises
    ------
    FedotError
        If a label is empty, or none of the classes has it.
    """
    check_type(column.type, path)
    encoded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = encoded if pa.types.is_dictionary(encoded.type) else encoded.dictionary_encode(null_encoding="encode")
    keys = [label_key(value) for value in encoded.dictionary.to_pylist()] or [""]
    table = np.array([classes.numbers.get(key, -1) for key in keys])
    indices = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    valid = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
    numbers = np.where(valid, table[indices], classes.numbers.get("", -1))
    unknown = np.flatnonzero(numbers < 0)
    if len(unknown):
        first = unknown[0]
        row = rows[int(first)].as_py()
        empty = not valid[first] or keys[indices[first]] == ""
        said = ", ".join(classes.numbers)
        raise FedotError(
            f"{path}, row {row}: the label is none of {said}{', it is empty' if empty else ''} "
            f"({len(unknown)} such rows); {'fill it in' if empty else 'add it to label_map'} or take the rows out"
        )
    return numbers.astype(np.int64)


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


def _refuse_empty(column: pa.ChunkedArray, rows: pa.ChunkedArray, path: Path) -> None:
    empty = [i for i, value in enumerate(column.to_pylist()) if label_key(value) == ""]
    raise FedotError(
        f"{path}, row {rows[empty[0]].as_py()}: the label is empty ({len(empty)} such rows); "
        "fill it in or take the rows out"
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
