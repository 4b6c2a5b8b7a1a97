"""Many models: reduced in a tree, or averaged one after the other."""

import importlib
import weakref
from dataclasses import replace

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.groups import streams_of
from fedot.fusion.problem.ensemble import gated_ensemble as ensemble
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.reduce.tree import few_for_all, shared_out
from fedot.fusion.refine.trainable import stream_sizes
from fedot.models import symmetry
from tests.fusion.small import VOCAB, copy_of, counts, make, run

fuse_module = importlib.import_module("fedot.fusion.fuse")  # the package has a function of the same name
distil_module = importlib.import_module("fedot.fusion.refine.distil")
prepare_module = importlib.import_module("fedot.fusion.problem.prepare")

MERGED = FusionConfig(method="merged", probe_texts=64, at_once=2)
ALIGNED = FusionConfig(method="aligned", class_shares=False)


@pytest.mark.parametrize("number", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("parts", [2, 3, 8])
def test_models_are_shared_out_evenly_in_their_order(number, parts):
    found = shared_out(range(number), parts)
    assert [model for part in found for model in part] == list(range(number))
    assert len(found) == min(number, parts)
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("at_once", [2, 3])
@pytest.mark.parametrize("settings", [{}, {"norm": "layer"}, {"positions": "rotary"}, {"activation": "swiglu"}])
def test_a_model_and_its_transformed_copies_give_it_back(settings, at_once):
    model = make(0, **settings)
    models = [model, *(copy_of(model, seed)[0] for seed in range(1, 6))]
    options = FusionConfig(method="merged", probe_texts=200, at_once=at_once)
    result = fuse(models, token_counts=counts(0) * 6, config=options)
    assert (result.config.d_model, result.config.n_head) == (model[1].d_model, model[1].n_head)
    expected = run(*model).log_softmax(-1)
    found = run({name: tensor.double() for name, tensor in result.state.items()}, result.config).log_softmax(-1)
    assert (found - expected).abs().max() < 0.1 * expected.abs().max()  # a step loses 0.02, and there are up to 5


@pytest.mark.parametrize("number", [3, 5, 8])
def test_what_stands_for_many_has_their_sums(number):
    weights = [float(k + 1) for k in range(number)]
    problem = prepare([make(k) for k in range(number)], weights=weights, token_counts=counts(0, number))
    seen = []

    def join(few):
        assert sum(few.weights) == pytest.approx(1.0)
        assert len(few.states) == 2
        seen.append(few)
        return few.states[0], few.config_of(0)

    found = few_for_all(problem, 2, join)
    assert len(seen) == number - 2
    assert len(found.states) == 2
    assert sum(found.weights) == pytest.approx(1.0)
    half = number // 2
    assert found.weights[0] == pytest.approx(sum(weights[:half]) / sum(weights))
    torch.testing.assert_close(found.counts["vocab"].sum(0), problem.counts["vocab"].sum(0))
    torch.testing.assert_close(found.counts["vocab"][0], problem.counts["vocab"][:half].sum(0))


def test_few_models_are_side_by_side_as_they_are():
    problem = prepare([make(0), make(1)], token_counts=counts(0, 2))
    assert few_for_all(problem, 2, pytest.fail) is problem


def test_widths_below_are_the_widest_and_above_the_anchors():
    small, large = make(0), make(1, d_model=24, n_head=4, d_ff=40)
    models, widths = [small, large, small, small, small], []
    problem = prepare(models, token_counts=counts(0, 5), anchor=3)

    def join(few):
        widths.append(few.widths.d_model)
        return few.states[0], few.config_of(0)

    assert few_for_all(problem, 2, join).widths.d_model == 16
    assert widths == [24, 16, 16]  # of models 0 and 1; 3 and 4; then 2 and what came of these
    assert fuse(models, token_counts=counts(0, 5), anchor=3, config=MERGED).config.d_model == 16
    wide = fuse(models, token_counts=counts(0, 5), anchor=3, config=FusionConfig(method="merged", size=1.5, at_once=2))
    assert wide.config.d_model == 24


def test_one_without_a_vote_gives_widths_and_nothing_else():
    models = [make(k) for k in range(4)]
    told = {"token_counts": counts(0, 4), "config": MERGED}
    alone = fuse(models, **told)
    with_another = fuse(
        [*models, make(9)],
        token_counts=[*counts(0, 4), counts(5)[0]],
        weights=[1, 1, 1, 1, 0],
        anchor=4,
        config=MERGED,
    )
    for name, tensor in alone.state.items():
        torch.testing.assert_close(with_another.state[name], tensor, rtol=1e-4, atol=1e-5)


def test_own_vocabularies_are_united_in_the_order_of_the_models():
    words = [[f"{k}.{i}" if i > 20 else str(i) for i in range(VOCAB)] for k in range(4)]
    result = fuse([make(k) for k in range(4)], token_counts=counts(0, 4), vocabularies=words, config=MERGED)
    assert result.vocabulary == tuple(dict.fromkeys(word for row in words for word in row))
    assert len(result.state["tok_emb.weight"]) == len(result.vocabulary)
    symmetry(result.config).validate(result.state)


def test_a_reduction_in_a_tree_tells_how_its_few_models_fit():
    result = fuse([make(k) for k in range(4)], token_counts=counts(0, 4), config=MERGED)
    assert len(result.aligned) == len(result.diagnostics) == 4


@pytest.fixture
def many(monkeypatch):
    """Three models are many."""
    monkeypatch.setattr(fuse_module, "COMPARED", 2)


@pytest.fixture
def alive(monkeypatch):
    """How many canonical models are in memory at most."""
    kept, most = weakref.WeakSet(), [0]

    class Kept(dict):
        __hash__ = object.__hash__

    made = prepare_module.relabel

    def relabel(*args):
        state = Kept(made(*args))
        kept.add(state)
        most[0] = max(most[0], len(kept))
        return state

    monkeypatch.setattr(prepare_module, "relabel", relabel)
    return most


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("config", [MERGED, ALIGNED], ids=["merged", "aligned"])
def test_of_many_models_few_are_in_memory(config, alive):
    fuse([make(k) for k in range(16)], token_counts=counts(0, 16), config=config)
    assert 1 <= alive[0] <= 3


@pytest.mark.usefixtures("many")
def test_many_give_the_same_reduction_to_the_bit_and_no_comparison(monkeypatch):
    models, told = [make(k) for k in range(5)], {"token_counts": counts(0, 5), "config": MERGED}
    few_at_a_time = fuse(models, **told)
    assert few_at_a_time.aligned == few_at_a_time.diagnostics == ()
    monkeypatch.setattr(fuse_module, "COMPARED", 12)
    whole = fuse(models, **told)
    assert len(whole.aligned) == 5
    assert all(torch.equal(tensor, whole.state[name]) for name, tensor in few_at_a_time.state.items())


@pytest.mark.parametrize("settings", [{}, {"positions": "rotary"}, {"norm_position": "post"}, {"norm": "layer"}])
@pytest.mark.parametrize("options", [{}, {"circuits": False}, {"count_rows": False}, {"mass": "l2"}])
@pytest.mark.parametrize("anchor", [1, 4])
def test_a_running_mean_is_that_of_all(settings, options, anchor, monkeypatch):
    models = [make(k, **settings) for k in range(5)]
    told = {"token_counts": counts(0, 5), "weights": [1, 2, 3, 4, 0], "anchor": anchor}
    told["config"] = FusionConfig(method="aligned", **options)
    whole = fuse(models, **told)
    monkeypatch.setattr(fuse_module, "COMPARED", 2)
    found = fuse(models, **told)
    assert len(whole.aligned) == 5
    assert found.aligned == found.diagnostics == found.alignments == ()
    assert list(found.state) == list(whole.state)
    torch.testing.assert_close(run(found.state, found.config), run(whole.state, whole.config), rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("config", [MERGED, ALIGNED], ids=["merged", "aligned"])
def test_a_broken_one_of_many_is_named(config):
    models = [make(k) for k in range(5)]
    state, shape = models[3]
    models[3] = ({**state, "classifier.bias": state["classifier.bias"] + torch.nan}, shape)
    with pytest.raises(FedotError, match=r"^model 3 holds NaN or infinite values in classifier\.bias"):
        fuse(models, token_counts=counts(0, 5), config=config)


def test_streams_have_the_sizes_that_all_models_have():
    """Not those of what the tree's last few were reduced to, which do not train well."""
    models = [make(k) for k in range(5)]
    result = fuse(models, token_counts=counts(0, 5), config=MERGED)
    spec = symmetry(result.config)
    assert streams_of(spec)
    assert result.config == replace(result.config, d_model=16)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in result.state.values())
    problem = prepare(models, token_counts=counts(0, 5))
    wanted = stream_sizes(problem.states, problem.specs)
    found = stream_sizes([result.state], [spec])
    assert found == pytest.approx(wanted, rel=1e-4)


def test_what_is_distilled_is_the_ensemble_of_all(monkeypatch):
    heard = []
    monkeypatch.setattr(distil_module, "gated_ensemble", lambda problem: heard.append(problem) or ensemble(problem))
    models = [make(k) for k in range(5)]
    told = {"token_counts": counts(0, 5), "class_counts": [torch.tensor([3, 2, 1])] * 5}
    config = FusionConfig(method="merged", probe_texts=32, at_once=2, distil_steps=1)
    plan = fuse(models, **told, config=config).plan
    assert [type(each).__name__ for each in plan.refinements] == ["Refit", "Distil", "Rescale", "ClassShares"]
    assert [len(problem.states) for problem in heard] == [5]
