"""Tables for papers: LaTeX with booktabs."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedot.text.outside import printable

LONGEST = 10_000

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
    '"': r"\textquotedbl{}",
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


def booktabs(header: Sequence[str], blocks: Sequence[Sequence[Sequence[Cell]]], caption: str, names: int = 1) -> str:
    r"""Lay out a floating `table` whose first `names` columns hold names and the others figures.

    It needs ``\usepackage{booktabs}``. Blocks are set apart by a thin rule.

    Parameters
    ----------
    header
        Titles of the columns, as plain text.
    blocks
        Lines of cells, by block; each as long as the header.
    """
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\begin{{tabular}}{{{'l' * names}{'r' * (len(header) - names)}}}",
        r"\toprule",
        rf"{' & '.join(map(escape, header))} \\",
    ]
    for block in blocks:
        lines.append(r"\midrule")
        lines += [rf"{' & '.join(map(_cell, line))} \\" for line in block]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.best and text else text
