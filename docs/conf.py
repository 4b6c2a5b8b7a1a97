"""The documentation site: `sphinx-build -n -W docs docs/_build/html`."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from fedot import __version__  # noqa: E402

project = "fedot"
author = "The fedot authors"
copyright = "The fedot authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "api_pages", "linked_names"]
exclude_patterns = ["_build", "_ext"]

myst_heading_anchors = 4
highlight_language = "none"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
default_role = "code"

nitpick_ignore = [("py:class", "fedot.wire.boundary.Read")]  # a type variable
nitpick_ignore_regex = [
    # names of other libraries have no page here, and are not looked up in the network
    ("py:.*", r"(?!fedot\.).*"),
    # functions that check a key stand in its type, and Sphinx takes them for types
    ("py:class", r"fedot\.scenario\.(file_keys|defaults|schema)\..*"),
]

html_theme = "furo"
html_title = "fedot"
html_static_path = ["_static"]
html_css_files = ["fedot.css"]
html_copy_source = html_show_sourcelink = False

linkcheck_ignore = [r"https?://127\.0\.0\..*"]


def leave_out_missing(app: Sphinx, docname: str, source: list[str]) -> None:
    """Leave out of the index's lists the pages that are not there; a page that no list has is still an error."""
    if docname == "index":
        kept = [line for line in source[0].split("\n") if not re.fullmatch(r"[a-z_/*]+", line) or found(app, line)]
        source[0] = "\n".join(kept)


def found(app: Sphinx, pattern: str) -> bool:
    """Whether a page of that name or pattern is there."""
    return any(Path(app.srcdir).glob(f"{pattern}.md"))


def setup(app: Sphinx) -> None:
    """Register with Sphinx."""
    app.connect("source-read", leave_out_missing)
