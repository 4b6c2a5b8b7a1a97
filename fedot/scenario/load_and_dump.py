"""Scenarios from YAML files and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fedot.errors import MistakesError
from fedot.scenario.in_words import explain
from fedot.scenario.schema import Scenario
from fedot.scenario.yaml_file import PROFILES, VARIANTS, apply_override, read_mapping


def load_scenario(path: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    r"""Read a scenario file and apply overrides.

    Parameters
    ----------
    path
        A YAML file.
    overrides
        ``key.path=value``, values being YAML.

    Returns
    -------
    Scenario
        Its `base_dir` is the file's folder.

    Raises
    ------
    MistakesError
        One line for each mistake, that names the file, the key's path and what would be valid.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.yaml"
    ...     _ = path.write_text("name: mine\nclients: [{dataset: xed, lang: en}, {dataset: xed, lang: fi}]")
    ...     scenario = load_scenario(path, ["rounds=3"])
    >>> scenario.rounds, scenario.client_names()
    (3, ('xed-en', 'xed-fi'))
    """
    path = Path(path)
    values = read_mapping(path)
    for override in overrides:
        apply_override(values, override)
    return parse_scenario({**values, "base_dir": path.resolve().parent}, str(path))


def parse_scenario(values: Mapping[str, Any], where: str = "the scenario") -> Scenario:
    """Check a mapping.

    Parameters
    ----------
    values
        As a YAML file has them.
    where
        Names their origin in errors.

    Returns
    -------
    Scenario

    Raises
    ------
    MistakesError
        One line for each mistake, that names the key's path and what would be valid.

    Examples
    --------
    >>> parse_scenario({"name": "mine", "clients": [{"dataset": "xed", "lang": "en"}]})
    Traceback (most recent call last):
    fedot.errors.MistakesError: the scenario: clients must be at least 2, or one data set with a partition
    """
    # what is chosen of profiles and variants comes as overrides (`fedot.scenario.yaml_file.runs_of`)
    given = {key: value for key, value in values.items() if key not in (PROFILES, VARIANTS)}
    try:
        return Scenario.model_validate(given)
    except ValidationError as error:
        raise MistakesError(f"{where}: {line}" for line in explain(error, Scenario)) from None


def dump_scenario(scenario: Scenario) -> str:
    """Write a scenario as YAML, its question as the comment on line 1 (or as a key, if it is not one plain line).

    Parameters
    ----------
    scenario
        Any scenario; `base_dir` is left out.

    Returns
    -------
    str
        What `load_scenario` reads.

    Examples
    --------
    >>> clients = [{"dataset": "xed", "lang": lang} for lang in ("en", "fi")]
    >>> dump_scenario(parse_scenario({"name": "mine", "question": "Why?", "clients": clients})).splitlines()[:2]
    ['# Why?', 'name: mine']
    """
    values = scenario.model_dump(exclude_none=True)
    values["strategies"] = [
        {"name": item["name"], **item["options"]} if item["options"] else item["name"] for item in values["strategies"]
    ]
    question = scenario.question
    as_comment = question.isprintable() and question == question.lstrip("# ").strip() != ""
    if as_comment or not question:
        del values["question"]
    body = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
    return f"# {question}\n{body}" if as_comment else body
