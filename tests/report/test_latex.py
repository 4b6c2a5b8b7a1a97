"""Tables for papers: their structure, how wide they are, and what a LaTeX engine makes of them."""

import re
import shutil
import subprocess

import pytest

from fedot.report import compare, summary_latex
from fedot.report.pages.compare_page import write_comparison
from fedot.report.tables.booktabs import SPECIAL, WIDTHS, Cell, Table, booktabs, escape

PAPER = r"""\documentclass[10pt,twocolumn]{article}
\usepackage{booktabs}
\begin{document}
\typeout{COLUMN \the\columnwidth, TEXT \the\textwidth}
TABLES
\end{document}
"""
LONG = "a-strategy-with-a-name-that-goes-on-and-on-beyond-any-column"


def odd(make):
    """Results with a long title, one that needs escaping, a failure, and a strategy that stopped early."""
    titles = ("fedavg", LONG, 'x_%&#$~^{}\\<>|"[*]', "ot-fusion")
    results = make(strategies=titles, seeds=(0, 1, 2, 3, 4))
    results["scenario"]["name"] = "50%_&^ of it"
    results["failures"] = [
        {"seed": 0, "strategy": "krum", "reason": "Krum needs 4 clients, got 2"},
        {"seed": 0, "strategy": "ot-fusion", "reason": "late"},
    ]
    return results


def rows_of(text):
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    return [line for line in body.splitlines() if line.endswith(r" \\") and not line.startswith(r"\multicolumn")]


@pytest.mark.parametrize("columns", [1, 2])
def test_a_table_is_whole_and_can_be_referred_to(make, columns):
    text = summary_latex(odd(make), columns)
    wide = "*" if columns == 2 else ""
    assert text.count(rf"\begin{{table{wide}}}") == text.count(rf"\end{{table{wide}}}") == 1
    assert re.findall(r"\\label\{(.*)\}", text) == ["tab:fedot-50-of-it"]
    assert text.index(r"\caption") < text.index(r"\label")  # else \ref gives the section
    for rule in (r"\toprule", r"\bottomrule"):
        assert text.count(rule) == 1
    cells = [line.replace(r"\&", "").count(" & ") + 1 for line in rows_of(text)]
    spec = re.search(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}", text)[1]
    assert set(cells) == {len(re.sub(r"p\{[^}]*\}", "p", spec))}
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


def test_one_column_has_room_for_less_and_the_caption_tells_of_what_is_there(make):
    one, two = (rows_of(summary_latex(odd(make), columns))[0] for columns in (1, 2))
    assert one.count("&") < two.count("&")
    assert "Accuracy" in one
    assert "Difference" in one
    assert "Received" not in one
    caption = re.search(r"\\caption\{(.*)\}", summary_latex(odd(make), 1))[1]
    assert "received" not in caption
    assert "Cohen" not in caption


def test_columns_go_in_their_order_until_names_have_room():
    cells = tuple(Cell("0" * 8) for _ in range(6))
    table = Table(("Name", "a", "b", "c", "d", "e"), (("", (cells,)),), ("e", "c", "a"))
    fitted = table.fitted(1)
    assert fitted.header == ("Name", "a", "b", "c", "d")
    assert fitted.room_for_names(1) + sum(fitted.width(k) + 6 for k in range(1, 5)) == pytest.approx(WIDTHS[1])
    assert table.fitted(2) == table


def test_a_title_above_a_block_goes_over_all_columns_and_names_break():
    table = Table(("Name", "x"), (("A run", ((Cell(LONG), Cell("1", True)),)),))
    text = booktabs(table, "c", "l", 1)
    assert r"\multicolumn{2}{@{}l@{}}{\emph{A run}} \\" in text
    assert rf"\raggedright {LONG} & \textbf{{1}} \\" in text
    assert "p{" in text


def test_a_name_that_goes_on_keeps_its_spaces_and_may_end_a_line_behind_a_sign():
    table = Table(("Name", "x"), (("", ((Cell(f"{LONG} mass_l2"), Cell("1")),)),))
    assert rf"\raggedright {LONG} mass\_\allowbreak{{}}l2 & 1 \\" in booktabs(table, "c", "l", 1)


def test_a_comparison_has_a_block_a_run(make, tmp_path):
    compare([("first_run", make()), ("second", make())], tmp_path)
    text = (tmp_path / "compare.tex").read_text()
    assert text.count(r"\multicolumn") == 2
    assert r"\emph{first\_run}" in text
    assert r"\label{tab:fedot-comparison}" in text


@pytest.mark.parametrize("columns", [1, 2])
def test_an_engine_sets_the_tables_within_their_columns(make, tmp_path, columns):
    engine = next((found for name in ("pdflatex", "tectonic") if (found := shutil.which(name))), None)
    if engine is None:
        pytest.skip("neither pdflatex nor tectonic is installed; their structure is tested above")
    tables = [summary_latex(results, columns) for results in (odd(make), make(), make(task="translation"))]
    runs = [("a run with a title " * 5, odd(make)), ("second", make())]
    write_comparison(runs, tmp_path / "joint", ("svg",), columns)
    tables.append((tmp_path / "joint" / "compare.tex").read_text())
    every = escape("".join(SPECIAL))
    paper = PAPER.replace("TABLES", "\n".join([*tables, every]))
    (tmp_path / "paper.tex").write_text(paper, encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if engine.endswith("pdflatex") else ["--keep-logs"]
    done = subprocess.run([engine, *options, "paper.tex"], cwd=tmp_path, capture_output=True, timeout=150, check=False)
    log = (tmp_path / "paper.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "! " not in log
    assert not re.findall(r"Overfull \\hbox.*", log)
