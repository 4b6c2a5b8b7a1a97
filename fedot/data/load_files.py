"""The user's own data as examples: which columns hold texts and labels, and which rows are left out."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from fedot.data.own_files.dialect import DialectHints
from fedot.data.own_files.label_column import classes_of, number_labels
from fedot.data.own_files.tables import ROW, read_table
from fedot.data.types import Splits, labelled, rows_of
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.tasks import AnyTask


def load_files(spec: ClientSpec, task: AnyTask, base_dir: Path | None, data_dir: Path | None) -> Splits:
    """Read a client's own training and test file.

    Raises
    ------
    FedotError
        For a missing key, file or column, an unknown suffix, bytes of another encoding, rows that can be read in
        several ways or in none, a label without a class.
    """
    columns = {role: _required(spec, role, task.name) for role in task.columns}
    texts = [columns[role] for role in task.text_columns]
    paths = {split: _find(_required(spec, split, task.name), base_dir, data_dir) for split in ("train", "test")}
    given = DialectHints(spec.separator, spec.quote, spec.encoding)
    tables: dict[str, pa.Table] = {}
    notices: list[str] = []
    for split, path in paths.items():
        table, found = read_table(path, list(columns.values()), given)
        kept = _complete(table, texts)
        if len(kept) < len(table):
            notices.append(f"{len(table) - len(kept)} rows of {path.name} have no text and are left out")
        if found:
            notices.append(f"{path.name}: {found}")
        if not len(kept):
            raise FedotError(f"{path} has no row with a text")
        tables[split] = kept
    if not task.has_classes:
        train, test = (
            rows_of({role: _strings(table, name) for role, name in columns.items()}) for table in tables.values()
        )
        return Splits(train, test, (), tuple(notices))
    text, label = columns.values()
    classes = classes_of(
        _class_names(spec), spec.label_map, tables["train"][label], tables["train"][ROW], paths["train"]
    )
    train, test = (
        labelled(_strings(table, text), number_labels(table[label], classes, table[ROW], paths[split]))
        for split, table in tables.items()
    )
    return Splits(train, test, classes.names, tuple(notices))


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


def _class_names(spec: ClientSpec) -> tuple[str, ...] | None:
    if isinstance(spec.labels, str):
        raise FedotError(
            f"labels: {spec.labels} is for public data sets; for dataset files list the names of all classes, "
            "for example labels: [neg, pos]"
        )
    return spec.labels


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
