"""Link what stands in backquotes and is the name of something in the reference, so that pages stay plain Markdown."""

import importlib
from collections import defaultdict
from collections.abc import Mapping

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class LinkNames(SphinxPostTransform):
    """Make references of names: `fedot.fusion.fuse`, `fedot/fusion/fuse.py`, and of `row_shares` where one has it."""

    default_priority = 5

    def run(self) -> None:
        """Wrap each literal that names something."""
        for reference in list(self.document.findall(pending_xref)):
            if is_letter(reference):
                reference.replace_self(reference.children)
        domain = self.env.domains.python_domain
        shorts = _short_names(domain.objects)
        for literal in list(self.document.findall(nodes.literal)):
            if literal.next_node(nodes.reference) or _inside_link(literal):
                continue
            name = full_name(literal.astext(), domain.objects, shorts)
            if name is None:
                continue
            entry = domain.objects[name]
            target = f"{self.app.builder.get_relative_uri(self.env.docname, entry.docname)}#{entry.node_id}"
            link = nodes.reference("", "", internal=True, refuri=target, reftitle=name)
            literal.replace_self(link)
            link += literal


def is_letter(reference: pending_xref) -> bool:
    """Whether it is the `n` of a shape (n, m), and no name: Sphinx would take some attribute of that name for it."""
    target = reference.get("reftarget", "")
    return reference.get("refdomain") == "py" and target.islower() and len(target) <= 2


def full_name(text: str, objects: Mapping[str, object], shorts: Mapping[str, str]) -> str | None:
    """The name in the reference of what a page names, or None."""
    name = text.removesuffix("()")
    if name.startswith("fedot/"):
        name = name.removesuffix(".py").removesuffix("/__init__").rstrip("/").replace("/", ".")
    return defined(name) if defined(name) in objects else shorts.get(name)


def defined(name: str) -> str:
    """Where something is defined that a package may only export."""
    module, _, attribute = name.rpartition(".")
    if not name.startswith("fedot.") or name == "fedot.fuse":
        return "fedot.fusion.fuse.fuse" if name == "fedot.fuse" else name
    try:
        value = getattr(importlib.import_module(module), attribute)
        return f"{value.__module__}.{value.__qualname__}"
    except (ImportError, AttributeError):
        return name


def _short_names(objects: Mapping[str, object]) -> dict[str, str]:
    """Last parts of names that one thing alone has, and that are no plain words."""
    places = defaultdict(set)
    for name, entry in objects.items():
        if entry.objtype in ("function", "class"):  # type: ignore[attr-defined]
            places[name.rpartition(".")[2]].add(name)
    telling = {short for short in places if "_" in short.strip("_") or short[:1].isupper()}
    return {short: next(iter(places[short])) for short in telling if len(places[short]) == 1}


def _inside_link(node: nodes.Node) -> bool:
    while node is not None:
        if isinstance(node, nodes.reference | nodes.title):
            return True
        node = node.parent
    return False


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_post_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
