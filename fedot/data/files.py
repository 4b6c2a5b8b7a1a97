"""The user's own data: Parquet, CSV, TSV and JSON lines, with plain words about whatever is wrong in them.

No message holds a text; rows are counted from 1, without the header.
"""

import csv
import difflib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fedot.data.types import Splits, labelled, paired
from fedot.errors import FedotError
from fedot.scenario import ClientSpec

SUFFIXES = {".parquet": "parquet", ".csv": ",", ".tsv": "\t", ".jsonl": "jsonl"}


def load_files(spec: ClientSpec, task: str, base_dir: Path | None, data_dir: Path | None) -> Splits:
    """Read a client's own training and test file.

    Raises
    ------
    FedotError
        For a missing key, file or column, an unknown suffix, bytes that are not UTF-8, a label without a
        class.
    """
    roles = ("text", "label") if task == "sentiment" else ("source", "target")
    columns = [_required(spec, role, task) for role in roles]
    paths = {split: _find(_required(spec, split, task), base_dir, data_dir) for split in ("train", "test")}
    tables = {split: read_table(path, columns) for split, path in paths.items()}
    notices: list[str] = []
    for split, table in tables.items():
        kept = _complete(table, columns if task == "translation" else columns[:1])
        if len(kept) < len(table):
            notices.append(f"{len(table) - len(kept)} rows of {paths[split].name} have no text and are left out")
        if not len(kept):
            raise FedotError(f"{paths[split]} has no row with a text")
        tables[split] = kept
    if task == "translation":
        pairs = [paired(*(_strings(tables[split], name) for name in columns)) for split in ("train", "test")]
        return Splits(pairs[0], pairs[1], (), tuple(notices))
    names, mapping = _label_names(spec, tables["train"][columns[1]], paths["train"])
    parts = [
        labelled(
            _strings(tables[split], columns[0]),
            _classes(tables[split][columns[1]], mapping, tables[split]["row"], paths[split]),
        )
        for split in ("train", "test")
    ]
    return Splits(parts[0], parts[1], names, tuple(notices))


def read_table(path: Path, columns: list[str]) -> pa.Table:
    """Read the wanted columns of one file, and number its rows from 1 in a column ``row``."""
    kind = kind_of(path)
    try:
        if kind == "parquet":
            table = _read_parquet(path, columns)
        elif kind == "jsonl":
            table = _read_jsonl(path, columns)
        else:
            table = _read_csv(path, columns, kind)
    except OSError as error:
        raise FedotError(f"{path} cannot be read ({type(error).__name__})") from error
    return table.append_column("row", pa.array(np.arange(1, len(table) + 1)))


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table in the format that the suffix names, under a temporary name first.

    Raises
    ------
    FedotError
        If the suffix is unknown, or the file cannot be written.
    """
    kind = kind_of(path)
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "parquet":
            pq.write_table(table, temporary)
        elif kind == "jsonl":
            lines = (json.dumps(row, ensure_ascii=False) for row in table.to_pylist())
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        else:
            pacsv.write_csv(table, temporary, pacsv.WriteOptions(delimiter=kind))
        temporary.replace(path)
    except OSError as error:
        raise FedotError(f"{path} cannot be written ({error.strerror or type(error).__name__})") from None
    finally:
        temporary.unlink(missing_ok=True)


def kind_of(path: Path) -> str:
    """Format that a file's suffix names: ``parquet``, ``jsonl``, or the delimiter of a CSV file.

    Raises
    ------
    FedotError
        If it names none that is known.
    """
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise FedotError(f"{path} has an unknown suffix; known are {', '.join(SUFFIXES)}")
    return kind


def _read_parquet(path: Path, columns: list[str]) -> pa.Table:
    try:
        _has_columns(path, columns, pq.read_schema(path).names)
        table = pq.read_table(path, columns=list(dict.fromkeys(columns)))
    except pa.ArrowInvalid as error:
        raise FedotError(f"{path} cannot be read as Parquet") from error
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise FedotError(f"{path} holds strings that are not UTF-8; write it again with UTF-8 text") from error
    return table


def _read_csv(path: Path, columns: list[str], delimiter: str) -> pa.Table:
    text = _decoded(path)
    header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    _has_columns(path, columns, header)
    try:
        return pacsv.read_csv(
            io.BytesIO(text.encode()),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(dict.fromkeys(columns)),
                column_types=dict.fromkeys(columns, pa.string()),
            ),
        )
    except pa.ArrowInvalid as error:
        raise FedotError(
            f"{path} has rows that do not fit its header of {len(header)} columns; "
            "put texts that hold the delimiter or a quote into double quotes"
        ) from error


def _read_jsonl(path: Path, columns: list[str]) -> pa.Table:
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for number, line in enumerate(_decoded(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise FedotError(f"{path}, line {number}: this is no valid JSON") from error
        if not isinstance(row, dict):
            raise FedotError(f"{path}, line {number}: every line must be a JSON object")
        _has_columns(path, columns, list(row), f", line {number}")
        for name, column in values.items():
            cell = row[name]
            if cell is not None and not isinstance(cell, str | int | float):
                raise FedotError(f"{path}, line {number}: {name!r} is neither a string nor a number")
            column.append(None if cell is None else str(cell))
    return pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FedotError(f"{path}, line {line}: the bytes are not UTF-8; save the file with UTF-8 encoding") from None


def _has_columns(path: Path, wanted: list[str], existing: list[str], where: str = "") -> None:
    if not existing:
        raise FedotError(f"{path}{where} has no columns at all; is it empty?")
    for name in wanted:
        if name not in existing:
            # in a file without a header the names are a row of data, and this message goes to the server
            names = [each for each in existing if each.replace("-", "_").isidentifier()]
            if len(names) < len(existing):
                names.append(f"{len(existing) - len(names)} whose name is no plain word (is the header missing?)")
            near = difflib.get_close_matches(name, names, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise FedotError(f"{path}{where} has no column {name!r}, only {', '.join(names)}{hint}")


def _required(spec: ClientSpec, key: str, task: str) -> str:
    value = getattr(spec, key)
    if value is None:
        raise FedotError(f"a client with dataset files and task {task} needs the key {key}")
    return str(value)


def _find(given: str, base_dir: Path | None, data_dir: Path | None) -> Path:
    path = Path(given).expanduser()
    places = [path] if path.is_absolute() else [place / path for place in (base_dir, data_dir) if place is not None]
    for place in places or [path]:
        if place.is_file():
            return place
    raise FedotError(f"there is no file {given}; looked for {', '.join(str(place) for place in places or [path])}")


def _strings(table: pa.Table, column: str) -> pa.ChunkedArray:
    values = table[column]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        raise FedotError(f"column {column!r} holds {values.type}, but a text column was wanted")
    return values.cast(pa.string())


def _complete(table: pa.Table, columns: list[str]) -> pa.Table:
    """Keep the rows whose text columns are neither null nor blank."""
    for name in columns:
        text = _strings(table, name)
        table = table.filter(pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(text), ""), False))
    return table


def _label_key(value: object) -> str:
    """Write a label one way only: 1, 1.0, "1" and true are the same label."""
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return str(int(text.lower() == "true"))
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _label_names(spec: ClientSpec, train: pa.ChunkedArray, path: Path) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """Class names, and the class of each label as written in the file."""
    if spec.label_map is not None:
        mapping = {_label_key(key): value for key, value in spec.label_map.items()}
        classes = sorted(set(mapping.values()))
        if classes != list(range(len(classes))) or len(classes) < 2:
            raise FedotError(f"label_map must lead to the classes 0, 1, ... without a gap, but leads to {classes}")
        names = ["/".join(key for key, value in mapping.items() if value == i) for i in classes]
        return tuple(names), mapping
    keys = {_label_key(value) for value in train.unique().to_pylist() if value is not None}
    if not all(key.isdecimal() for key in keys):
        raise FedotError(
            f"the labels in {path} are not all whole numbers from 0; "
            "say which class each one is, for example label_map: {neg: 0, pos: 1}"
        )
    classes = sorted(int(key) for key in keys)
    if classes != list(range(len(classes))):
        raise FedotError(
            f"the labels in {path} are {len(classes)} numbers from {classes[0]} to {classes[-1]}, "
            "but classes are counted 0, 1, ... without a gap; give label_map, for example {1: 0, 5: 1}"
        )
    return tuple(str(i) for i in classes), {str(i): i for i in classes}


def _classes(
    column: pa.ChunkedArray, mapping: Mapping[str, int], rows: pa.ChunkedArray, path: Path
) -> NDArray[np.int64]:
    """Class of each row (n,); each different value is mapped once."""
    encoded = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = encoded if pa.types.is_dictionary(encoded.type) else encoded.dictionary_encode(null_encoding="encode")
    values = encoded.dictionary.to_pylist()
    table = np.array([-1 if value is None else mapping.get(_label_key(value), -1) for value in values] or [-1])
    indices = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    classes = np.where(encoded.indices.is_valid().to_numpy(zero_copy_only=False), table[indices], -1)
    unknown = np.flatnonzero(classes < 0)
    if len(unknown):
        row = rows[int(unknown[0])].as_py()
        raise FedotError(
            f"{path}, row {row}: the label is none of {', '.join(mapping)} "
            f"({len(unknown)} such rows); add it to label_map or take the rows out"
        )
    return classes.astype(np.int64)
