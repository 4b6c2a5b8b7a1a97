"""Tables of the user's own: Parquet, CSV, TSV and JSON lines, with plain words about whatever is wrong in them.

No message holds a text; rows are counted from 1, without the header.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from fedot.data.own_files.dialect import UNSAID, DialectHints, describe
from fedot.data.own_files.encoding import PACKED, read_text
from fedot.data.own_files.sheet import read_sheet
from fedot.errors import FedotError
from fedot.storage.atomic import replacing
from fedot.text import outside
from fedot.text.did_you_mean import did_you_mean
from fedot.text.word_counts import HALF

SUFFIXES = {".parquet": "parquet", ".csv": ",", ".tsv": "\t", ".jsonl": "jsonl"}
PAIRS = "translation"
"""Column of mappings from languages to sentences."""

ROW = "\0row"
"""Column of the rows' numbers: a name that no column of a user's has."""


def read_table(path: Path, columns: Sequence[str], given: DialectHints = UNSAID) -> tuple[pa.Table, str]:
    """Read the wanted columns of one file, and number its rows from 1 in the column `ROW`.

    A column of mappings gives its parts by a dot: ``translation.en``. Those of the column that data sets of sentence
    pairs have on the hub, `PAIRS`, are found by their names alone.

    Returns
    -------
    tuple
        The table, and one line on how a CSV or TSV file was read, if that was not as usual.

    Raises
    ------
    FedotError
        If it cannot be read right.
    """
    kind = kind_of(path)
    wanted, told = list(dict.fromkeys(columns)), ""
    try:
        if kind == "parquet":
            table = _read_parquet(path, wanted)
        elif kind == "jsonl":
            table = _read_jsonl(path, wanted, given.encoding)
        else:
            table, told = _read_csv(path, wanted, kind, given)
    except OSError as error:
        raise FedotError(f"{path} cannot be read ({type(error).__name__})") from error
    return numbered(table), told


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table in the format that the suffix names, packed if it says so, under a temporary name first.

    Raises
    ------
    FedotError
        If the suffix is unknown, or the file cannot be written.
    """
    kind = kind_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            _write(table, temporary, kind, PACKED.get(path.suffix.lower()))
    except OSError as error:
        raise FedotError(f"{path} cannot be written ({error.strerror or type(error).__name__})") from None


def _write(table: pa.Table, path: Path, kind: str, compression: str | None) -> None:
    if kind == "parquet":
        pq.write_table(table, path)
        return
    with pa.output_stream(str(path), compression=compression) as file:
        if kind == "jsonl":
            for row in table.to_pylist():
                file.write(f"{json.dumps(row, ensure_ascii=False)}\n".encode())
        else:
            pacsv.write_csv(table, file, pacsv.WriteOptions(delimiter=kind))


def kind_of(path: Path) -> str:
    """Format that a file's suffix names: ``parquet``, ``jsonl``, or the delimiter of a CSV file.

    Raises
    ------
    FedotError
        If it names none that is known.
    """
    packed = path.suffix.lower() in PACKED
    kind = SUFFIXES.get(Path(path.stem).suffix.lower() if packed else path.suffix.lower())
    if kind is None or (packed and kind == "parquet"):
        raise FedotError(
            f"{path} has an unknown suffix; known are {', '.join(SUFFIXES)}, "
            f"and of text files {' and '.join(PACKED)} after it"
        )
    return kind


def _read_parquet(path: Path, columns: list[str]) -> pa.Table:
    with outside.told(f"{path} cannot be read as Parquet"):  # damage makes the library raise nearly anything
        schema = pq.read_schema(path)
        inner = _parts_of(schema)
        _has_columns(path, columns, schema.names, inner=inner)
        places = [_place_of(name, schema.names, inner) for name in columns]
        tops = [place if place in schema.names else place.split(".")[0] for place in places]
        table = pq.read_table(path, columns=list(dict.fromkeys(tops)))
        table = pa.table([_inner(table, place) for place in places], names=columns)
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise FedotError(f"{path} holds strings that are not UTF-8; write it again with UTF-8 text") from error
    return table


def _parts_of(schema: pa.Schema) -> list[str]:
    """Dotted names of all parts of columns that are mappings."""
    parts, found = [(field.name, field.type) for field in schema], []
    while parts:
        name, kind = parts.pop()
        if pa.types.is_struct(kind):
            inside = [(f"{name}.{kind.field(i).name}", kind.field(i).type) for i in range(kind.num_fields)]
            found += [each for each, _ in inside]
            parts += inside
    return found


def _place_of(name: str, existing: Sequence[str], inner: Sequence[str]) -> str:
    """The dotted name under which a wanted column is found."""
    return name if name in existing or name in inner or f"{PAIRS}.{name}" not in inner else f"{PAIRS}.{name}"


def columns_of(table: pa.Table, columns: list[str], path: Path) -> pa.Table:
    """The wanted columns of a table, and the numbers of its rows.

    Raises
    ------
    FedotError
        If it lacks one.
    """
    inner = _parts_of(table.schema)
    _has_columns(path, columns, table.column_names, inner=inner)
    wanted = list(dict.fromkeys(columns))
    found = pa.table([_inner(table, _place_of(name, table.column_names, inner)) for name in wanted], names=wanted)
    return numbered(found)


def numbered(table: pa.Table) -> pa.Table:
    """Number the rows of a table from 1, in the column `ROW`."""
    return table.append_column(ROW, pa.array(np.arange(1, len(table) + 1)))


def _inner(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name in table.column_names:
        return table[name]
    first, *rest = name.split(".")
    return pc.struct_field(table[first], rest)


def _read_csv(path: Path, columns: list[str], usual: str, given: DialectHints) -> tuple[pa.Table, str]:
    text, encoding = read_text(path, given.encoding)
    sheet = read_sheet(text, str(path), columns, usual, given)
    if not sheet.columns:
        _has_columns(path, columns, list(sheet.header))
    told = [describe(sheet.dialect, usual, given, encoding, len(sheet)), sheet.doubt]
    return pa.table([pa.array(cells, pa.string()) for cells in sheet.columns], names=columns), "; ".join(
        filter(None, told)
    )


def _read_jsonl(path: Path, columns: list[str], encoding: str | None) -> pa.Table:
    values: dict[str, list[Any]] = {name: [] for name in columns}
    text, _ = read_text(path, encoding)
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f", line {number}"
        try:
            row = json.loads(line, object_pairs_hook=_Mapping)
        except (ValueError, RecursionError) as error:
            raise FedotError(f"{path}{where}: this is no valid JSON") from error
        if not isinstance(row, dict):
            raise FedotError(f"{path}{where}: every line must be a JSON object")
        for name, column in values.items():
            column.append(_json_cell(row, name, path, columns, where))
    return pa.table({name: pa.array(column, pa.string()) for name, column in values.items()})


class _Mapping(dict[str, Any]):
    """A JSON object that remembers which keys it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = {key for key, count in Counter(key for key, _ in pairs).items() if count > 1}


def _json_cell(row: dict[str, Any], name: str, path: Path, columns: list[str], where: str) -> str | None:
    """The value of a column in one line of JSON, as text."""
    cell: Any = row
    parts = [name] if name in row else name.split(".")
    if parts[0] not in row and PAIRS in row and (row[PAIRS] is None or name in row[PAIRS]):
        parts = [PAIRS, name]
    for part in parts:
        if cell is None:
            return None
        if not isinstance(cell, _Mapping) or part not in cell:
            inner = [f"{key}.{each}" for key, value in row.items() if isinstance(value, dict) for each in value]
            _has_columns(path, columns, list(row), where, inner)
            raise FedotError(f"{path}{where} has no column {name!r}")
        if part in cell.twice:
            raise FedotError(f"{path}{where} has {part!r} twice; take one out")
        cell = cell[part]
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if not isinstance(cell, str | int | float):
        raise FedotError(f"{path}{where}: {name!r} is neither a string nor a number")
    if isinstance(cell, str) and HALF.search(cell):
        raise FedotError(
            f"{path}{where}: {name!r} holds half of a character (\\ud800 to \\udfff), as of a text cut in "
            "the middle of an emoji; take it out"
        )
    return str(cell)


def _has_columns(
    path: Path, wanted: list[str], existing: list[str], where: str = "", inner: Sequence[str] = ()
) -> None:
    """Refuse a file without the wanted columns; `inner` are dotted names of parts of its columns."""
    if not existing:
        raise FedotError(f"{path}{where} has no columns at all; is it empty?")
    for name in wanted:
        if existing.count(name) > 1:
            raise FedotError(f"{path}{where} has {existing.count(name)} columns {name!r}; rename all but one")
    missing = [name for name in dict.fromkeys(wanted) if _place_of(name, existing, inner) not in {*existing, *inner}]
    if missing:
        # in a file without a header the names are a row of data, and this message goes to the server
        names = [each for each in existing if _is_plain(each)]
        if len(names) < len(existing):
            names.append(f"{len(existing) - len(names)} whose name is no plain word (is the header missing?)")
        parts = [each for each in inner if all(map(_is_plain, each.split(".")))]
        lacks = f"column {missing[0]!r}" if len(missing) == 1 else f"columns {' and '.join(map(repr, missing))}"
        told = f"{path}{where} has no {lacks}, only {', '.join(names)}"
        meant = list(filter(None, (_meant(name, names, parts) for name in missing)))
        raise FedotError("; ".join([told, *(meant or ["say which of them is meant"] * (len(existing) > 1))]))


def _meant(name: str, names: Sequence[str], parts: Sequence[str]) -> str:
    """Which column may be meant by a name that none has."""
    near = [each for each in parts if each.endswith(f".{name}")]
    return f"did you mean {near[0]}?" if near else did_you_mean(name, [*names, *parts])


def _is_plain(name: str) -> bool:
    return name.replace("-", "_").isidentifier()
