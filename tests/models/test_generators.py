"""Models that predict tokens: `decoder` and `seq2seq`."""

import pytest
import torch
import torch.nn.functional as F

from fedot.errors import FedotError
from fedot.models import build_model, load_model, model_config, state_of
from tests.models.variants import SIZES, VARIANTS, config_of, inputs_of, model_of

decoders = pytest.mark.parametrize("variant", [name for name in VARIANTS if name.startswith("decoder")])
translators = pytest.mark.parametrize("variant", [name for name in VARIANTS if name.startswith("seq2seq")])


def module_of(variant):
    state, config = model_of(variant)
    return load_model(config, state)


@decoders
@torch.no_grad()
def test_no_position_sees_a_later_one(variant):
    model = module_of(variant)
    ids = torch.randint(1, 23, (4, 7), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[:, 4:] = 1 + other[:, 4:] % 22
    assert model(ids).shape == (4, 7, 30)
    torch.testing.assert_close(model(other)[:, :4], model(ids)[:, :4], rtol=0, atol=1e-12)
    assert (model(other)[:, 4] - model(ids)[:, 4]).abs().max() > 1e-3
    assert (model(torch.cat([other[:, :1] % 22 + 1, ids[:, 1:]], 1))[:, 6] - model(ids)[:, 6]).abs().max() > 1e-4


@decoders
@torch.no_grad()
def test_padding_changes_no_logits_and_none_is_nan(variant):
    model = module_of(variant)
    ids = torch.randint(1, 23, (4, 5), generator=torch.Generator().manual_seed(0))
    padded = F.pad(ids, (0, 3))
    torch.testing.assert_close(model(padded)[:, :5], model(ids), rtol=0, atol=1e-12)
    assert torch.isfinite(model(F.pad(ids, (2, 0)))).all()


@translators
@torch.no_grad()
def test_translators_read_the_source_and_no_later_target(variant):
    model, config = module_of(variant), config_of(variant)
    source, target = inputs_of(config)
    want = model(source, target)
    assert want.shape == (5, 6, config.target_vocab_size or 30)
    later = target.clone()
    later[:, 3:] = 1
    torch.testing.assert_close(model(source, later)[:, :3], want[:, :3], rtol=0, atol=1e-12)
    torch.testing.assert_close(model(F.pad(source, (0, 2)), F.pad(target, (0, 2)))[:, :6], want, rtol=0, atol=1e-12)
    assert (model(source.flip(1), target)[1:, 0] - want[1:, 0]).abs().max() > 1e-4


@translators
@torch.no_grad()
def test_steps_of_a_search_give_the_logits_of_the_whole(variant):
    model, config = module_of(variant), config_of(variant)
    source, target = (ids[1:] for ids in inputs_of(config))  # without padding
    memory = model.encode(source)
    steps = [model.step(target[:, : t + 1], memory) for t in range(target.shape[1])]
    torch.testing.assert_close(torch.stack(steps, 1), model(source, target), rtol=0, atol=1e-12)
    beams = model.step(target.repeat_interleave(3, 0), memory.repeat(3))
    torch.testing.assert_close(beams, steps[-1].repeat_interleave(3, 0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", ["decoder", "decoder-post-layer", "seq2seq", "seq2seq-post-two"])
def test_a_loaded_model_keeps_its_tie_in_training(variant):
    model = module_of(variant)
    table = "target_emb" if variant == "seq2seq-post-two" else "tok_emb"
    assert model.output.weight is model.get_parameter(f"{table}.weight")
    model(*inputs_of(config_of(variant))).square().mean().backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    state = state_of(model)
    assert torch.equal(state["output.weight"], state[f"{table}.weight"])
    assert not torch.equal(state["output.weight"], model_of(variant)[0]["output.weight"])


@pytest.mark.parametrize("variant", ["decoder", "decoder-post-sinusoidal", "seq2seq-rotary-swiglu-two"])
def test_a_fresh_model_learns_a_small_batch(variant):
    config = config_of(variant, n_layer=1)
    model = build_model(config, 0)
    inputs = inputs_of(config)
    goal = inputs[-1].roll(-1, 1)
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    losses = []
    for _ in range(40):
        loss = F.cross_entropy(model(*inputs).flatten(0, 1), goal.flatten(), ignore_index=0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] < 6.0
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("settings", "n_class", "told"),
    [
        ({"name": "decoder", "tied": "yes"}, 0, "model.tied is 'yes'.*true or false"),
        ({"name": "decoder"}, 3, "model.name is decoder, which predicts tokens.*3 classes; use encoder"),
        ({"name": "seq2seq"}, 2, "model.name is seq2seq, which predicts tokens"),
        ({"name": "seq2seq", "shared": 1}, 0, "model.shared is 1.*true or false"),
        ({"name": "seq2seq", "target_vocab_size": 9}, 0, "share a table; set model.shared: false"),
        ({"name": "seq2seq", "shared": False, "target_vocab_size": 0}, 0, "target_vocab_size is 0.*at least 1"),
        ({"name": "seq2seq", "n_class": 3}, 0, "model.n_class is no setting"),
    ],
)
def test_a_bad_setting_is_named(settings, n_class, told):
    with pytest.raises(FedotError, match=told) as caught:
        model_config({**SIZES, **settings}, 30, n_class)
    assert "\n" not in str(caught.value)
