"""What a run leaves behind: results.json, tables, figures and one self-contained HTML page.

Everything here reads the results dictionary (schema 1) and nothing else, so a report can be made again from
`results.json` alone: ``python -m fedot.report DIR/results.json``.
"""

from fedot.report.compare import compare
from fedot.report.html import render_report, write_report
from fedot.report.paper import summary_latex, write_latex
from fedot.report.results import load_results, write_results
from fedot.report.table import summary_markdown, summary_table, write_csv

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
