"""YAML from somewhere else: each key once, bounded, and no word that becomes something else unsaid."""

import time
from datetime import date

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.scenario import load_scenario
from fedot.scenario.yaml_file import apply_override, read_mapping
from fedot.text.yaml_text import MOST_BYTES, parse_yaml

HEAD = "name: s\nclients: [{dataset: x}, {dataset: y}]\n"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
)
MERGES = "m0: &m0 {a: 1}\n" + "".join(f"m{k}: &m{k} {{<<: [{', '.join([f'*m{k - 1}'] * 9)}]}}\n" for k in range(1, 12))
LONG = f"a: &a {'x' * 10_000}\nb: [{', '.join(['*a'] * 5000)}]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3", r"line 3: .*the key a is there twice"),
        ("a:\n  b: 1\n  'b': 2", r"line 3: .*the key b is there twice"),
        ("{1: a, 0x1: b}", "the key 0x1 is there twice"),
        ("a: {no: 1}", r"the key no is true or false to YAML; put it in quotes"),
        ("on: 1", r"line 1: .*the key on is true or false to YAML; put it in quotes"),
        ("~: 1", "the key ~ is nothing to YAML; put it in quotes"),
        ("? [a]\n: 1", "a key is no text to YAML"),
        ("a: 2020-01-02", "2020-01-02 is a date to YAML, and a scenario has none; put it in quotes"),
        ("2020-01-02: 1", "the key 2020-01-02 is no text to YAML"),
        ("a: !!binary aGk=", "the tag .*binary is not taken"),
        ("a: !!set {b}", "the tag .*set is not taken"),
        ("a: !!python/object/apply:os.system [ls]", "the tag .*python.* is not taken"),
        ("a: !x b", "the tag !x is not taken"),
        ("a: !!int ''", "no valid YAML"),
        ("a: !!bool x", "no valid YAML"),
        ("a: " + "9" * 5000, "a number has more than 40 digits"),
        ("a: " + "1" + ":59" * 100_000, "a number has more than 40 digits"),
        ("a: &a [*a]", "nested more than 24 deep"),
        ("[" * 100_000, "nested more than 24 deep"),
        ("- " * 100_000, "nested more than 24 deep"),
        (LAUGHS, r"its aliases \(\*\) make too much of it"),
        (MERGES, r"its aliases \(\*\) make too much of it"),
        (LONG, r"its aliases \(\*\) make too much of it"),
        ("a: b\n---\nc: d", "no valid YAML"),
        ("a: [", "no valid YAML"),
        ("a: \x1b", "no valid YAML"),
        ("x" * (MOST_BYTES + 1), "bytes, and no more are taken"),
    ],
    ids=range(27),
)
def test_what_nobody_would_expect_is_refused_in_one_line_and_soon(text, told):
    begun = time.monotonic()
    with pytest.raises(FedotError, match=told) as caught:
        parse_yaml(text, "s.yaml")
    assert time.monotonic() - begun < 20
    assert str(caught.value).startswith("s.yaml")
    assert str(caught.value).isprintable()


def test_anchors_within_bounds_are_taken():
    assert parse_yaml("a: &x {b: 1}\nc: {<<: *x, d: 2}\ne: *x", "s") == {
        "a": {"b": 1},
        "c": {"b": 1, "d": 2},
        "e": {"b": 1},
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(value=values)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_plain_values_are_read_as_the_library_reads_them(value):
    text = yaml.safe_dump(value, allow_unicode=True)
    assert parse_yaml(text, "s") == yaml.safe_load(text)


@given(text=st.text(max_size=60) | st.text("a:&*!<[]{}-?|>#'\"%@, \n1no2020-01-02", max_size=40))
@example("? \n? ")
@example("!!seq {a: 1}")
@example("=")
@settings(max_examples=400, deadline=None, derandomize=True)
def test_any_text_is_read_as_plain_values_or_refused_in_one_line(text):
    try:
        found = parse_yaml(text, "s")
    except FedotError as error:
        found = str(error)
        assert "\n" not in found
    assert not isinstance(found, date | bytes | set)


@given(text=st.text("a:&*[]{}-? \n1no", max_size=40))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_override_is_set_or_refused_in_one_line(text):
    document = {"a": [1, {"b": None}], "train": {"lr": 1}}
    try:
        apply_override(document, text)
        told = ""
    except FedotError as error:
        told = str(error)
    assert "\n" not in told
    assert told or "=" in text


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("clients.\u00b2.x=1", "nothing at \u00b2"),
        ("clients." + "9" * 5000 + "=1", "nothing at 9"),
        ("train={lr: 1, lr: 2}", "--set train, line 1: .*the key lr is there twice"),
        ("seeds=&a [*a]", "nested more than"),
        ("a\x1b[31m.b.c.d=[", "no valid YAML"),
        ("clients.0.lang=no", r"clients\.0\.lang: .*\(got False; YAML reads yes, no, on and off as true or false"),
        ("clients.0.name=2020-01-02", "is a date to YAML"),
    ],
)
def test_an_override_that_cannot_be_is_one_line(tmp_path, override, told):
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}train: {{epochs: 1}}\n", encoding="utf-8")
    with pytest.raises(FedotError, match=told) as caught:
        load_scenario(path, [override])
    assert str(caught.value).isprintable()


def test_a_large_file_and_a_key_that_writes_to_the_terminal(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("#" * (MOST_BYTES + 1), encoding="utf-8")
    with pytest.raises(FedotError, match="more than"):
        read_mapping(path)
    path.write_text(f'{HEAD}"\\e[31mred": 1\n', encoding="utf-8")
    with pytest.raises(FedotError, match="red is no key") as caught:
        load_scenario(path)
    assert str(caught.value).isprintable()
