"""YAML that somebody else wrote: bounded in size and depth, each key once, and no word that YAML turns into a surprise.

YAML 1.1 has more than a scenario needs: dates, sets, tags, ``no`` for false, and aliases that make a gigabyte of ten
lines. What a reader of the file could not expect is refused, with its line and with what to write instead.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from fedot.errors import FedotError
from fedot.text.outside import printable, told

MOST_BYTES = 2**20
DEEPEST = 24
MOST_PARTS, MOST_LETTERS = 200_000, 2**23
"""So many values, and letters in them, may a text come to, each alias counted as what it stands for."""

LONGEST_NUMBER = 40
TAG = "tag:yaml.org,2002:"
KINDS = {"str", "int", "float", "bool", "null", "seq", "map"}


class _Refused(yaml.MarkedYAMLError):
    """What YAML allows and a scenario does not; `problem` says what, `problem_mark` where."""


def parse_yaml(text: str, where: str) -> Any:
    r"""Read YAML as plain values: text, numbers, booleans, None, lists and mappings.

    Parameters
    ----------
    where
        What it is, for the error: a file, or the key that it is set to.

    Raises
    ------
    FedotError
        One line with the place and the reason.

    Examples
    --------
    >>> parse_yaml("a: [1, x]", "s.yaml")
    {'a': [1, 'x']}
    >>> parse_yaml("a: 1\na: 2", "s.yaml")
    Traceback (most recent call last):
    fedot.errors.FedotError: s.yaml, line 2: this is no valid YAML of a scenario (the key a is there twice)
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise FedotError(f"{where} has more than {MOST_BYTES} bytes, and no more are taken")
    with told(f"{where}: this is no valid YAML"):
        try:
            _check_depth(text)
            return _values(text)
        except (yaml.YAMLError, ValueError) as error:
            raise FedotError(_line(error, where)) from None


def _line(error: Exception, where: str) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    place = f", line {mark.line + 1}" if mark else ""
    what = "no valid YAML of a scenario" if isinstance(error, _Refused) else "no valid YAML"
    return f"{where}{place}: this is {what} ({printable(problem or 'bad value', 200)})"


def _check_depth(text: str) -> None:
    """Refuse deep nesting before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _Refused(None, None, f"it is nested more than {DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _values(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _check(root)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _check(root: yaml.Node) -> None:
    """Walk all that a text comes to, aliases followed, as far as the bounds."""
    constructor = yaml.constructor.SafeConstructor()
    letters = 0
    for parts, node in enumerate(_nodes(root, 0), 1):
        letters += len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        if parts > MOST_PARTS or letters > MOST_LETTERS:
            raise _Refused(None, None, "its aliases (*) make too much of it; write out less", node.start_mark)
        _check_tag(node)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, constructor)


def _nodes(node: yaml.Node, depth: int) -> Iterator[yaml.Node]:
    if depth > DEEPEST:  # an alias leads back to what it lies in
        raise _Refused(None, None, f"it is nested more than {DEEPEST} deep", node.start_mark)
    yield node
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _nodes(item, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _nodes(key, depth + 1)
            yield from _nodes(value, depth + 1)


def _check_tag(node: yaml.Node) -> None:
    kind = node.tag.removeprefix(TAG)
    if kind == "timestamp":
        problem = f"{node.value} is a date to YAML, and a scenario has none; put it in quotes"
    elif kind not in KINDS and kind != "merge":
        problem = f"the tag {node.tag} is not taken; write a plain value"
    elif isinstance(node, yaml.ScalarNode) and kind in ("int", "float") and len(node.value) > LONGEST_NUMBER:
        problem = f"a number has more than {LONGEST_NUMBER} digits; put it in quotes if it is text"
    else:
        return
    raise _Refused(None, None, problem, node.start_mark)


def _check_keys(node: yaml.MappingNode, constructor: yaml.constructor.SafeConstructor) -> None:
    """Refuse keys that are there twice, and those that are no text or number."""
    seen = set()
    for key, _ in node.value:
        kind = key.tag.removeprefix(TAG)
        if kind == "merge":
            continue
        if kind not in ("str", "int", "float") or not isinstance(key, yaml.ScalarNode):
            read = {"bool": "true or false", "null": "nothing"}.get(kind, "no text")
            name = f"the key {key.value}" if isinstance(key, yaml.ScalarNode) else "a key"
            raise _Refused(None, None, f"{name} is {read} to YAML; put it in quotes", key.start_mark)
        value = constructor.construct_object(key, deep=True)
        if value in seen:
            raise _Refused(None, None, f"the key {key.value} is there twice", key.start_mark)
        seen.add(value)
