"""The scenario reference is the schema's, and every key of the schema says what it means."""

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

from scenario_page import KINDS, parameters, scenario_page, sections  # noqa: E402

from fedot.models.shape import Shape  # noqa: E402
from fedot.scenario import Scenario  # noqa: E402

KEYS = [
    pytest.param(section, key, id=f"{section.__name__}.{key}")
    for section in sections(Scenario)
    for key in section.model_fields
]


def test_all_sections_are_found() -> None:
    assert len(KEYS) > 60


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_every_key_has_a_description(section: type, key: str) -> None:
    described = section.model_fields[key].description  # type: ignore[attr-defined]
    assert described, f"write one line below {section.__name__}.{key} that says what it means"
    assert described.endswith(".")
    assert "\n" not in described.strip()


@pytest.mark.parametrize("kind", [Shape, *KINDS.values()], ids=lambda kind: kind.__name__)
def test_every_option_of_a_model_and_a_stage_has_a_description(kind: type) -> None:
    told = parameters(kind)
    assert not [name for name in kind.__dataclass_fields__ if not told.get(name)]  # type: ignore[attr-defined]


def test_the_page_is_that_of_the_schema() -> None:
    written = (DOCS / "scenario_reference.md").read_text(encoding="utf-8")
    assert written == scenario_page(), "run `python docs/_ext/scenario_page.py`"
