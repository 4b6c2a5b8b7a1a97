"""Tell what is wrong with a scenario, a line each, with the key's path and what would be valid."""

import typing
from collections.abc import Sequence

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from fedot.text.did_you_mean import did_you_mean
from fedot.text.outside import printable

PLAIN = {"tuple_type": "a list is needed", "model_type": "a mapping is needed", "dict_type": "a mapping is needed"}
UNLISTED = ("base_dir", "question")


def explain(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Turn pydantic's complaints about a `root` into one line for each key, unknown keys first."""
    complaints = sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    lines: dict[str, list[str]] = {}
    for item in complaints:
        path, told = _line(item, root)
        if not any(path.startswith(f"{other}.") for other in lines if other):  # a part of what is told already
            lines.setdefault(path, told)
    return [line for told in lines.values() for line in told]


def _line(item: ErrorDetails, root: type[BaseModel]) -> tuple[str, list[str]]:
    """The path of a key, and what is wrong with it."""
    location = item["loc"]
    # `clients` may be a list or a corpus; after it pydantic tells which, and that is no key
    parts = [
        printable(part, 80) for index, part in enumerate(location) if not (index == 1 and location[0] == "clients")
    ]
    path = ".".join(parts)
    if item["type"] == "extra_forbidden":
        known = _keys_at(location[:-1], root)
        above = parts[:-1]
        hint = did_you_mean(
            parts[-1], known, f"valid keys are {', '.join(known)}", form=lambda near: ".".join([*above, near])
        )
        return path, [f"{path} is no key of a scenario; {hint}"]
    if item["type"] == "missing":
        return path, [f"{path} is missing, and a scenario needs it"]
    message = PLAIN.get(item["type"], item["msg"].removeprefix("Value error, "))
    if not path:
        return path, message.split("\n")
    return path, [f"{path}: {message[0].lower()}{message[1:]}{shown(item.get('input'), item['type'])}"]


def shown(got: object, kind: str = "string_type") -> str:
    """Say what was got, if that is one value; and that YAML made a boolean of a word, where text was wanted."""
    if not isinstance(got, str | int | float | bool):
        return ""
    hint = "; YAML reads yes, no, on and off as true or false: put the word in quotes"
    return f" (got {printable(repr(got), 200)}{hint if isinstance(got, bool) and kind == 'string_type' else ''})"


def _keys_at(location: Sequence[object], root: type[BaseModel]) -> list[str]:
    """Field names of the model that a pydantic location points into."""
    model = root
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation, location) or model
    return [key for key in model.model_fields if key not in UNLISTED]


def _model_in(annotation: object, location: Sequence[object]) -> type[BaseModel] | None:
    """Find the pydantic model inside an annotation; of a tagged union the one whose tag is in `location`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = typing.get_args(annotation)
    if any(isinstance(item, Tag) and item.tag not in location for item in inside):
        return None
    return next((model for item in inside if (model := _model_in(item, location))), None)
