"""The table in a CSV or TSV text, read in the one way that can be meant.

The whole text is read in every way that is possible (`fedot.data.own_files.dialect`), by Python's strict reader. A way
fits if the wanted columns are in the header and every row has as many cells as the header. Where one way is left, it is
taken. Where several say the same, any is. Where they differ, quotes are taken to enclose cells if they do so
consistently: all cells of a column, or only cells with a quote inside that is doubled or escaped. Else quotes in a TSV
are letters, and a CSV is refused: only its owner knows.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fedot.data.own_files.dialect import Dialect, DialectHints, ends_bare, excel_hint, ways_of
from fedot.errors import FedotError

FEW = 100
"""A column of at most so many different cells, each there twice on average, is taken for one of labels."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one way of reading gives.

    Attributes
    ----------
    header
        Names of all columns, without spaces around them.
    columns
        Cells of the wanted columns, without the header; `places` says where in a row they stand.
    problem
        The first row that does not fit, in words; empty if all do.
    doubt
        What a reader of the results should know of this way.
    """

    dialect: Dialect
    header: tuple[str, ...]
    places: tuple[int, ...] = ()
    columns: tuple[list[str], ...] = ()
    problem: str = ""
    doubt: str = ""

    def __len__(self) -> int:
        return len(self.columns[0])


def read_sheet(text: str, where: str, wanted: Sequence[str], usual: str, given: DialectHints) -> Sheet:
    """Read the wanted columns of a CSV or TSV text in the one way that can be meant.

    Parameters
    ----------
    where
        The file, for errors.
    usual
        The separator that the suffix stands for.

    Returns
    -------
    Sheet
        Without columns, but with the header, where no way of reading has the wanted columns; `doubt` says what a
        reader of the results should know.

    Raises
    ------
    FedotError
        If rows do not fit the header, if quotes do not fit, or if there are several ways of reading that differ.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # for the whole process, so it is never lowered
    text, hint = excel_hint(text)
    given = replace(given, separator=given.separator or hint)
    ways = ways_of(text, usual, given)
    headers = [(way, _header(text, way)) for way in ways]
    fitting = [(way, header) for way, header in headers if set(wanted) <= set(header)]
    if not fitting:
        _refuse_open_header(text, where, wanted, headers)
        return Sheet(*max(headers, key=lambda each: _likeness(each[1], wanted)))
    twice = [name for name in wanted if Counter(fitting[0][1])[name] > 1]
    if twice:
        raise FedotError(f"{where} has {Counter(fitting[0][1])[twice[0]]} columns {twice[0]!r}; rename all but one")
    # a header without the separator says nothing for it, unless it is what the suffix stands for
    first = fitting[0][0].separator
    sheets = [_read(text, way, header, wanted) for way, header in fitting if way.separator == first]
    chosen = _chosen(sheets, where, usual)
    if given.quote is None:
        _refuse_single_quotes(chosen, where)
        _refuse_swallowed(chosen, where)
    return chosen


def _likeness(header: tuple[str, ...], wanted: Sequence[str]) -> tuple[int, int]:
    """How much a row looks like a header: by the wanted names in it, then by those that are plain words."""
    return len(set(wanted) & set(header)), sum(name.replace("-", "_").isidentifier() for name in header)


def _header(text: str, way: Dialect) -> tuple[str, ...]:
    """Names of the columns without spaces around them, none where quotes do not fit."""
    try:
        return tuple(name.strip() for name in next(way.rows(text), []))
    except csv.Error:
        return ()


def _refuse_open_header(
    text: str, where: str, wanted: Sequence[str], headers: Sequence[tuple[Dialect, tuple[str, ...]]]
) -> None:
    for _, header in headers:
        bare = [name.strip("\"' ") for name in header]
        if set(wanted) <= set(bare) and bare != list(header):
            raise FedotError(
                f"{where}, line 1: a quote in the header is not closed, or closed in the middle of a name; "
                "put it right, or take it out"
            )
    if all(not header for _, header in headers) and text.strip():
        raise FedotError(f"{where}, line 1: the header cannot be read, since a quote in it is not closed")


def _read(text: str, way: Dialect, header: tuple[str, ...], wanted: Sequence[str]) -> Sheet:
    """Read all rows one way; the first that does not fit is its problem."""
    rows = way.rows(text)
    raw = next(rows)
    if len(raw) > 1 and all(name.startswith(" ") for name in raw[1:]):
        way = replace(way, spaces=True)
        rows = way.rows(text)
        next(rows)
    places = tuple(header.index(name) for name in wanted)
    columns: tuple[list[str], ...] = tuple([] for _ in wanted)
    width, number = len(header), 0
    returns = text.count("\r\n") if ends_bare(text) else 0
    try:
        for number, row in enumerate(rows, start=1):
            if len(row) != width:
                return Sheet(way, header, problem=f"row {number} has {len(row)} of them")
            for column, place in zip(columns, places, strict=True):
                column.append(row[place])
            if returns:
                returns -= sum(cell.count("\r\n") for cell in row)
    except csv.Error as error:
        why = "a quote stands where none can be, or is not closed"
        if "new-line" in str(error):
            why = "a carriage return stands outside of quotes"
        return Sheet(way, header, problem=f"after row {number} {why}")
    if returns:  # is it the end of a line, or of a text?
        return Sheet(way, header, problem=f"{returns} lines end with a carriage return, and others do not")
    return Sheet(way, header, places, columns)


def _chosen(sheets: Sequence[Sheet], where: str, usual: str) -> Sheet:
    """The one sheet that can be meant."""
    good = [sheet for sheet in sheets if not sheet.problem]
    plain = next((sheet for sheet in good if sheet.dialect.quote == "none"), None)
    if not good or (plain and len(good) == 1 and len(sheets) > 1 and _mostly_enclosed(plain)):
        worst = sheets[0]
        raise FedotError(
            f"{where} has rows that do not fit its header of {len(worst.header)} columns: {worst.problem}; put texts "
            f"that hold the separator or a quote into double quotes, or say separator: or quote: (one of {_listed()})"
        )
    quoted = [sheet for sheet in good if sheet is not plain]
    if plain is None and all(sheet.columns == quoted[0].columns for sheet in quoted):
        return quoted[0]
    if len(good) == 1 and plain:
        return plain
    if plain is not None and all(sheet.columns == plain.columns for sheet in quoted):
        return plain if usual == "\t" else quoted[0]
    told = _rows_told([*quoted, *([plain] if plain else [])])
    if len(quoted) > 1 and any(sheet.columns != quoted[0].columns for sheet in quoted):
        raise _ambiguous(where, f"a backslash before a quote may be a letter{told}")
    return _with_or_without(quoted[0], plain, where, usual) if plain else quoted[0]


def _with_or_without(quoted: Sheet, plain: Sheet, where: str, usual: str) -> Sheet:
    """Both ways are possible and differ: decide by how consistently quotes enclose cells."""
    if len(quoted) != len(plain):
        if len(quoted.header) == 1 and usual != "\t":
            return quoted  # every line is a row of one cell, so that the other way was bound to be possible
        raise _ambiguous(where, f"lines join where quotes enclose cells{_rows_told([quoted, plain])}")
    mark = '"' if quoted.dialect.quote == "backslash" else quoted.dialect.quote
    enclosed = [[_encloses(cell, mark) for cell in column] for column in plain.columns]
    needed = all(
        mark in cell.strip()[1:-1] or not cell.strip()[1:-1]
        for column, flags in zip(plain.columns, enclosed, strict=True)
        for cell, flag in zip(column, flags, strict=True)
        if flag
    )
    whole = all(
        not any(flags) or all(flag or not cell.strip() for cell, flag in zip(column, flags, strict=True))
        for column, flags in zip(plain.columns, enclosed, strict=True)
    )
    if needed or whole:
        return quoted
    count = sum(map(sum, enclosed))
    if usual == "\t":
        return replace(plain, doubt=f"{count} cells stand in quotes, which are kept (quote: '\"' takes them off)")
    raise _ambiguous(where, f"some cells that need no quotes stand in quotes, the first in row {_first(enclosed)}")


def _refuse_single_quotes(sheet: Sheet, where: str) -> None:
    """Refuse a column of which every cell stands in single quotes, if these were taken for letters."""
    for column in sheet.columns if sheet.dialect.quote != "'" else ():
        if len(column) > 1 and all(_encloses(cell, "'") for cell in column):
            raise _ambiguous(where, "every cell of a column stands in single quotes")


def _mostly_enclosed(plain: Sheet) -> bool:
    """Whether most rows have a cell in quotes: then the file means them, and they are no letters."""
    rows = list(zip(*plain.columns, strict=True))
    return 2 * sum(any(_encloses(cell, '"') for cell in row) for row in rows) > len(rows)


def _encloses(cell: str, mark: str) -> bool:
    bare = cell.strip()
    return len(bare) > 1 and bare[0] == bare[-1] == mark


def _first(enclosed: Sequence[Sequence[bool]]) -> int:
    return 1 + min(flags.index(True) for flags in enclosed if any(flags))


def _rows_told(sheets: Sequence[Sheet]) -> str:
    return f" ({' or '.join(str(len(sheet)) for sheet in sheets)} rows)" if len({*map(len, sheets)}) > 1 else ""


def _ambiguous(where: str, why: str) -> FedotError:
    return FedotError(
        f"{where} can be read in several ways: {why}; say quote: none if quotes are letters, else {_listed()}"
    )


def _listed() -> str:
    return "none, '\"', \"'\" or backslash"


def _refuse_swallowed(sheet: Sheet, where: str) -> None:
    """Refuse a cell of which a line looks like a row of the file: then a quote was opened, and is not closed.

    It looks like one if it has as many cells, and the label of other rows in the place of a label.
    """
    width, separator = len(sheet.header), sheet.dialect.separator
    known = {place: _labels(column) for place, column in zip(sheet.places, sheet.columns, strict=True)}
    if width < 2 or not any(known.values()):
        return
    for place, column in zip(sheet.places, sheet.columns, strict=True):
        for number, cell in enumerate(column, start=1):
            lines = cell.split("\n") if "\n" in cell else []
            for k, line in enumerate(lines):
                start, end = place if k == 0 else 0, place + 1 if k == len(lines) - 1 else width
                cells = line.removesuffix("\r").split(separator)
                others = [other for other in known if start <= other < end and other != place]
                if len(cells) == end - start and any(cells[other - start] in known[other] for other in others):
                    raise FedotError(
                        f"{where}, row {number}: a cell holds lines that look like rows of the file; close the quote "
                        "that it begins with, or say quote: none if quotes are letters, or quote: '\"' if all is right"
                    )


def _labels(column: Sequence[str]) -> frozenset[str]:
    """The different cells of a column of labels; none of another column."""
    found = frozenset(column)
    return found - {""} if len(found) <= FEW and 2 * len(found) <= len(column) else frozenset()
