"""What a run leaves behind: results.json, tables, figures and one self-contained HTML page.

Everything here reads the results dictionary (schema 1) and nothing else, so a report can be made again from
`results.json` alone: ``python -m fedot.report DIR/results.json``.
"""

from fedot.report.pages.compare_page import compare
from fedot.report.pages.run_page import render_report, write_report
from fedot.report.tables.summary import summary_markdown, summary_table, write_csv
from fedot.report.tables.summary_latex import summary_latex, write_latex
from fedot.results import load_results, write_results

__all__ = [
    "compare",
    "load_results",
    "render_report",
    "summary_latex",
    "summary_markdown",
    "summary_table",
    "write_csv",
    "write_latex",
    "write_report",
    "write_results",
]
