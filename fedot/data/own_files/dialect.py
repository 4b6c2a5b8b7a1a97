"""How a CSV or TSV file is written: what divides cells, whether quotes enclose them, and the ways that are possible."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

SEPARATORS = (",", ";", "\t", "|")
ESCAPED = re.compile(r'\\["\\]')
HIDDEN = {'\\"': "\0q", "\\\\": "\0b"}
"""What stands for an escaped quote and an escaped backslash while a text is read; a zero byte is in no text."""


@dataclass(frozen=True, slots=True)
class DialectHints:
    """What the user says of a file; None is to be found out."""

    separator: str | None = None
    quote: str | None = None
    encoding: str | None = None


UNSAID = DialectHints()


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way to read: `quote` is one of `fedot.scenario.file_keys.QUOTES`; `spaces` drops those after a separator."""

    separator: str
    quote: str = '"'
    spaces: bool = False

    def rows(self, text: str) -> Iterator[list[str]]:
        """Read all rows but blank lines; the strict reader raises `csv.Error` where quotes do not fit."""
        escaped = self.quote == "backslash"
        plain = self.quote == "none"
        reader = csv.reader(
            _lines(ESCAPED.sub(lambda found: HIDDEN[found.group()], text) if escaped else text),
            delimiter=self.separator,
            quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
            quotechar=None if plain else '"' if escaped else self.quote,
            skipinitialspace=self.spaces,
            strict=True,
        )
        return ([_shown(cell) for cell in row] if escaped else row for row in reader if row)


def _shown(cell: str) -> str:
    for mark, hidden in HIDDEN.items():
        cell = cell.replace(hidden, mark[1:])
    return cell


def describe(dialect: Dialect, usual: str, given: DialectHints, encoding: str, rows: int) -> str:
    r"""One line on what was found out and is not the usual; empty if all is as usual, or was said by the user.

    Examples
    --------
    >>> print(describe(Dialect(";"), ",", DialectHints(), "utf-8", 1000))
    separator ';', quote '"', 1,000 rows
    """
    shown = "tab" if dialect.separator == "\t" else repr(dialect.separator)
    found = [] if encoding == "utf-8" or given.encoding else [f"encoding {encoding}"]
    quote = dialect.quote if dialect.quote in ("none", "backslash") else repr(dialect.quote)
    odd = dialect.separator != usual and given.separator is None
    if (odd or dialect.quote != _usual_quote(usual)) and given.quote is None:
        found.append(f"separator {shown}, quote {quote}")
    elif odd:
        found.append(f"separator {shown}")
    return ", ".join([*found, f"{rows:,} rows"]) if found else ""


def _usual_quote(separator: str) -> str:
    return "none" if separator == "\t" else '"'


def _lines(text: str) -> Iterator[str]:
    r"""Divide a text where its first line ends: at ``\n`` (with or without ``\r``), or at ``\r`` alone."""
    first = text.find("\n")
    end = "\r" if "\r" in text[: first if first >= 0 else None].removesuffix("\r") else "\n"
    for line in text.split(end):
        yield line + end


def ends_bare(text: str) -> bool:
    r"""Whether the first line ends with ``\n`` and no ``\r`` before it."""
    first = text.find("\n")
    return first >= 0 and not text[:first].endswith("\r")


def excel_hint(text: str) -> tuple[str, str | None]:
    """Take off the line ``sep=;`` that Excel reads."""
    first, _, rest = text.partition("\n")
    hint = first.rstrip("\r")
    return (rest, hint[4:]) if hint.lower().startswith("sep=") and len(hint) == 5 else (text, None)


def ways_of(text: str, usual: str, given: DialectHints) -> list[Dialect]:
    """All ways of reading that the file's own characters allow, the usual first."""
    separators = [given.separator] if given.separator else sorted(SEPARATORS, key=lambda each: each != usual)
    if given.quote:
        quotes = [given.quote]
    else:
        quotes = ["none"]
        if text.lstrip().startswith("'"):
            quotes.insert(0, "'")
        if '\\"' in text:
            quotes.insert(0, "backslash")
        if '"' in text:
            quotes.insert(0, '"')
        elif len(quotes) == 1 and usual != "\t":
            quotes = ['"']  # the same as none, but the usual name
    return [Dialect(separator, quote) for separator in separators for quote in quotes]
