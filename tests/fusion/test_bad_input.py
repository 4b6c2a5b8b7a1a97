"""What cannot be fused is refused by name, and leaves nothing behind; what is merely odd is fused."""

import pytest
import torch
from safetensors.torch import load_file

from tests.fusion.disk import VOCAB, call, model, write


@pytest.fixture
def refused(tmp_path):
    """Fuse model 0 with what is given, which must fail with one line that has all `words`."""

    def check(other, *words, options=()):
        first = write(tmp_path / "first.safetensors", *model(0))
        out = tmp_path / "out.safetensors"
        done = call(first, *([other] if other else []), "-o", out, *options)
        assert done.exit_code == 2, done.output
        assert "Traceback" not in done.output
        for word in words:
            assert word in done.output, done.output
        assert not out.exists()
        assert not list(tmp_path.glob(".*"))

    return check


@pytest.fixture
def second(tmp_path):
    """Write another model, changed."""

    def make(change=lambda state: state, **settings):
        state, config = model(1, **settings)
        return write(tmp_path / "second.safetensors", change(state), config)

    return make


def fused(tmp_path, *args):
    done = call(*args, "-o", tmp_path / "out.safetensors")
    assert done.exit_code == 0, done.output
    state = load_file(tmp_path / "out.safetensors")
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state.values())
    return state, done.output


def test_different_architectures_are_refused(tmp_path, refused):
    from fedot.models import build_model, model_config, state_of

    config = model_config({"name": "decoder", "d_model": 16, "n_layer": 2, "n_head": 4, "d_ff": 24}, VOCAB, None)
    other = write(tmp_path / "decoder.safetensors", state_of(build_model(config, 0)), config)
    refused(other, "architecture decoder", "encoder")


def test_a_missing_tensor_is_refused(refused, second):
    name = "layers.1.ffn.up.weight"
    refused(second(lambda s: {k: t for k, t in s.items() if k != name}), "second.safetensors", f"lacks {name}")


def test_an_extra_tensor_is_refused(refused, second):
    refused(second(lambda s: {**s, "bonus": torch.ones(2)}), "second.safetensors", "holds bonus")


def test_a_transposed_tensor_is_refused(refused, second):
    name = "layers.0.ffn.up.weight"
    refused(second(lambda s: {**s, name: s[name].T}), name, "(16, 24)", "axis 0")


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", ["tok_emb.weight", "layers.1.attn.q_proj.weight", "final_norm.bias"])
def test_nan_is_refused(refused, second, name, value):
    def spoil(state):
        state[name].view(-1)[3] = value
        return state

    refused(second(spoil), "second.safetensors", "NaN", name)


def test_one_model_only_is_refused(refused):
    refused(None, "got 1 model", "at least two")


@pytest.mark.parametrize("weights", ["-1,2", "0,1", "0,0", "1", "1,2,3", "nan,1", "inf,1", "a,b"])
def test_wrong_weights_are_refused(refused, second, weights):
    refused(second(), "weights", options=[f"--weights={weights}"])


def test_an_unknown_method_is_refused(refused, second):
    refused(second(), "alignd", "did you mean aligned?", options=["--method", "alignd"])


def test_an_unknown_option_is_refused(refused, second):
    refused(second(), "fusion.solvr", options=["--set", "solvr=exact"])


def test_an_anchor_that_is_not_there_is_refused(refused, second):
    refused(second(), "anchor is model 2", options=["--anchor", "2"])


@pytest.mark.parametrize("old", [True, False])
def test_a_pickle_is_refused(tmp_path, refused, old):
    torch.save(model(1)[0], tmp_path / "m.pt", _use_new_zipfile_serialization=not old)
    refused(tmp_path / "m.pt", "m.pt is a pickle", "safetensors")


@pytest.mark.parametrize("kept", [0, 5, 100, -3])
def test_a_truncated_file_is_refused(refused, second, kept):
    path = second()
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    refused(path, "second.safetensors", "not a whole safetensors file")


def test_a_missing_file_is_refused(tmp_path, refused):
    refused(tmp_path / "none.safetensors", "none.safetensors", "No such file")


def test_a_file_without_configuration_is_refused_unless_one_is_given(tmp_path, refused):
    from fedot.models import config_to_json

    state, config = model(1)
    other = write(tmp_path / "second.safetensors", state)
    refused(other, "no configuration", "--arch")
    (tmp_path / "arch.json").write_text(config_to_json(config))
    fused(tmp_path, tmp_path / "first.safetensors", other, "--arch", tmp_path / "arch.json")


def test_another_architecture_than_asked_for_is_refused(refused, second):
    refused(second(), "--arch is decoder", options=["--arch", "decoder"])


def test_unequal_vocabularies_without_tokens_are_refused(refused, second):
    refused(second(vocab=50), "vocabularies of sizes [40, 50]")


@pytest.mark.parametrize("text", ["{}", "[1, -2]", "[1.5]", "nothing"])
def test_broken_token_counts_are_refused(tmp_path, refused, second, text):
    (tmp_path / "c.json").write_text(text)
    counts = ["--counts", tmp_path / "c.json"] * 2
    refused(second(), "c.json has no token counts", options=counts)


def test_tied_weights_stay_tied(tmp_path):
    from fedot.models import build_model, model_config, state_of

    config = model_config({"name": "seq2seq", "d_model": 16, "n_layer": 1, "n_head": 4, "d_ff": 24}, VOCAB, None)
    files = [write(tmp_path / f"{k}.safetensors", state_of(build_model(config, k)), config) for k in (0, 1)]
    from fedot.models import symmetry

    ties = symmetry(config).ties
    if not ties:
        pytest.skip("the architecture has no tied tensors")
    state, _ = fused(tmp_path, *files)
    for copy, original in symmetry(config).lasting_ties():
        assert torch.equal(state[copy], state[original])


def test_dead_neurons_are_fused(tmp_path, second):
    def kill(state):
        for name in ("layers.0.ffn.up.weight", "layers.0.ffn.up.bias"):
            state[name][:5] = 0
        state["layers.0.ffn.down.weight"][:, :5] = 0
        for part in "qkv":
            state[f"layers.1.attn.{part}_proj.weight"][:4] = 0
            state[f"layers.1.attn.{part}_proj.bias"][:4] = 0
        return state

    path = second(kill)
    for mass in ("uniform", "l1"):
        fused(
            tmp_path,
            path,
            write(tmp_path / "first.safetensors", *model(0)),
            "--method",
            "aligned",
            "--set",
            f"mass={mass}",
            "--force",
        )


def test_models_without_a_token_in_common_are_fused(tmp_path):
    files = [write(tmp_path / f"{k}.safetensors", *model(k)) for k in (0, 1)]
    args = []
    for k in (0, 1):
        (tmp_path / f"{k}.txt").write_text("\n".join(f"{'ab'[k]}{i}" for i in range(VOCAB)))
        args += ["--vocabularies", tmp_path / f"{k}.txt"]
    state, output = fused(tmp_path, *files, *args)
    assert state["tok_emb.weight"].shape[0] == 2 * VOCAB
    assert "no token is shared" in output


def test_models_with_nothing_in_common_are_fused(tmp_path):
    files = [write(tmp_path / f"{k}.safetensors", *model(k)) for k in (0, 1)]
    args = ["--method", "aligned", "--set", "class_rows=false"]
    for k in (0, 1):
        (tmp_path / f"{k}.txt").write_text("\n".join(f"{'ab'[k]}{i}" for i in range(VOCAB)))
        args += ["--vocabularies", tmp_path / f"{k}.txt"]
    fused(tmp_path, *files, *args)
