"""How to cite a run: a BibTeX entry of what the package says of itself, and nothing invented."""

import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from fedot.report.tables.booktabs import escape

DISTRIBUTION = "fedot-fl"
ADDRESSES = ("repository", "source", "source code", "homepage", "documentation")
"""Names of project URLs, the first that there is being cited."""


def bibtex(results: Mapping[str, Any]) -> str:
    """Write a run as a BibTeX entry; of what is not known there is no field."""
    scenario, provenance = results["scenario"], results["provenance"]
    name, started = str(scenario.get("name", "results")), str(provenance.get("started") or "")
    year = started[:4] if re.match(r"\d{4}-", started) else ""
    author, address = project()
    seeds = ", ".join(map(str, dict.fromkeys(row["seed"] for row in results["rows"])))
    commit = str(provenance.get("commit") or "")
    notes = [
        f"commit {commit[:12]}{'-dirty' if commit.endswith('-dirty') else ''}" if commit else "",
        "stand-in data" if provenance.get("stand_in") else "",
        f"seeds {seeds}" if seeds else "",
        f"run {started[:10]}" if year else "",
    ]
    fields = {
        "author": f"{{{escape(author)}}}" if author else "",
        "title": f"{{fedot}} report: {escape(name)}",
        "year": year,
        "version": escape(provenance.get("fedot") or ""),
        "url": address,
        "note": escape("; ".join(filter(None, notes))),
    }
    key = "-".join(filter(None, ("fedot", re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-"), year)))
    lines = [f"  {field:<7} = {{{value}}}," for field, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"])


def project() -> tuple[str, str]:
    """Author and address of the project, as its source tree or the installed package has them; empty if they do not."""
    file = Path(__file__).parents[3] / "pyproject.toml"
    if file.is_file():
        about = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        if about.get("name") == DISTRIBUTION:
            names = " and ".join(each["name"] for each in about.get("authors", ()) if "name" in each)
            return names, _address(about.get("urls", {}))
    try:
        installed = metadata(DISTRIBUTION)
    except PackageNotFoundError:
        return "", ""
    pairs = (line.partition(", ") for line in installed.get_all("Project-URL") or ())
    return " and ".join(installed.get_all("Author") or ()), _address({name: url for name, _, url in pairs})


def _address(urls: Mapping[str, str]) -> str:
    known = {name.casefold(): url for name, url in urls.items()}
    return next((known[name] for name in ADDRESSES if name in known), "")
