"""Pages of the reference: one for each package of fedot, made from its docstrings."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx

import fedot

FOLDER = "api"
COMMANDS = ("fedot.fuse", "fedot.simulate", "fedot.predict", "fedot.compare")
"""For ``python -m`` alone; what they start is elsewhere."""


@dataclass(frozen=True)
class Package:
    """A package: its name, and the modules that lie in it, itself first."""

    name: str
    modules: tuple[str, ...]


def packages() -> list[Package]:
    """All packages that hold something, in the order of their names."""
    found: dict[str, list[str]] = {"fedot": ["fedot"]}
    for each in pkgutil.walk_packages(fedot.__path__, "fedot."):
        if each.name in COMMANDS or each.name.endswith("__main__"):
            continue
        home = each.name if each.ispkg else each.name.rpartition(".")[0]
        found.setdefault(home, []).append(each.name)
    return [Package(name, tuple(modules)) for name, modules in sorted(found.items())]


def exported(package: ModuleType) -> Iterator[tuple[str, str]]:
    """Each function and class that a package exports: its name there, and where it is defined."""
    for name in getattr(package, "__all__", ()):
        value = getattr(package, name)
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith("fedot"):
            yield name, f"{value.__module__}.{value.__qualname__}"


def page(package: Package) -> str:
    """The page of one package, as reStructuredText, since that is what docstrings are."""
    module = importlib.import_module(package.name)
    lines = [package.name, "=" * len(package.name), ""]
    names = list(exported(module))
    if names:
        lines += [f"``from {package.name} import ...``", ""]
        lines += [f"* :py:obj:`{name} <{place}>`: {_first_sentence(module, name)}" for name, place in names] + [""]
    for each in package.modules:
        if each != package.name:
            lines += [each, "-" * len(each), ""]
        lines += [f".. automodule:: {each}", "   :members:", "   :show-inheritance:", "   :ignore-module-all:", ""]
    return "\n".join(lines)


def _first_sentence(module: ModuleType, name: str) -> str:
    return (inspect.getdoc(getattr(module, name)) or "").split("\n\n")[0].replace("\n", " ")


def write_pages(app: Sphinx) -> None:
    """Write all pages and their index; pages that stay as they are are not touched, so that they are not read again."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(exist_ok=True)
    texts = {f"{each.name}.rst": page(each) for each in packages()}
    for old in folder.glob("*.rst"):
        if old.name not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
