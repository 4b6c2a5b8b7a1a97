"""A reduced model is given weights that train well, and stays the same function."""

import pytest
import torch

from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.groups import streams_of
from fedot.fusion.refine.trainable import stream_sizes, trainable
from fedot.models import MODELS, build_model, canonical_config, load_model, model_config, state_of, symmetry
from tests.fusion.small import BASE, VOCAB, counts, make
from tests.groups import randomise

OWN = [name for name, kind in MODELS.items() if kind.whole_in_state]
"""Architectures of fedot's own: a checkpoint is one only with its folder."""


def drawn(arch, seed=0, **settings):
    classes = 3 if arch == "encoder" else None
    config = model_config({"name": arch, **BASE, **settings}, VOCAB, classes)
    state = randomise(state_of(build_model(config, seed)), seed, symmetry(config).ties)
    return canonicalise(state, symmetry(config)), canonical_config(config)


@pytest.mark.parametrize("arch", OWN)
def test_logits_stay_and_tables_have_the_sizes_asked_for(arch):
    state, config = drawn(arch)
    spec = symmetry(config)
    sizes = {name: 0.3 + 0.1 * k for k, name in enumerate(streams_of(spec))}
    out = trainable(state, spec, sizes)
    assert stream_sizes([out], [spec]) == pytest.approx(sizes)
    ids = torch.randint(1, VOCAB, (4, 10), generator=torch.Generator().manual_seed(0))
    inputs = (ids,) * MODELS[arch].inputs
    with torch.no_grad():
        before, after = (load_model(config, each)(*inputs) for each in (state, out))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)  # the norms add an epsilon to what is smaller now
    assert any(not torch.allclose(out[name], state[name]) for name in state)


def test_coordinates_of_unequal_size_become_alike():
    state, config = make(0, d_model=32)
    spec = symmetry(config)
    for name, axes in spec.axes.items():  # the first coordinate carries nearly all of the stream
        if axes[-1].groups == ("residual",) and axes[-1].role == "write":
            state[name] = state[name] * torch.logspace(1, -2, 32, dtype=torch.float64)
    out = trainable(state, spec, stream_sizes([state], [spec]))
    spread = [each["tok_emb.weight"].std(0) for each in (state, out)]
    assert spread[0].max() / spread[0].min() > 500
    assert spread[1].max() / spread[1].min() < 50
    assert stream_sizes([out], [spec]) == pytest.approx(stream_sizes([state], [spec]))


def test_what_must_not_be_rotated_is_left_alone():
    for settings in ({"norm_position": "post"}, {"norm": "layer", "norm_position": "post"}):
        state, config = make(0, **settings)
        spec = symmetry(config)
        out = trainable(state, spec, dict.fromkeys(streams_of(spec), 5.0))
        assert all(torch.equal(out[name], state[name]) for name in state)


def test_a_reduced_model_has_the_size_of_its_parents_and_an_average_the_basis_of_its_anchor():
    models, seen = [make(0), make(1)], counts(0, 2)
    merged = fuse(models, token_counts=seen, config=FusionConfig(method="merged", probe_texts=64))
    wanted = stream_sizes([state for state, _ in models], [symmetry(config) for _, config in models])
    assert stream_sizes([merged.state], [symmetry(merged.config)]) == pytest.approx(wanted, rel=1e-4)
    aligned = fuse([models[0]] * 2, token_counts=seen, config=FusionConfig(method="aligned"))
    torch.testing.assert_close(aligned.state["tok_emb.weight"].double(), models[0][0]["tok_emb.weight"])
