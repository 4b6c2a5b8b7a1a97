"""Learned alignment: models keep computing what they did, copies stay copies, and poor alignments become better."""

from dataclasses import replace

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.align.average import average_aligned
from fedot.fusion.by_part import large as large_module
from fedot.fusion.by_part.large import by_parts
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps
from fedot.fusion.plan import plan_fusion
from fedot.fusion.plan.config import OF_METHODS
from fedot.fusion.plan.stages import METHODS
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.learned_maps import (
    HELD_OUT,
    Learning,
    LearnMaps,
    examples,
    goal_of,
    held_out,
    learn,
    learn_turns,
    losses,
    mixed_rows,
    runner,
)
from fedot.fusion.refine.turns import from_anchor, no_angles, turned, turns_of
from fedot.fusion.texts.probe import Probe
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from tests.fusion.small import VOCAB, copy_of, counts, make, run
from tests.fusion.small import fused as fused_by
from tests.groups import randomise
from tests.models.variants import canonical_of

SETTINGS = [
    {},
    {"activation": "relu", "norm": "layer"},
    {"activation": "swiglu", "positions": "rotary"},
    {"norm_position": "post", "norm": "layer"},
]
ALIGNED = FusionConfig(method="aligned")
LEARNT = FusionConfig(method="aligned", learn_steps=5)
SHORT = Learning(steps=12, checks=2)


def judge(problem):
    """What `learn_turns` and `losses` find good, and how they run a state."""
    return goal_of(problem, SHORT), runner(problem)


def shares(problem):
    """Shares of every model in every row."""
    return problem.row_shares(by_count=True)


def poorly_aligned(count=2, **settings):
    """Models of which all but the first were turned; nobody brings them back: (problem, fused)."""
    models = [make(seed, **settings) for seed in range(count)]
    problem = prepare(models, weights=range(1, count + 1), token_counts=counts(0, count))
    states = [problem.states[0]]
    for k in range(1, count):
        spec = problem.specs[k]
        angles = {
            name: 0.3 * torch.randn(angle.shape, generator=torch.Generator().manual_seed(k)).double()
            for name, angle in no_angles(spec).items()
        }
        states.append(turned(problem.states[k], spec, turns_of(spec, angles), Alignment({}, {})))
    problem = replace(problem, states=tuple(states))
    average = average_aligned(states, problem.weights, problem.specs[0], problem.row_shares(by_count=True))
    return problem, Fused(average, tuple(states), (Alignment({}, {}),) * count)


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_learned_model_computes_what_it_did(settings):
    models = [make(seed, **settings) for seed in range(3)]
    problem = prepare(models, weights=[1, 2, 1], token_counts=counts(0, 3))
    spec, before = problem.specs[0], fused_by(problem, ALIGNED)
    found = learn_turns(before, TextSource(problem), shares(problem), [1, 2], SHORT, *judge(problem))
    assert list(found) == [1, 2]
    for k, turns in found.items():
        state = turned(before.aligned[k], spec, turns, before.alignments[k])
        assert any(not torch.allclose(state[name], before.aligned[k][name], atol=1e-3) for name in state)
        torch.testing.assert_close(run(state, models[0][1]), run(*models[k]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("anchor", [0, 1])
@pytest.mark.parametrize("scheme", ["one-pass", "universe"])
def test_the_reported_maps_are_those_of_the_reported_models(anchor, scheme):
    models = [make(0), make(1)]
    config = FusionConfig(method="aligned", learn_steps=8, scheme=scheme)
    plain = fuse(models, token_counts=counts(0, 2), anchor=anchor, config=FusionConfig(method="aligned", scheme=scheme))
    result = fuse(models, token_counts=counts(0, 2), anchor=anchor, config=config)
    other, spec = 1 - anchor, symmetry(result.config)
    assert not torch.allclose(
        result.aligned[other]["tok_emb.weight"], plain.aligned[other]["tok_emb.weight"], atol=1e-3
    )
    for name in result.aligned[anchor]:
        torch.testing.assert_close(result.aligned[anchor][name], plain.aligned[anchor][name], rtol=0, atol=1e-6)
    state = prepare(models).states[other]
    for name, tensor in apply_maps(state, spec, result.alignments[other].maps).items():
        torch.testing.assert_close(tensor.float(), result.aligned[other][name], rtol=0, atol=1e-5)
    squares = result.alignments[other].maps["residual"].write.T.square()
    torch.testing.assert_close(torch.from_numpy(result.alignments[other].couplings["residual"].plan) * 16, squares)
    moved = [(plain.diagnostics[other].groups[name], group) for name, group in result.diagnostics[other].groups.items()]
    assert all(old.cost == new.cost for old, new in moved)
    assert result.diagnostics[other].groups["residual"].fit != plain.diagnostics[other].groups["residual"].fit


@pytest.mark.parametrize("settings", SETTINGS)
def test_copies_of_one_model_have_nothing_to_learn(settings):
    model = make(0, **settings)
    twin, _ = copy_of(model, seed=3)
    result = fuse([model, twin], token_counts=counts(0, 2), config=FusionConfig(method="aligned", learn_steps=5))
    torch.testing.assert_close(run(result.state, result.config), run(*model).float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("count", [2, 3])
def test_poorly_aligned_models_come_closer(count):
    problem, fused = poorly_aligned(count)
    options = Learning(steps=40)
    better = learn(fused, TextSource(problem), shares(problem), options)
    before, after = losses([fused.state, better.state], TextSource(problem), options, *judge(problem))
    assert after < 0.7 * before
    for old, new in zip(fused.aligned, better.aligned, strict=True):
        torch.testing.assert_close(run(new, make(0)[1]), run(old, make(0)[1]), rtol=0, atol=1e-6)


def test_what_does_not_help_is_not_kept():
    twin, _ = copy_of(make(0), seed=3)
    problem = prepare([make(0), twin], token_counts=counts(0, 2))
    fused = fused_by(problem, ALIGNED)
    assert learn(fused, TextSource(problem), shares(problem), Learning(steps=3, lr=50.0)) is fused


def test_the_same_models_give_the_same_bits():
    first, second = (
        fuse([make(0), make(1)], token_counts=counts(0, 2), config=FusionConfig(method="aligned", learn_steps=5))
        for _ in range(2)
    )
    assert all(torch.equal(tensor, second.state[name]) for name, tensor in first.state.items())


def test_unmatched_neurons_stay_the_anchors():
    problem = prepare([make(0), make(1)], token_counts=counts(0, 2))
    config = FusionConfig(method="aligned", solver="partial", mass_share=0.5)
    before = fused_by(problem, config)
    after = learn(before, TextSource(problem), shares(problem), SHORT)
    assert after is not before
    alone = torch.from_numpy(before.alignments[1].couplings["ffn.0"].anchor_mass <= 0)
    assert 0 < int(alone.sum()) < len(alone)
    up = "layers.0.ffn.up.weight"
    assert torch.equal(after.aligned[1][up][alone], problem.states[0][up][alone])
    assert not torch.equal(after.aligned[1][up][~alone], before.aligned[1][up][~alone])


def test_a_model_without_a_vote_is_left_where_it_is():
    models = [make(seed) for seed in range(3)]
    config = FusionConfig(method="aligned", learn_steps=5)
    plain, learned = (
        fuse(models, weights=[0, 1, 1], token_counts=counts(0, 3), config=each) for each in (ALIGNED, config)
    )
    assert all(torch.equal(plain.aligned[0][name], learned.aligned[0][name]) for name in plain.state)
    assert not torch.equal(plain.aligned[1]["tok_emb.weight"], learned.aligned[1]["tok_emb.weight"])
    alone = fuse([make(0)], token_counts=counts(0), config=config)
    torch.testing.assert_close(run(alone.state, alone.config), run(*make(0)).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["decoder", "seq2seq"])
def test_other_architectures_learn_too(name):
    shape = {"d_model": 16, "n_layer": 1, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}
    config = model_config({"name": name, **shape}, 60, 0)
    ties = symmetry(config).ties
    models = [(randomise(state_of(build_model(config, seed)), seed, ties), config) for seed in (0, 1)]
    problem = prepare(models, token_counts=counts(0, 2))
    before = fused_by(problem, ALIGNED)
    options = Learning(steps=15, checks=2)
    after = learn(before, TextSource(problem), shares(problem), options)
    old, new = losses([before.state, after.state], TextSource(problem), options, *judge(problem))
    assert new < old
    inputs = (torch.randint(1, 60, (3, 8)),) * (2 if name == "seq2seq" else 1)
    with torch.no_grad():
        logits = [load_model(problem.config_of(0), state)(*inputs) for state in (problem.states[1], after.aligned[1])]
    torch.testing.assert_close(*logits, rtol=0, atol=1e-6)


def test_tied_models_learn_as_one_tensor():
    shape = {"d_model": 16, "n_layer": 1, "n_head": 4, "d_ff": 24, "max_length": 12, "dropout": 0.0}
    config = model_config({"name": "decoder", **shape, "tied": True, "norm_position": "post"}, 60, 0)
    ties = symmetry(canonical_config(config)).ties
    assert ties
    models = [(randomise(state_of(build_model(config, seed)), seed, ties), config) for seed in (0, 1)]
    result = fuse(models, token_counts=counts(0, 2), config=FusionConfig(method="aligned", learn_steps=3))
    for copy, original in ties:
        assert torch.equal(result.state[copy], result.state[original])


def test_widths_and_words_may_differ():
    models = [make(0), make(1, d_model=12, n_head=3, d_head=4, d_ff=20)]
    result = fuse(models, token_counts=counts(0, 2), config=FusionConfig(method="aligned", learn_steps=5))
    assert result.aligned[1]["layers.0.ffn.up.weight"].shape == (24, 16)
    assert torch.isfinite(run(result.state, result.config)).all()


def test_zeros_of_a_learned_map_get_gradients():
    state, config = make(0)
    spec, eye = symmetry(config), torch.eye(16, dtype=torch.float64, requires_grad=True)
    apply_maps(state, spec, {"residual": GroupMap(eye, eye)})["tok_emb.weight"].square().sum().backward()
    assert int(eye.grad.count_nonzero()) == 16 * 16


def test_shares_of_rows_are_multiplied_and_sum_to_one():
    rows = {"vocab": torch.tensor([[0.5, 1.0, 0.2], [0.5, 0.0, 0.8]])}
    mixed = mixed_rows(rows, torch.tensor([1.2, 0.8]))["vocab"]
    torch.testing.assert_close(mixed, torch.tensor([[0.6, 1.0, 0.24 / 0.88], [0.4, 0.0, 0.64 / 0.88]]))


def test_a_single_voter_beside_an_anchor_without_a_vote_has_nothing_to_learn():
    problem = prepare([make(0), make(1)], weights=[0, 1], token_counts=counts(0, 2))
    fused = fused_by(problem, ALIGNED)
    assert learn(fused, TextSource(problem), shares(problem), SHORT) is fused


@pytest.fixture
def no_work(monkeypatch):
    """What is refused is to be refused before any tensor is looked at."""

    def fail(*_):
        raise AssertionError("a model was brought into canonical form")

    monkeypatch.setattr("fedot.fusion.problem.prepare.canonicalise", fail)


REFINED = tuple(method for method, kinds in METHODS.items() if LearnMaps in kinds)


@pytest.mark.parametrize("method", ["auto", *(name for name in METHODS if name not in REFINED)])
def test_methods_that_are_not_refined_are_named_where_options_are_read(method):
    with pytest.raises(
        FedotError,
        match=rf"an option of the method aligned \(.*theus.*\), but the method is {method}; add method: aligned",
    ):
        FusionConfig(method=method, learn_steps=5)


@pytest.mark.parametrize("method", REFINED)
def test_every_method_that_brings_models_into_one_basis_may_be_refined(method):
    few = {"probe_texts": 16} if "probe_texts" in OF_METHODS[method] else {}
    models = [make(seed, norm="layer") for seed in (0, 1)]
    plain, learned = (
        fuse(models, token_counts=counts(0, 2), config=FusionConfig(method=method, **few, **more))
        for more in ({}, {"learn_steps": 30})
    )
    problem = prepare(models, token_counts=counts(0, 2))
    loss, run_state = goal_of(problem, SHORT), runner(problem)
    before, after = losses([plain.state, learned.state], TextSource(problem), SHORT, loss, run_state)
    assert after < before
    assert torch.equal(plain.aligned[0]["tok_emb.weight"], learned.aligned[0]["tok_emb.weight"])


def labelled(number=24, rows=8):
    """Texts, and whether each has more small tokens than large ones."""
    ids = torch.randint(1, VOCAB, (number, rows, 10), generator=torch.Generator().manual_seed(5))
    return Probe(tuple((each,) for each in ids), labels=tuple(((ids < 30).sum(-1) > 5).long()))


def test_labels_are_learned_where_somebody_gives_them():
    problem = prepare([make(0), make(1)], probe=labelled())
    before = fused_by(problem, ALIGNED)
    options = Learning(steps=60, labels=True)
    after = learn(before, TextSource(problem), shares(problem), options)
    loss = goal_of(problem, options)
    old, new = losses([before.state, after.state], TextSource(problem), options, loss, runner(problem))
    assert new < old - 0.01
    logits = torch.tensor([[2.0, 0.0, -1.0]])
    want = -logits.log_softmax(-1)[0, 1]
    torch.testing.assert_close(loss(((torch.ones(1, 4).long(),), torch.tensor([1])))(logits), want)


@pytest.mark.parametrize("probe", [None, Probe(labelled().batches)])
def test_learning_from_labels_needs_labels(probe):
    config = FusionConfig(method="theus", learn_steps=5, learn_from="labels")
    with pytest.raises(FedotError, match=r"learn_from is labels, but there are none; pass a `probe` with labels"):
        fuse([make(0), make(1)], token_counts=counts(0, 2), probe=probe, config=config)


@pytest.mark.parametrize(("number", "kept"), [(1, [0]), (3, [2]), (8, [7]), (24, [7, 15, 23])])
def test_what_is_compared_on_was_not_learned_from(number, kept):
    probe = labelled(number)
    texts = TextSource(prepare([make(0), make(1)], probe=probe))
    compared = held_out(texts, Learning())
    assert [
        place for place, (ids,) in enumerate(probe.batches) if any(ids is batch[0] for batch, _ in compared)
    ] == kept
    assert HELD_OUT == 8
    if number > 1:
        learned = [batch[0] for (batch, _), _ in zip(examples(texts, Learning(), 50), range(50), strict=False)]
        assert not any(ids is batch[0] for ids in learned for batch, _ in compared)
        assert all(any(ids is each for each in learned) for k, (ids,) in enumerate(probe.batches) if k not in kept)
        for batch, labels in held_out(texts, Learning()):
            assert torch.equal(labels, ((batch[0] < 30).sum(-1) > 5).long())


def test_a_probe_of_one_batch_is_learned_from_and_compared_on():
    probe = labelled(1, rows=64)
    texts = TextSource(prepare([make(0), make(1)], probe=probe))
    for _, (batch, labels) in zip(range(3), examples(texts, Learning(), 3), strict=False):
        assert batch[0] is probe.batches[0][0]
        assert labels is probe.labels[0]
    config = FusionConfig(method="aligned", learn_steps=2)
    assert fuse([make(0), make(1)], probe=probe, config=config).plan.find(LearnMaps)


def test_both_ends_may_be_turned_and_the_anchor_still_gives_the_basis():
    models = [make(seed) for seed in range(3)]
    problem = prepare(models, token_counts=counts(0, 3), anchor=1)
    before = fused_by(problem, ALIGNED)
    options = replace(SHORT, steps=40, both=True)
    after = learn(before, TextSource(problem), shares(problem), options)
    assert after is not before
    for name, tensor in before.aligned[1].items():
        assert torch.equal(after.aligned[1][name], tensor)
    for k in (0, 2):
        assert not torch.allclose(after.aligned[k]["tok_emb.weight"], before.aligned[k]["tok_emb.weight"], atol=1e-3)
        torch.testing.assert_close(run(after.aligned[k], models[1][1]), run(*models[k]), rtol=0, atol=1e-6)
    loss, run_state = judge(problem)
    old, new = losses([before.state, after.state], TextSource(problem), options, loss, run_state)
    assert new < old


def test_turning_all_back_leaves_the_mean_what_it_computes():
    problem, fused = poorly_aligned(3)
    options = replace(SHORT, both=True)
    rows = problem.row_shares(by_count=True)
    found = learn_turns(fused, TextSource(problem), rows, [0, 1, 2], options, *judge(problem))
    spec = problem.specs[0]

    def mean(turns):
        states = [
            turned(state, spec, turns[k], fused.alignments[k]) if k in turns else state
            for k, state in enumerate(fused.aligned)
        ]
        return run(average_aligned(states, problem.weights, spec, rows, circuits=False), make(0)[1])

    back = from_anchor(found, 0)
    assert sorted(back) == [1, 2]
    torch.testing.assert_close(mean(back), mean(found), rtol=0, atol=1e-8)


def test_an_ensemble_that_nobody_counted_for_is_the_mean_of_log_probabilities():
    models = [make(0), make(1)]
    ids = torch.randint(1, VOCAB, (5, 8), generator=torch.Generator().manual_seed(2))
    problem = prepare(models, weights=[3, 1], probe=Probe(((ids,),)))
    logs = [load_model(config, state)(ids).log_softmax(-1).float() for state, config in models]
    torch.testing.assert_close(gated_ensemble(problem)(ids), 0.75 * logs[0] + 0.25 * logs[1], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("no_work")
def test_learning_needs_counts():
    with pytest.raises(FedotError, match=r"learn_steps draws texts from token counts.*token_counts"):
        fuse([make(0), make(1)], config=FusionConfig(method="aligned", learn_steps=5))


def test_learning_takes_a_whole_number_of_steps():
    for steps in (-1, 0.5, True):
        with pytest.raises(FedotError, match=r"learn_steps is .* whole number of at least 0"):
            FusionConfig(learn_steps=steps)


@pytest.mark.usefixtures("no_work")
def test_models_of_other_libraries_are_refused():
    (first, config), (second, _) = make(0), make(1)
    with pytest.raises(FedotError, match="has to run models, and knows how for encoder, decoder, seq2seq; pass"):
        fuse(
            [(first, {}), (second, {})],
            spec=symmetry(config),
            token_counts=counts(0, 2),
            config=FusionConfig(method="aligned", learn_steps=5),
        )


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("counted", [True, False])
def test_translators_with_two_vocabularies_are_told_that_no_counts_would_help(counted):
    models = [canonical_of("seq2seq-rotary-swiglu-two", seed) for seed in (0, 1)]
    seen = [torch.ones(models[0][1].vocab_size)] * 2 if counted else None
    with pytest.raises(
        FedotError, match=r"of one vocabulary, but the models have vocab\.source and vocab\.target; set"
    ):
        fuse(models, token_counts=seen, config=FusionConfig(method="aligned", learn_steps=5))


def test_whole_models_are_aligned_where_maps_are_to_be_learned(monkeypatch):
    problem = prepare([make(0), make(1)], token_counts=counts(0, 2))
    monkeypatch.setattr(large_module, "LARGE", 1)
    assert by_parts(problem.specs, plan_fusion(ALIGNED, problem))
    assert not by_parts(problem.specs, plan_fusion(FusionConfig(method="aligned", learn_steps=5), problem))
