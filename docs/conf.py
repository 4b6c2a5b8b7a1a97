"""The documentation site: `sphinx-build -n -W docs docs/_build/html`."""

import sys
from pathlib import Path

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

nitpick_ignore = [
    ("py:class", name) for name in ("fedot.wire.boundary.Read", "fedot.data.join_classes.Key")
]  # type variables
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
