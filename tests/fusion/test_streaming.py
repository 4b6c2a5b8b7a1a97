"""Fusing part by part gives what fusing at once gives."""

import pytest
import torch

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.by_part import fuse_parts as streaming_module
from fedot.fusion.by_part.fuse_parts import Streamed, fuse_parts
from fedot.fusion.by_part.split import blocks, fused_shapes, parts
from fedot.fusion.plan import plan_fusion
from fedot.fusion.problem.prepare import frame
from fedot.models import MODELS, build_model, model_config, state_of, symmetry
from tests.groups import randomise

OWN = [name for name, kind in MODELS.items() if kind.whole_in_state]
"""Architectures of fedot's own: a checkpoint is one only with its folder."""

SIZES = (30, 40, 50)


def family(arch, norm):
    """Three models of unequal widths and vocabularies, with all that `frame` asks for."""
    shapes = [{"d_model": 16, "n_head": 4, "d_ff": 24}, {"d_model": 12, "n_head": 3, "d_ff": 20}]
    configs = [
        model_config(
            {"name": arch, "n_layer": 2, "d_head": 4, "max_length": 12, "norm": norm, **shapes[k % 2]},
            SIZES[k],
            3 if arch == "encoder" else None,
        )
        for k in range(3)
    ]
    states = [randomise(state_of(build_model(config, k)), k) for k, config in enumerate(configs)]
    for state, config in zip(states, configs, strict=True):
        state |= {copy: state[original] for copy, original in symmetry(config).ties}
    words = [[f"w{i}" for i in range(size)] for size in SIZES]
    words[1].reverse()
    generator = torch.Generator().manual_seed(0)
    counts = [torch.randint(0, 9, (size,), generator=generator) for size in SIZES]
    return states, configs, {"weights": [1, 2, 3], "vocabularies": words, "token_counts": counts}


def gather(states, configs, options, config, **names):
    specs = [symmetry(each) for each in configs]
    problem = frame(configs, specs, **options)
    shapes = fused_shapes(problem.specs[problem.anchor])
    out = {name: torch.full(shape, torch.nan, dtype=torch.float64) for name, shape in shapes.items()}
    found = {}
    for piece in fuse_parts(
        Streamed(tuple(states), tuple(specs), problem, ("a", "b", "c")), plan_fusion(config, problem)
    ):
        for name, tensor in piece.state.items():
            rows = piece.rows
            cut = name in piece.axes
            (out[name].narrow(piece.axes[name], rows.start, rows.stop - rows.start) if cut else out[name]).copy_(tensor)
        found |= piece.diagnostics[1]
    return out, found


@pytest.mark.parametrize("norm", ["rms", "layer"])
@pytest.mark.parametrize("arch", OWN)
def test_part_by_part_is_the_same_as_at_once(arch, norm, monkeypatch):
    monkeypatch.setattr(streaming_module, "blocks", lambda spec, tensors: blocks(spec, tensors, 160))
    states, configs, options = family(arch, norm)
    config = FusionConfig(method="aligned")
    whole = fuse(list(zip(states, configs, strict=True)), config=config, **options)
    out, found = gather(states, configs, options, config)
    assert set(out) == set(whole.state)
    for name, tensor in out.items():
        torch.testing.assert_close(tensor.float(), whole.state[name], rtol=1e-5, atol=1e-6)
    told = whole.diagnostics[1].groups
    assert set(found) == {name for name, each in told.items() if each.kind != "labels"}
    for name, each in found.items():
        assert (each.kind, each.source_size, each.anchor_size) == (
            told[name].kind, told[name].source_size, told[name].anchor_size,
        )  # fmt: skip
        assert each.pinned == told[name].pinned
        for key in ("cost", "distance_from_identity", "entropy", "fit"):
            assert getattr(each, key) == pytest.approx(getattr(told[name], key), abs=1e-5), (name, key)


def test_the_plain_mean_part_by_part():
    states, configs, _ = family("encoder", "layer")
    pair = ([states[0], states[2]], [configs[0], configs[0]])
    pair[0][1] = {
        name: t if t.shape == states[0][name].shape else states[0][name] * 2 for name, t in pair[0][1].items()
    }
    config = FusionConfig(method="vanilla")
    whole = fuse(list(zip(*pair, strict=True)), config=config)
    specs = tuple(symmetry(each) for each in pair[1])
    problem = frame(pair[1], specs)
    for piece in fuse_parts(Streamed(tuple(pair[0]), specs, problem, ("a", "b")), plan_fusion(config, problem)):
        for name, tensor in piece.state.items():
            torch.testing.assert_close(tensor.float(), whole.state[name])


@pytest.mark.parametrize("arch", OWN)
def test_every_tensor_is_in_one_part(arch):
    _, configs, _ = family(arch, "layer")
    spec = symmetry(configs[0])
    found = [name for part in parts(spec) for name in part]
    assert sorted(found) == sorted(spec.axes)
    assert len(parts(spec)) >= 2 * configs[0].n_layer
    for part in parts(spec):
        used = {group for name in part for axis in spec.axes[name] for group in axis.groups}
        others = {g for name in spec.axes if name not in part for axis in spec.axes[name] for g in axis.groups}
        assert all(spec.groups[g].kind == "labels" or spec.is_stream(g) for g in used & others)


def test_what_needs_whole_models_is_refused():
    states, configs, options = family("encoder", "rms")
    with pytest.raises(FedotError, match="needs whole models"):
        gather(states, configs, options, FusionConfig(method="aligned", mass="fisher"))
