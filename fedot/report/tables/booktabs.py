"""Tables for papers: LaTeX with booktabs."""

import re
from dataclasses import dataclass, replace

from fedot.report.analysis.entries import shorten
from fedot.text.outside import printable

LONGEST = 10_000

WIDTHS = {1: 219.0, 2: 460.0}
"""Points that a table may take: a column of the narrowest usual layout with two, and both of them."""

LONG_TITLE, WIDE = 8, "\u00b1\u2212%mMW"
LETTER, BOLD, BETWEEN, LEAST_NAME = 4.4, 1.14, 6.0, 62.0
"""Points of a letter in footnotesize, how much wider it is in bold, between columns, and of the column of names."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "[": "{[}",  # after the end of a row, these two would be taken for its options
    "]": "{]}",
    "*": "{*}",
    "\u2020": r"\dag{}",
    "\u00b1": r"$\pm$",
    "\u2212": "$-$",
    "\u2013": "--",
    "\u2026": r"\dots{}",
    "\u2191": r"$\uparrow$",
    "\u2193": r"$\downarrow$",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; the best of its column is set in bold."""

    text: str
    best: bool = False


def escape(text: object) -> str:
    """Write any text so that LaTeX shows it; line breaks become spaces."""
    return "".join(SPECIAL.get(letter, letter) for letter in printable(text, LONGEST))


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column holds names and the others figures.

    Attributes
    ----------
    header
        Titles of the columns, as plain text.
    blocks
        Lines of cells with a title above them, which may be empty; each line is as long as the header.
    dispensable
        Titles of columns that may be left out where there is no room, the most dispensable first.
    """

    header: tuple[str, ...]
    blocks: tuple[tuple[str, tuple[tuple[Cell, ...], ...]], ...]
    dispensable: tuple[str, ...] = ()

    def without(self, title: str) -> "Table":
        """The same table without a column."""
        kept = [place for place, name in enumerate(self.header) if name != title]
        blocks = tuple((above, tuple(tuple(line[k] for k in kept) for line in lines)) for above, lines in self.blocks)
        return replace(self, header=tuple(self.header[k] for k in kept), blocks=blocks)

    def fitted(self, columns: int) -> "Table":
        """Leave out what has no room in so many columns of a paper: 1 or 2."""
        table = self
        for title in self.dispensable:
            if table.room_for_names(columns) < min(LEAST_NAME, table.width(0)):
                table = table.without(title)
        return table

    def room_for_names(self, columns: int) -> float:
        """Points that the other columns leave to the names."""
        return WIDTHS[columns] - sum(self.width(place) + BETWEEN for place in range(1, len(self.header)))

    def width(self, place: int) -> float:
        """Points that a column takes."""
        header = max(map(_points, _lines(self.header[place])))
        cells = [line[place] for _, lines in self.blocks for line in lines]
        return max([header, *(_points(cell.text) * (BOLD if cell.best else 1.0) for cell in cells)])


def booktabs(table: Table, caption: str, label: str, columns: int = 2) -> str:
    r"""Lay out a floating table as wide as one column of a paper, or two (`table*`).

    It needs ``\usepackage{booktabs}``. Blocks are set apart by a thin rule. Names that are too long for the room that
    the figures leave go on in a second line.

    Parameters
    ----------
    table
        Its columns fit: `Table.fitted`.
    label
        What ``\ref`` takes, without ``tab:``.
    columns
        1 or 2.
    """
    room, natural, wide = table.room_for_names(columns), table.width(0), "*" * (columns == 2)
    names = "l" if natural <= room else f"p{{{max(room, LEAST_NAME):.0f}pt}}"
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{table{wide}}}",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:{_plain(label)}}}",
        rf"\begin{{tabular}}{{@{{}}{names}{'r' * (len(table.header) - 1)}@{{}}}}",
        r"\toprule",
        rf"{' & '.join(map(_title, table.header))} \\",
    ]
    for above, block in table.blocks:
        lines.append(r"\midrule")
        if above:
            title = escape(shorten(above, int(WIDTHS[columns] / LETTER / 1.1)))
            lines.append(rf"\multicolumn{{{len(table.header)}}}{{@{{}}l@{{}}}}{{\emph{{{title}}}}} \\")
        for name, *figures in block:
            shown = _cell(name) if names == "l" else rf"\raggedright {_breakable(name.text)}"
            lines.append(rf"{' & '.join([shown, *map(_cell, figures)])} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", rf"\end{{table{wide}}}"]) + "\n"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.best and text else text


def _breakable(name: str) -> str:
    """Write a name so that a line can end behind any of its signs, as it can behind a space or a hyphen anyway."""
    letters = printable(name, LONGEST)
    return "".join(SPECIAL.get(x, x) + ("" if x.isalnum() or x in " -,()" else r"\allowbreak{}") for x in letters)


def _title(text: str) -> str:
    first, *more = map(escape, _lines(text))
    return rf"\shortstack[r]{{{first}\\{more[0]}}}" if more else first


def _lines(title: str) -> list[str]:
    """A column's title, on two lines where it is long."""
    if len(title) <= LONG_TITLE or " " not in title:
        return [title]
    places = [place for place, letter in enumerate(title) if letter == " "]
    middle = min(places, key=lambda place: abs(place - len(title) / 2))
    return [title[:middle], title[middle + 1 :]]


def _points(text: str) -> float:
    return LETTER * (len(text) + 0.6 * sum(text.count(wide) for wide in WIDE))


def _plain(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9:.-]+", "-", label).strip("-") or "fedot"
