"""The file of a scenario: its YAML, overrides of its keys, and the profiles and variants that it offers.

A profile is a smaller or larger edition of the whole, a variant one of several experiments that one file asks for.
Both are mappings of dotted keys, and become the same overrides as ``--set`` gives.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fedot.errors import FedotError
from fedot.scenario.shipped import instead_of
from fedot.text.did_you_mean import did_you_mean
from fedot.text.names import LONGEST_FOLDER, check_folder
from fedot.text.outside import printable
from fedot.text.textfile import read_text
from fedot.text.yaml_text import MOST_BYTES, parse_yaml

PROFILES, VARIANTS = "profiles", "variants"

OWN_FOLDERS = {"figures", "models"}
"""What else a run writes beside its variants."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run that a file asks for: its name in tables, that of its folder ("" for the only one), its overrides."""

    title: str
    slug: str
    overrides: tuple[str, ...]


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a scenario file; the comment on its first line becomes its question.

    Raises
    ------
    FedotError
        One line that names the file and what is wrong with it.
    """
    if not os.path.exists(path):  # which raises nothing, whatever the path is
        raise FedotError(f"there is no scenario file {path}; {instead_of(path)}")
    text = read_text(path, MOST_BYTES)
    values = parse_yaml(text.removeprefix("\ufeff"), str(path))
    if not isinstance(values, dict):
        raise FedotError(f"{path} holds no mapping; a scenario begins with `name: ...`")
    first = text.removeprefix("\ufeff").split("\n", 1)[0]
    if first.startswith("#"):
        values.setdefault("question", first.lstrip("# ").strip())
    return values


def runs_of(path: Path, profile: str = "", variant: str = "", overrides: Sequence[str] = ()) -> list[Run]:
    """All runs that a file asks for: one for each variant, or a single one.

    A variant's keys come first, a profile's over them, and `overrides` over both. A profile may list under
    ``variants`` which of them it runs.

    Raises
    ------
    FedotError
        If there is no such profile or variant, naming those that there are.
    """
    values = read_mapping(path)
    profiles, variants = (_choices(values, key, path) for key in (PROFILES, VARIANTS))
    for name in profiles:
        check_folder(name, f"{path}: the profile")
    chosen = dict(_named(profiles, profile, "profile", path)) if profile else {}
    listed = chosen.pop(VARIANTS, list(variants))
    if not isinstance(listed, list):
        raise FedotError(
            f"{path}: profiles.{profile}.variants is {printable(repr(listed))}, but a list of variants is needed"
        )
    names = [variant] if variant else [str(name) for name in listed]
    slugs = [re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names]
    if (
        len(set(slugs)) < len(slugs)
        or {"", *OWN_FOLDERS} & set(slugs)
        or max(map(len, slugs), default=0) > LONGEST_FOLDER
    ):
        folders = printable(", ".join(slugs))
        raise FedotError(f"{path}: the variants' folders would be {folders}; give each a name of its own")
    found = [_named(variants, name, "variant", path) for name in names]
    changes = [(*as_overrides(keys), *as_overrides(chosen), *overrides) for keys in found or [{}]]
    if not names:
        return [Run(str(values.get("name", path.stem)), "", changes[0])]
    return [Run(name, slug, keys) for name, slug, keys in zip(names, slugs, changes, strict=True)]


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set one nested key, for example ``train.epochs=2`` or ``clients.0.examples=500``.

    Raises
    ------
    FedotError
        If it has another form, or its key leads nowhere.
    """
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise FedotError(f"--set got {printable(override)!r}, but the form is key=value, for example train.epochs=2")
    value = parse_yaml(text, f"--set {printable(key)}")
    *parents, last = key.split(".")
    target: Any = values
    for part in parents:
        if isinstance(target, list) and part in _places(target):
            target = target[int(part)]
        elif isinstance(target, dict):
            target = target.setdefault(part, {})
        else:
            raise FedotError(f"{printable(key)} cannot be set: there is nothing at {printable(part)}")
    if isinstance(target, list) and last in _places(target):
        target[int(last)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise FedotError(f"{printable(key)} cannot be set: there is nothing at {printable(last)}")


def _places(items: Sequence[object]) -> set[str]:
    return set(map(str, range(len(items))))


def _choices(values: Mapping[str, Any], key: str, path: Path) -> dict[str, dict[str, Any]]:
    """Read `profiles` or `variants`: dotted keys and values, by name."""
    found = values.get(key) or {}
    if not isinstance(found, dict) or not all(isinstance(changes, dict) for changes in found.values()):
        raise FedotError(f"{path}: {key} must be a mapping of names to keys, like {{small: {{train.epochs: 2}}}}")
    return {str(name): {str(k): v for k, v in changes.items()} for name, changes in found.items()}


def _named(choices: Mapping[str, dict[str, Any]], name: str, what: str, path: Path) -> dict[str, Any]:
    if name not in choices:
        hint = f"{did_you_mean(name, choices, form=repr)} it has {', '.join(map(repr, choices)) or 'none'}".strip()
        raise FedotError(f"{path} has no {what} {name!r}; {hint}")
    return choices[name]


def as_overrides(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Write values by dotted key as ``--set`` takes them."""
    return tuple(
        f"{key}={yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)}"
        for key, value in changes.items()
    )
