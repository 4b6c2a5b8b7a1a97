"""Whatever is written where a plan should be: it is a plan, or one line that says what is wrong with it."""

import copy
import json
import math
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fedot.errors import FedotError
from fedot.from_disk.metadata import PLAN
from fedot.fusion import FusionConfig, FusionPlan
from fedot.fusion.plan import plan_without_models
from fedot.fusion.plan.config import OF_METHODS, STEPS
from fedot.fusion.plan.stages import KINDS, METHODS
from tests.fusion.disk import call, model, write

ON = {"repair": True, "refit": True, "class_shares": True, "learn_steps": 2, "distil_steps": 2}
LONGEST = 500

FOREIGN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just(10**400) | st.just("x\ny"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
quiet = settings(max_examples=150, deadline=None, derandomize=True)


def full(method):
    """A plan with every stage that a method can have, as it is written."""
    options = {name: value for name, value in ON.items() if name in OF_METHODS[method]}
    return plan_without_models(FusionConfig(method=method, **options)).as_dict()


def read(values):
    """What is read, or None; a refusal is one line and has an end."""
    plan, told = None, ""
    try:
        plan = FusionPlan.from_dict(values)
    except FedotError as error:
        told = str(error)
    assert "\n" not in told
    assert len(told) < LONGEST
    assert plan is None or FusionPlan.from_dict(json.loads(json.dumps(plan.as_dict()))) == plan
    return plan


@quiet
@given(values=FOREIGN)
def test_anything_but_a_plan_is_one_line(values):
    assert read(values) is None
    assert read({"method": "aligned", "stages": values}) is None
    assert read({"method": values, "stages": full("aligned")["stages"]}) is None


@quiet
@given(data=st.data(), method=st.sampled_from(sorted(METHODS)), value=FOREIGN)
def test_a_plan_of_which_one_thing_is_changed_is_a_plan_or_one_line(data, method, value):
    written = copy.deepcopy(full(method))
    assert read(written) is not None
    stage = data.draw(st.sampled_from(written["stages"]))
    key = data.draw(st.sampled_from([*stage, "odd\nkey"]))
    stage[key] = value
    found = read(written)
    assert found is None or found.as_dict() == written


@quiet
@given(data=st.data(), method=st.sampled_from(sorted(METHODS)))
def test_stages_that_are_moved_repeated_or_of_another_method_are_no_plan(data, method):
    written = full(method)
    stages = list(written["stages"])
    others = data.draw(st.lists(st.sampled_from([*stages, *({"stage": name} for name in KINDS)]), max_size=9))
    found = read({"method": method, "stages": others})
    if found is not None:  # the stages of the method in their order, none of them twice, some of the optional left out
        places = [stages.index(each) for each in others]
        assert places == sorted(set(places))
        assert found.as_dict()["stages"] == others


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_says_every_option(method):
    for stage in full(method)["stages"]:
        for name in stage.keys() - {"stage"}:
            short = full(method)
            [found] = [each for each in short["stages"] if each["stage"] == stage["stage"]]
            del found[name]
            assert read(short) is None


NO_PLANS = {
    "deep": "[" * 100_000,
    "deep in a plan": json.dumps({"method": "aligned", "stages": 0})[:-2] + "[" * 40 + "]" * 40 + "}",
    "twice": '{"method": "aligned", "method": "merged", "stages": []}',
    "cut": json.dumps(full("aligned"))[:-9],
    "nothing": "",
    "a number": "7",
    "too long a number": '{"method": "aligned", "stages": ' + "9" * 5000 + "}",
    "not a number": json.dumps(full("aligned")).replace("0.05", "NaN"),
    "endless": json.dumps(full("aligned")).replace("0.05", "Infinity"),
    "surrogates": '{"method": "\\ud800", "stages": []}',
    "lines": json.dumps({"method": "a\nb\x1b[31m", "stages": []}),
    "long": json.dumps({"method": "x" * 10**6, "stages": []}),
}


@pytest.mark.parametrize("kind", NO_PLANS)
def test_a_file_that_holds_no_plan_is_refused_in_one_line_and_nothing_is_written(kind, tmp_path):
    pair = [write(tmp_path / f"{k}.safetensors", *model(k)) for k in (0, 1)]
    (tmp_path / "plan.json").write_text(NO_PLANS[kind])
    fused = tmp_path / "fused.safetensors"
    save_file(load_file(pair[0]), fused, metadata={PLAN: NO_PLANS[kind]})
    for plan in (tmp_path / "plan.json", fused):
        done = call(*pair, "-o", tmp_path / "out.safetensors", "--plan", plan)
        assert done.exit_code == 2
        assert done.exception is None or isinstance(done.exception, SystemExit)
        assert done.output.startswith("error: ")
        assert done.output.count("\n") == 1
        assert "\x1b" not in done.output
        assert len(done.output) < 2 * LONGEST
    assert not (tmp_path / "out.safetensors").exists()


WRONG = {
    bool: ["yes", 1, 0, 1.0, None, [True], {}],
    int: [True, "1", 1.0, 0, -1, math.nan, math.inf, None, [1], {}],
    float: [True, "1", 0, 0.0, -0.5, math.nan, math.inf, -math.inf, 10**400, [1.0], {}],
    str: [True, 1, "", "none of these", None, ["exact"], {}],
}
"""By the type of an option's default, values that it never takes."""


@pytest.mark.parametrize(("name", "option"), [(name, each.name) for name in KINDS for each in fields(KINDS[name])])
def test_a_value_of_another_type_or_out_of_range_is_refused_wherever_it_is_said(name, option):
    method = next(method for method, kinds in METHODS.items() if KINDS[name] in kinds)
    default = getattr(KINDS[name](), option)
    wrong = WRONG[float if default is None else type(default)]
    for value in wrong:
        with pytest.raises(FedotError, match=f"^fusion.{option} is "):
            KINDS[name](**{option: value})
        written = full(method)
        [stage] = [each for each in written["stages"] if each["stage"] == name]
        stage[option] = value
        with pytest.raises(FedotError, match=f"^fusion.{option} is "):
            FusionPlan.from_dict(written)
        if value != 0 or option not in STEPS or isinstance(value, bool):  # 0 steps leave the stage out
            with pytest.raises(FedotError, match=f"^fusion.{option} is "):
                FusionConfig(method=method, **{option: value})


def test_numbers_beyond_a_float_and_names_of_python_are_refused():
    for options in ({"reg": 10**400}, {"self": 1}, {"odd\nname": 1}, {"solver": "x" * 10**6}):
        with pytest.raises(FedotError) as caught:
            FusionConfig.from_options({"method": "aligned", **options})
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < LONGEST
