"""What is made of a run's `results.json`: tables, figures and one self-contained HTML page.

Everything here reads the results dictionary and nothing else, so that a report can be made again at any time:
``python -m fedot.report OUT``. Numbers are worked out in `analysis`; `tables`, `figures` and `pages` show them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fedot.results import load_results, write_results

if TYPE_CHECKING:
    from fedot.report.pages.compare_page import compare
    from fedot.report.pages.run_page import render_report, write_report
    from fedot.report.tables.summary import summary_markdown, summary_table, write_csv
    from fedot.report.tables.summary_latex import summary_latex, write_latex

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
ROOMS = ("tables.summary", "tables.summary_latex", "pages.run_page", "pages.compare_page")


def __getattr__(name: str) -> object:
    """Load matplotlib and the templates only when something is drawn."""
    for room in ROOMS if name in __all__ else ():
        module = import_module(f"fedot.report.{room}")
        if hasattr(module, name):
            return getattr(module, name)
    raise AttributeError(f"module 'fedot.report' has no attribute {name!r}")
