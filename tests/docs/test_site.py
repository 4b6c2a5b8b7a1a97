"""The site: it is built without a warning, its links lead somewhere, and all that packages export is in it."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("furo")
pytest.importorskip("myst_parser")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import importlib  # noqa: E402

from api_pages import exported, packages  # noqa: E402

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site: where `FEDOT_SITE` says one is, else built here, with warnings as errors."""
    if built := os.environ.get("FEDOT_SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", str(DOCS), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


class Page(HTMLParser):
    """Where a page links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if key == "id" and value:
                self.places.add(value)
            if (tag, key) in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")) and value:
                self.links.append(value)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    found = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert len(found) > 50
    return found


def broken(pages: dict[Path, Page]) -> list[tuple[str, str]]:
    """Links within the site whose file or place is not there."""
    out = []
    for path, page in pages.items():
        for link in page.links:
            address, place = urldefrag(link)
            address = address.split("?")[0]
            if urlparse(address).scheme or address.startswith("//"):
                continue
            target = (path.parent / unquote(address)).resolve() if address else path
            in_page = place in ("", "top") or target not in pages or unquote(place) in pages[target].places
            if not target.exists() or not in_page:
                out.append((path.name, link))
    return out


def test_links_within_the_site_lead_somewhere(pages: dict[Path, Page]) -> None:
    assert sum(len(page.links) for page in pages.values()) > 5000
    assert not broken(pages)


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        '<a href="#here" id="here"></a><a href="#there"></a><a href="b.html"></a><a href="https://x.y"></a>'
    )
    assert broken({path: Page(path.read_text())}) == [("a.html", "#there"), ("a.html", "b.html")]


def test_all_that_packages_export_is_in_the_reference(pages: dict[Path, Page]) -> None:
    named = [place for each in packages() for _, place in exported(importlib.import_module(each.name))]
    assert len(named) > 60
    documented = {place for path, page in pages.items() if path.parent.name == "api" for place in page.places}
    assert not [place for place in named if place not in documented]


def test_names_in_backquotes_are_links(pages: dict[Path, Page]) -> None:
    (page,) = [page for path, page in pages.items() if path.as_posix().endswith("method/alignment.html")]
    wanted = "../api/fedot.fusion.align.html#fedot.fusion.align.streams.residual_map"
    assert wanted in page.links


MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("*/*.md"))], ids=str
)
def test_links_between_files_of_the_repository_lead_to_files(path: Path) -> None:
    """What the site does not show: on a code host pages link to files, too."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    local = [link for link in MARKDOWN_LINK.findall(text) if not urlparse(link).scheme and not link.startswith("#")]
    assert not [link for link in local if not (path.parent / urldefrag(link)[0]).exists()]
