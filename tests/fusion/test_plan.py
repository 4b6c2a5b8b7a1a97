"""A fusion is a plan: made once, from all but the tensors; written, read back and run again."""

import json
import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, FusionPlan, fuse
from fedot.fusion.align.align_options import Align
from fedot.fusion.by_part import large as large_module
from fedot.fusion.plan import plan_fusion, plan_without_models
from fedot.fusion.plan.config import OF_METHODS, OPTIONS, STEPS, SWITCHES
from fedot.fusion.plan.stages import KINDS, METHODS, OPTIONAL
from fedot.fusion.problem.prepare import frame
from fedot.fusion.refine.class_shares import ClassShares
from fedot.fusion.refine.classifier import Refit
from fedot.fusion.refine.distil import Distil
from fedot.fusion.refine.learned_maps import LearnMaps
from fedot.fusion.refine.repair import Repair
from fedot.models import symmetry
from tests.fusion import disk
from tests.fusion.small import counts, make

FEW = {"probe_texts": 16}
CLASSES = [torch.tensor([5, 9, 2]), torch.tensor([1, 2, 8])]
ON = {"repair": True, "refit": True, "class_shares": True, "learn_steps": 2, "distil_steps": 2}


def known(number=2):
    return {"token_counts": counts(0, number), "class_counts": CLASSES[:number]}


def framed(config, **rest):
    """A plan of two models whose tensors nobody has."""
    configs = [make(k)[1] for k in (0, 1)]
    return plan_fusion(config, frame(configs, [symmetry(each) for each in configs], **rest))


def read_back(plan):
    return FusionPlan.from_dict(json.loads(json.dumps(plan.as_dict())))


def tried(make):
    """What comes of it, or None and why not."""
    try:
        return make(), ""
    except FedotError as error:
        return None, str(error)


def equal(one, other):
    return all(torch.equal(tensor, other.state[name]) for name, tensor in one.state.items())


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_without_models_is_what_it_is_written_as(method):
    options = {name: value for name, value in ON.items() if name in OF_METHODS[method]}
    plan = plan_without_models(FusionConfig(method=method, **options))
    assert read_back(plan) == plan
    assert [type(stage) for stage in plan.stages] == list(METHODS[method])


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_a_plan_is_made_before_a_tensor_is_read_and_says_all_that_is_done(method):
    plan = framed(FusionConfig(method=method), **known())
    assert plan.method != "auto"
    assert read_back(plan) == plan
    for stage, written in zip(plan.stages, plan.as_dict()["stages"], strict=True):
        assert KINDS[written.pop("stage")] is type(stage)
        assert written == {each.name: getattr(stage, each.name) for each in fields(stage)}


@pytest.mark.parametrize(
    ("config", "stages"),
    [
        (FusionConfig(**FEW), "merged"),
        (FusionConfig(method="aligned", solver="sinkhorn", **FEW), "aligned"),
        (FusionConfig(method="aligned", **ON, **FEW), "aligned"),
        (FusionConfig(method="merged", refit=False, class_shares=False, **FEW), "merged"),
        (FusionConfig(method="aligned", anchor="medoid", scheme="universe", **FEW), "aligned"),
        (FusionConfig(method="imfeld", flow_reg=0.1, **FEW), "imfeld"),
    ],
)
def test_a_plan_that_is_read_back_does_the_same_again(config, stages):
    models = [make(0), make(1)]
    first = fuse(models, config=config, **known())
    assert first.plan.method == stages
    again = fuse(models, config=read_back(first.plan), **known())
    assert again.plan == first.plan
    assert equal(first, again)
    other = fuse(models, config=FusionConfig(method="vanilla"), **known())
    assert not equal(first, other)


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ("masses", "the mass is `given`, but no masses were"),
        ("class_counts", "no class counts were given"),
        ("token_counts", "learn_steps draws texts from token counts"),
    ],
)
def test_a_plan_that_lacks_what_it_needs_is_refused_in_one_line(lacking, told):
    models = [make(0), make(1)]
    config = {
        "token_counts": FusionConfig(method="aligned", learn_steps=2, **FEW),
        "class_counts": FusionConfig(**FEW),
        "masses": FusionConfig(method="aligned", mass="given"),
    }[lacking]
    plan = framed(config, masses=[{}, {"ffn.0": torch.ones(24)}], **known())
    with pytest.raises(FedotError, match=told):
        fuse(models, config=plan, **(known() | {lacking: None, "class_counts": None}))


def test_part_by_part_the_same_plan_is_run(monkeypatch):
    models, config = [make(0), make(1)], FusionConfig(method="aligned", mass="l2")
    whole = fuse(models, config=config, **known())
    monkeypatch.setattr(large_module, "LARGE", 1)
    first = fuse(models, config=config, **known())
    assert first.plan == whole.plan
    assert first.plan.find(ClassShares) is not None
    assert equal(first, fuse(models, config=read_back(first.plan), **known()))


@pytest.mark.parametrize("options", [[], ["--method", "aligned", "--set", "solver=sinkhorn"]])
def test_a_fused_file_holds_its_plan_which_is_run_again(tmp_path, options):
    told = {"token-counts": json.dumps([0] + [3] * (disk.VOCAB - 1))}
    pair = [disk.write(tmp_path / f"{k}.safetensors", *disk.model(k), **told) for k in (0, 1)]
    first, again, other = (tmp_path / f"{name}.safetensors" for name in ("first", "again", "other"))
    assert disk.call(*pair, "-o", first, *options).exit_code == 0
    with safe_open(first, "pt") as file:
        plan = FusionPlan.from_dict(json.loads(file.metadata()["fusion-plan"]))
    assert plan.method == ("aligned" if options else "merged")
    done = disk.call(*pair, "-o", again, "--plan", first)
    assert done.exit_code == 0, done.output
    assert first.read_bytes() == again.read_bytes()
    (tmp_path / "plan.json").write_text(json.dumps(plan.as_dict()))
    assert disk.call(*pair, "-o", other, "--plan", tmp_path / "plan.json").exit_code == 0
    assert all(torch.equal(tensor, load_file(other)[name]) for name, tensor in load_file(first).items())
    both = disk.call(*pair, "-o", other, "--force", "--plan", first, "--method", "aligned")
    assert both.exit_code == 2
    assert "--plan says all that is done" in both.output
    none = disk.call(*pair, "-o", other, "--force", "--plan", pair[0])
    assert "holds no plan of a fusion" in none.output


def test_a_dry_run_prints_the_plan(tmp_path):
    pair = [disk.write(tmp_path / f"{k}.safetensors", *disk.model(k)) for k in (0, 1)]
    done = disk.call(*pair, "-o", tmp_path / "out", "--dry-run", "--method", "aligned", "--set", "solver=sinkhorn")
    assert "align: support weights, ground_cost squared-euclidean, solver sinkhorn" in done.output
    assert "average: circuits True, count_rows True" in done.output


@pytest.mark.parametrize(
    ("name", "kind"),
    [("repair", Repair), ("refit", Refit), ("class_shares", ClassShares), ("learn_steps", LearnMaps)],
)
def test_an_optional_stage_is_there_where_it_is_asked_for_and_nowhere_else(name, kind):
    off = 0 if name in STEPS else False
    assert framed(FusionConfig(method="aligned", **{name: ON[name]}), **known()).find(kind)
    assert framed(FusionConfig(method="aligned", **{name: off}), **known()).find(kind) is None
    assert framed(FusionConfig(method="merged", **{name: off}), **known()).find(kind) is None


def test_distillation_goes_with_every_method():
    for method in METHODS:
        assert framed(FusionConfig(method=method, distil_steps=3), **known()).find(Distil) == Distil(3)


@pytest.mark.parametrize(
    "options",
    [
        {"anchor": "largest"},
        {"probe_texts": 7},
        {"refit": True},
        {"refit": False},
        {"class_shares": True},
        {"class_shares": False},
        {"distil_steps": 3},
        {"distil_steps": 0},
        {"learn_steps": 0},
        {"repair": False},
    ],
)
def test_no_option_of_the_automatic_choice_changes_it(options):
    post = {"norm_position": "post", "norm": "layer"}
    for config in (make(0)[1], make(0, **post)[1]):
        for shared in (False, True):
            problem = frame([config] * 2, [symmetry(config)] * 2, **known())
            plain, found = (plan_fusion(FusionConfig(**each), problem, shared_start=shared) for each in ({}, options))
            assert plain.method == found.method == ("aligned" if shared or config.norm_position == "post" else "merged")


@pytest.mark.parametrize("name", [name for name in OPTIONS if name not in (*SWITCHES, *STEPS)])
def test_an_option_of_another_method_is_an_error_that_names_where_it_belongs(name):
    value = next(
        getattr(kind(), name) for kinds in METHODS.values() for kind in kinds if name in {f.name for f in fields(kind)}
    )
    for method, names in OF_METHODS.items():
        if name in names:
            FusionConfig(method=method, **{name: value})
        else:
            with pytest.raises(
                FedotError, match=f"fusion.{name} is an option of the method .*; add method: "
            ) as caught:
                FusionConfig(method=method, **{name: value})
            owner = str(caught.value).rsplit(" ", 1)[-1]
            FusionConfig(method=owner, **{name: value})


@pytest.mark.parametrize("kind", KINDS.values())
@pytest.mark.parametrize("value", ["much", -1, math.nan, math.inf, [1], {}, True, 0.5, None])
def test_a_value_of_the_wrong_kind_is_one_line(kind, value):
    for each in fields(kind):
        stage, told = tried(lambda name=each.name: kind(**{name: value}))
        if stage is None:
            assert told.startswith(f"fusion.{each.name} is ")
            assert "\n" not in told
        else:  # a value that is possible stays what it is
            assert getattr(stage, each.name) is value
            assert isinstance(value, bool) == isinstance(getattr(kind(), each.name), bool)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda plan: plan | {"method": "auto"}, "has the method 'auto'; choose from aligned"),
        (lambda plan: plan | {"method": ["aligned"]}, "has the method"),
        (lambda plan: {"method": plan["method"]}, "a mapping with method and stages"),
        (lambda plan: plan | {"more": 1}, "a mapping with method and stages"),
        (lambda plan: plan | {"stages": plan["stages"][::-1]}, "in their order"),
        (lambda plan: plan | {"stages": plan["stages"][:-1]}, "in their order"),
        (lambda plan: plan | {"stages": plan["stages"] * 2}, "in their order"),
        (lambda plan: plan | {"stages": [{"stage": "melt"}]}, "a stage of a fusion's plan cannot be read"),
        (lambda plan: plan | {"stages": [{"stage": []}]}, "a stage of a fusion's plan cannot be read"),
        (lambda plan: plan | {"stages": [7]}, "a stage of a fusion's plan cannot be read"),
        (lambda plan: plan | {"stages": [{"stage": "basis"}]}, "has, or lacks, the option anchor"),
        (lambda plan: plan | {"stages": [{"stage": "basis", "anchor": "x"}]}, "fusion.anchor is 'x'; choose from"),
        (lambda plan: [plan], "a mapping with method and stages"),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(change, told):
    plan = plan_without_models(FusionConfig(method="aligned")).as_dict()
    with pytest.raises(FedotError) as caught:
        FusionPlan.from_dict(change(plan))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


VALUES = st.one_of(
    st.booleans(), st.integers(-2, 300), st.floats(), st.none(), st.sampled_from(["exact", "l2", "mean", "medoid", "x"])
)


@given(
    method=st.sampled_from(["auto", *METHODS, "melt"]),
    options=st.dictionaries(st.sampled_from([*OPTIONS, "solvr"]), VALUES, max_size=4),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_options_make_a_plan_or_one_line(method, options):
    plan, told = tried(lambda: plan_without_models(FusionConfig(method=method, **options)))
    assert "\n" not in told
    if plan is not None:
        assert FusionPlan.from_dict(plan.as_dict()) == plan
        assert all(kind in METHODS[plan.method] for kind in map(type, plan.stages))
        assert {kind for kind in METHODS[plan.method] if kind not in OPTIONAL} <= set(map(type, plan.stages))


def test_the_plan_does_not_depend_on_how_large_models_are_but_for_the_classifier():
    configs = [make(k, norm_position="post", norm="layer")[1] for k in (0, 1)]
    problem = frame(configs, [symmetry(each) for each in configs], **known())
    small, large = (plan_fusion(FusionConfig(), problem, large=large) for large in (False, True))
    assert small.find(Refit)
    assert tuple(stage for stage in small.stages if not isinstance(stage, Refit)) == large.stages
    assert small.get(Align) == Align()
