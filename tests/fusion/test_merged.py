"""The block model, its reduction, and distillation."""

from dataclasses import replace

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.problem.ensemble import gated_ensemble
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.reduce.layers import select_columns
from fedot.fusion.reduce.moments import SpreadSums
from fedot.fusion.reduce.reduce import head_numbers, reduce_block
from fedot.fusion.reduce.reduce_models import texts_to_measure
from fedot.fusion.reduce.wide_model import BlockLinear, block_config, block_module, block_sum
from fedot.fusion.refine.classifier import texts_to_fit
from fedot.fusion.refine.distil import Distillation, distil
from fedot.fusion.texts.draw import draw_texts
from fedot.fusion.texts.probe import Probe
from fedot.models import build_model, canonical_config, load_model, model_config, state_of, symmetry
from tests.fusion.small import BASE, VOCAB, copy_of, counts, make, run
from tests.groups import randomise

MERGED = FusionConfig(method="merged", probe_texts=64)


def wide(seed, **settings):
    config = model_config({"name": "encoder", **BASE, **settings}, VOCAB, 3)
    return randomise(state_of(build_model(config, seed)), seed), config


def block_of(models):
    problem = prepare(models)
    configs = [problem.config_of(k) for k in range(len(models))]
    ones = {name: torch.ones(len(models), len(union.labels)).double() for name, union in problem.unions.items()}
    return block_sum(problem.states, problem.specs, configs, problem.weights, ones), block_config(configs)


@pytest.mark.parametrize(
    "settings", [{}, {"norm": "layer"}, {"activation": "swiglu"}, {"activation": "relu"}, {"positions": "rotary"}]
)
def test_a_block_of_equal_models_is_the_model(settings):
    model = make(0, **settings)
    state, config = block_of([model, copy_of(model)[0], model])
    assert config.d_model == 3 * model[1].d_model
    torch.testing.assert_close(run(state, config), run(*model), atol=1e-9, rtol=0)


def test_a_block_holds_models_of_other_widths_heads_and_channels():
    small, large = make(0), make(1, d_model=24, n_head=2, d_head=8, d_ff=40)
    state, config = block_of([small, large])
    assert (config.d_model, config.n_head, config.d_head, config.d_ff) == (40, 6, 8, 64)
    symmetry(config).validate(state)
    # with the large one's stream silent, the rest is the small one up to the width that the norms divide by
    alone, _ = block_of([small, (scaled(large[0], symmetry(large[1]), 1e-9), large[1])])
    gain = (config.d_model / small[1].d_model) ** 0.5
    for norm in symmetry(config).norms:
        for linear in norm.feeds:
            alone[f"{linear}.weight"] /= gain
    alone["classifier.weight"] *= 2
    alone["classifier.bias"] = small[0]["classifier.bias"]
    torch.testing.assert_close(run(alone, config), run(*small), atol=1e-3, rtol=0)  # the norms add an epsilon


def test_a_module_that_skips_the_zeros_beside_the_blocks_computes_the_same():
    models = [make(0), make(1, d_model=24, n_head=2, d_head=8, d_ff=40)]
    state, config = block_of(models)
    dense, skipping = (load_model(config, {name: tensor.float() for name, tensor in state.items()}) for _ in range(2))
    block_module(skipping, [symmetry(canonical_config(config)) for _, config in models], config)
    assert isinstance(skipping.layers[0].ffn.up, BlockLinear)
    ids = torch.randint(1, VOCAB, (5, 9), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(skipping(ids), dense(ids), atol=1e-5, rtol=1e-5)


def scaled(state, spec, factor):
    return {
        name: state[name] * factor
        if any(a.groups == ("residual",) and a.role == "write" for a in axes)
        else state[name]
        for name, axes in spec.axes.items()
    } | {name: tensor for name, tensor in state.items() if name not in spec.axes}


@pytest.mark.parametrize("settings", [{}, {"norm": "layer"}, {"activation": "swiglu"}, {"positions": "rotary"}])
def test_merging_a_model_with_its_transformed_copy_returns_it(settings):
    model = make(0, **settings)
    twin, _ = copy_of(model, seed=3)
    result = fuse([model, twin], token_counts=counts(0) * 2, config=FusionConfig(method="merged", probe_texts=200))
    assert (result.config.d_model, result.config.n_head) == (model[1].d_model, model[1].n_head)
    expected = run(*model).log_softmax(-1)
    found = run({name: tensor.double() for name, tensor in result.state.items()}, result.config).log_softmax(-1)
    assert (found - expected).abs().max() < 0.02 * expected.abs().max()


def test_the_whole_size_is_the_block_and_smaller_sizes_fit_their_shapes():
    models = [wide(0), wide(1)]
    sizes = {}
    for size in (0.5, 1.0, 1.5, 2.0, 5.0):
        result = fuse(
            models, token_counts=counts(0, 2), config=FusionConfig(method="merged", probe_texts=64, size=size)
        )
        symmetry(result.config).validate(result.state)
        sizes[size] = (result.config.d_model, result.config.n_head * result.config.d_head, result.config.d_ff)
    assert sizes[0.5] == (8, 8, 12)
    assert sizes[2.0] == sizes[5.0] == (32, 32, 48)


def test_reduced_to_its_own_size_a_block_stays_as_it_is_however_little_is_seen():
    models = [wide(0), wide(1)]
    problem = prepare(models)
    configs = [problem.config_of(k) for k in range(2)]
    state, whole = block_of(models)
    few = Probe((draw_texts(counts(0)[0], 3, (4, 4), 0).split(3),))
    reduced, config = reduce_block(state, problem.specs, configs, whole, few)
    assert config == whole
    torch.testing.assert_close(run(reduced, config), run(state, whole), atol=1e-4, rtol=1e-4)


def test_models_of_unequal_widths_and_vocabularies_are_merged():
    first, second = wide(0), wide(1, d_model=24, n_head=2, d_head=8, d_ff=40)
    words = [[f"a{i}" for i in range(VOCAB)], ["a0", *(f"b{i}" for i in range(1, VOCAB))]]
    result = fuse([first, second], token_counts=counts(0, 2), vocabularies=words, anchor=1, config=MERGED)
    assert result.config.d_model == 24
    assert result.config.vocab_size == len(result.vocabulary) == 2 * VOCAB - 1
    assert all(torch.isfinite(tensor).all() for tensor in result.state.values())


def test_rotary_heads_of_unequal_size_are_refused():
    models = [wide(0, positions="rotary"), wide(1, positions="rotary", n_head=2, d_head=8)]
    with pytest.raises(FedotError, match="planes turn at other rates"):
        fuse(models, token_counts=counts(0, 2), config=MERGED)


@pytest.mark.parametrize(
    ("all_heads", "heads", "channels", "expected"),
    [(8, 4, 16, [4, 8]), (16, 4, 16, [4, 8, 16]), (13, 6, 16, [6, 12, 13]), (64, 4, 4, [4, 8, 16]), (4, 1, 2, [1, 2])],
)
def test_channels_are_shared_by_the_targets_heads_or_more(all_heads, heads, channels, expected):
    target = model_config({"name": "encoder", "n_head": heads, "d_head": channels}, VOCAB, 2)
    assert head_numbers(replace(target, n_head=all_heads), target) == expected


def test_merging_is_repeatable_and_uses_no_global_randomness():
    models = [wide(0), wide(1)]
    torch.manual_seed(1)
    one = fuse(models, token_counts=counts(0, 2), config=MERGED).state
    torch.manual_seed(2)
    two = fuse(models, token_counts=counts(0, 2), config=MERGED).state
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_post_norm_models_are_refused_by_merged_and_aligned_by_auto():
    models = [wide(k, norm="layer", norm_position="post") for k in range(2)]
    with pytest.raises(FedotError, match="post-norm"):
        fuse(models, token_counts=counts(0, 2), config=MERGED)
    by_choice = fuse(models, token_counts=counts(0, 2)).state
    aligned = fuse(models, token_counts=counts(0, 2), config=FusionConfig(method="aligned", refit=True)).state
    assert all(torch.equal(by_choice[name], aligned[name]) for name in aligned)


@pytest.mark.parametrize(("models", "texts"), [(1, 16), (2, 16), (3, 24), (8, 64)])
def test_the_classifier_sees_more_texts_where_there_are_more_models(models, texts):
    assert texts_to_fit(16, models) == texts


@pytest.mark.parametrize(("models", "texts"), [(1, 4), (2, 8), (4, 16), (9, 16)])
def test_a_stream_is_measured_on_a_quarter_of_the_texts_for_each_model_and_at_most_all(models, texts):
    assert texts_to_measure(16, models) == texts
    assert texts_to_measure(1, models) == 1


def test_merged_needs_something_to_probe_with_and_auto_does_without():
    models = [wide(0), wide(1)]
    with pytest.raises(FedotError, match="probe inputs, or token counts"):
        fuse(models, config=MERGED)
    assert fuse(models).config.n_head == BASE["n_head"]


def test_chosen_columns_explain_the_target_and_equal_ones_are_taken_once():
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(200, 5, generator=generator, dtype=torch.float64)
    columns = torch.cat([base, base], 1)
    target = columns @ torch.randn(10, 3, generator=generator, dtype=torch.float64)
    gram = columns.T @ columns
    chosen = select_columns(gram, gram @ torch.linalg.lstsq(columns, target).solution, 5)
    assert sorted(int(i) % 5 for i in chosen) == [0, 1, 2, 3, 4]


def test_a_spread_added_up_is_that_of_all_rows():
    rows = torch.randn(300, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 3
    sums = SpreadSums(7)
    for part in rows.split(64):
        sums.add(part)
    spread = sums.spread()
    torch.testing.assert_close(spread.mean, rows.mean(0))
    torch.testing.assert_close(spread.covariance, torch.cov(rows.T, correction=0))


def test_distillation_brings_the_fused_model_closer_to_the_ensemble():
    problem = prepare([wide(0), wide(1)], token_counts=counts(0, 2))
    config = canonical_config(wide(0)[1])
    teacher = gated_ensemble(problem)
    ids = torch.cat([batch for (batch,) in problem.probe_or_drawn(64, seed=99).batches])

    def distance(state):
        with torch.no_grad():
            given = load_model(config, {name: tensor.float() for name, tensor in state.items()})(ids).log_softmax(-1)
        return torch.nn.functional.kl_div(
            given, teacher(ids).log_softmax(-1), log_target=True, reduction="batchmean"
        ).item()

    before = problem.states[0]
    after = distil(before, config, problem, Distillation(steps=30, batch_size=32))
    assert distance(after) < 0.8 * distance(before)
    again = distil(before, config, problem, Distillation(steps=30, batch_size=32))
    assert all(torch.equal(after[name], again[name]) for name in after)


def test_distillation_needs_counts():
    with pytest.raises(FedotError, match="token counts"):
        fuse([wide(0), wide(1)], config=FusionConfig(distil_steps=3))
