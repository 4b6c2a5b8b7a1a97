"""Write docs/scenario_reference.md, all keys of a scenario, from the schema: `python docs/_ext/scenario_page.py`."""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args

DOCS = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))

from fedot.fusion.plan.config import STEPS, SWITCHES  # noqa: E402
from fedot.fusion.plan.stages import KINDS, METHODS  # noqa: E402
from fedot.models.decoder import DecoderConfig  # noqa: E402
from fedot.models.encoder import EncoderConfig  # noqa: E402
from fedot.models.seq2seq import Seq2SeqConfig  # noqa: E402
from fedot.models.shape import Shape  # noqa: E402
from fedot.scenario import CorpusSpec, Scenario  # noqa: E402
from fedot.scenario.sections import Section  # noqa: E402
from fedot.strategies import STRATEGIES  # noqa: E402
from fedot.tasks import TASK_FACTS  # noqa: E402

HIDDEN = ("base_dir", "options")
"""No keys of a file."""

BY_ITSELF = ("vocab_size", "target_vocab_size", "n_class", "architecture")
"""What a model's configuration has from elsewhere than the mapping `model`."""

HEAD = """# Scenario reference

A *scenario* is a YAML file that says who has which data, what is trained and how it is fused. Here is every key of it,
with its type, its default and its meaning. A key without a default is needed. A key that is not here is refused, with
the nearest one that is. This page is made from the schema (`python docs/_ext/scenario_page.py`).

A file may also have `profiles`, smaller or larger editions of the whole, and `variants`, several experiments in one
file. Both are mappings of names to keys, written with dots: `profiles: {small: {train.epochs: 2}}`. See
[studies](studies.md).
"""

STRATEGY = """## Options of strategies

A strategy is a name, or a mapping: `{{name: ot-fusion, method: aligned, as: aligned}}`. Its options may be written with
dashes. The names are {names}.

| key | of | meaning |
|---|---|---|
| `as` | all | Name in tables. |
| `min-fraction` | all | Share of the asked clients that must answer with a usable model; 0.5 without it. |
| `connect-seconds` | all | How long to wait for clients to connect; 120 without it. |
| `norm-limit` | all | A step that is so many times as long as the median of all is left out; without it none is. |
| `align` | all | `client`: clients send models that they have aligned themselves. |
| `fraction-train` | Flower's, `ot-fusion` | Share of the clients that train in a round; 1 without it. |
| `fraction-evaluate` | all | Share of the clients that score a round's model, drawn anew in each; all score the last. |
| keywords of the constructor | Flower's | For example `proximal-mu` of `fedprox`, `beta` of `fedtrimmedavg`. |
| `method` | `ot-fusion` | `auto`, {methods}. |
| options of the method's stages | `ot-fusion` | The tables below. |

## Methods and their stages

A *method* is a sequence of stages. A method has the options of its stages and no others. `auto` becomes `merged` or
`aligned` ([method](method.md#a-fusion-is-a-plan)). A stage in parentheses runs only where it is asked for, or where
models and counts allow it.

| method | stages |
|---|---|
"""

OPTIONAL = ("learn-maps", "repair", "refit", "distil", "class-shares")


def sections(model: type[Section], seen: list[type[Section]] | None = None) -> list[type[Section]]:
    """A section of the schema and all that it holds, in the order in which they stand."""
    seen = [] if seen is None else seen
    if model not in seen:
        seen.append(model)
        for info in model.model_fields.values():
            for inner in _models_in(info.annotation):
                sections(inner, seen)
    return seen


def _models_in(annotation: object) -> Iterator[type[Section]]:
    if inspect.isclass(annotation) and issubclass(annotation, Section):
        yield annotation
    for inside in get_args(annotation):
        yield from _models_in(inside)


def scenario_page() -> str:
    """The whole page as Markdown."""
    parts = [HEAD]
    for section in sections(Scenario):
        parts += [f"## {_title(section)}\n", f"{_paragraphs(section)}\n", *_keys(section)]
    parts += ["## Defaults of a task\n", "What a scenario of a task has where it does not say.\n", *_task_defaults()]
    parts += ["## Keys of `model`\n", "Without `name` the task says which architecture it is.\n", *_architectures()]
    names = ", ".join(f"`{name}`" for name in STRATEGIES)
    methods = ", ".join(f"`{name}`" for name in METHODS)
    parts += [STRATEGY.format(names=names, methods=methods) + "\n".join(_methods()) + "\n", *_stages()]
    return "\n".join(parts)


def _title(section: type[Section]) -> str:
    names = {"Scenario": "The file", "CorpusSpec": "`clients`, one corpus for many", "ClientSpec": "One of `clients`"}
    key = section.__name__.removesuffix("Spec").lower()
    return names.get(section.__name__, "One of `strategies`" if key == "strategy" else f"`{key}`")


def _paragraphs(section: type[Section]) -> str:
    return inspect.getdoc(section) or ""


def _keys(section: type[Section]) -> list[str]:
    schema = section.model_json_schema()
    needed = schema.get("required", ())
    own = schema["properties"] if section is not CorpusSpec else _own(section, schema["properties"])
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, about in own.items():
        if key not in HIDDEN:
            default = "" if key in needed else _default(section, key)
            meaning = section.model_fields[key].description or ""
            rows.append(f"| `{key}` | {_type(about, schema)} | {default} | {_cell(meaning)} |")
    more = ["", "And the keys of a client."] if section is CorpusSpec else []
    return [*rows, *more, ""]


def _own(section: type[Section], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {key: properties[key] for key in section.__annotations__ if key in properties}


def _default(section: type[Section], key: str) -> str:
    value = section.model_fields[key].get_default(call_default_factory=True)
    if isinstance(value, Section):
        return "those below"
    if value is None:
        return "none"
    if isinstance(value, tuple):
        value = [item.title if hasattr(item, "title") and not isinstance(item, str) else item for item in value]
    return f"`{json.dumps(value).replace(chr(34), '')}`" if value not in ("", {}) else "empty"


def _type(about: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """What may stand there, in words, from a JSON schema."""
    if "$ref" in about:
        return "mapping"
    choices = about.get("enum") or ([about["const"]] if "const" in about else [])
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    for kind in ("anyOf", "oneOf"):
        if kind in about:
            return " or ".join(dict.fromkeys(_type(item, root) for item in about[kind] if item.get("type") != "null"))
    kind = about.get("type")
    if kind == "array":
        return f"list of {_many(_type(about['items'], root))}" if "items" in about else "list"
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
    return words.get(str(kind), "mapping") + _bounds(about)


def _many(kind: str) -> str:
    for one, many in (("whole number", "whole numbers"), ("number", "numbers"), ("mapping", "mappings")):
        if kind.startswith(one):
            return many + kind.removeprefix(one)
    return kind


def _bounds(about: Mapping[str, Any]) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {_plain(about[key])}" for key, word in words.items() if key in about)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("``", "`")).replace("|", "\\|").strip()


def _task_defaults() -> list[str]:
    rows = ["| task | `model.name` | other defaults |", "|---|---|---|"]
    for facts in TASK_FACTS.values():
        others = [
            f"`{key}: {{{', '.join(f'{k}: {v}' for k, v in own.items())}}}`" for key, own in facts.defaults.items()
        ]
        rows.append(f"| `{facts.name}` | `{facts.architecture}` | {', '.join(others)} |")
    return [*rows, ""]


def _architectures() -> list[str]:
    rows = ["| key | of | type | default | meaning |", "|---|---|---|---|---|"]
    for kind, owner in (
        (Shape, "all"),
        (EncoderConfig, "`encoder`"),
        (DecoderConfig, "`decoder`"),
        (Seq2SeqConfig, "`seq2seq`"),
    ):
        known = {each.name for each in fields(Shape)} if kind is not Shape else set()
        told = parameters(kind)
        for each in fields(kind):
            if each.name not in known and each.name not in BY_ITSELF:
                default = "" if each.default is MISSING else f"`{_value(each.default)}`"
                rows.append(
                    f"| `{each.name}` | {owner} | {_python_type(each.type)} | {default} | {_cell(told[each.name])} |"
                )
    return [*rows, ""]


def _methods() -> Iterator[str]:
    names = {kind: name for name, kind in KINDS.items()}
    for method, kinds in METHODS.items():
        stages = [f"({names[kind]})" if names[kind] in OPTIONAL else names[kind] for kind in kinds]
        yield f"| `{method}` | {', '.join(stages)} |"


def _stages() -> Iterator[str]:
    for name, kind in KINDS.items():
        told = parameters(kind)
        yield f"### Stage `{name}`\n"
        yield f"{_cell((inspect.getdoc(kind) or '').split(chr(10) * 2)[0])}\n"
        if name.replace("-", "_") in SWITCHES:
            yield f"`{name}: true` turns it on, `{name}: false` off.\n"
        if fields(kind):
            yield "| option | type | default | meaning |\n|---|---|---|---|"
            for each in fields(kind):
                key = each.name.replace("_", "-")
                names = each.metadata.get("names")
                type_ = ", ".join(f"`{one}`" for one in names) if names else _python_type(each.type)
                yield f"| `{key}` | {type_} | {_given(each.name, each.default)} | {_cell(told[each.name])} |"
            yield ""


def _python_type(kind: Any) -> str:
    choices = [each for each in get_args(kind) if isinstance(each, str)]
    if choices:
        return ", ".join(f"`{each}`" for each in choices)
    words = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return " or ".join(words[each] for each in (get_args(kind) or (kind,)) if each in words)


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)


def _given(name: str, value: object) -> str:
    return "off" if name in STEPS else f"`{_value(value)}`"


def parameters(kind: type) -> dict[str, str]:
    """What numpydoc's section Parameters says of each name, also where several stand on one line."""
    _, _, text = (inspect.getdoc(kind) or "").partition("Parameters\n----------\n")
    found: dict[str, str] = {}
    names: Sequence[str] = ()
    for line in text.split("\n"):
        if line.startswith("----"):
            break
        if line and not line.startswith(" "):
            names = [name.strip() for name in line.split(",")]
            found |= dict.fromkeys(names, "")
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found


if __name__ == "__main__":
    (DOCS / "scenario_reference.md").write_text(scenario_page(), encoding="utf-8")
