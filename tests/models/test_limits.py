import json
import time
from dataclasses import asdict, replace

import pytest

from fedot.errors import FedotError
from fedot.models import check_config, check_settings, config_from_json, config_to_json, state_shapes
from tests.models.variants import VARIANTS, canonical_of, config_of, model_of

ENCODER = config_of("encoder", n_layer=1)
HUGE = pytest.param(10**5000, id="huge")  # which Python does not write


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_model_passes_with_its_own_tensors_and_so_does_its_canonical_form(variant):
    for state, config in (model_of(variant), canonical_of(variant)):
        check_config(config, {name: tuple(tensor.shape) for name, tensor in state.items()})


@pytest.mark.parametrize("key", ["d_model", "n_layer", "n_head", "d_ff", "max_length", "vocab_size", "n_class"])
@pytest.mark.parametrize("value", [2, 10**5, 10**9, HUGE, -1, 0, None, "x", 1.5, 1e300, True, [1], float("nan")])
def test_a_size_that_is_not_the_tensors_own_is_told_at_once(key, value):
    shapes = state_shapes(ENCODER)
    start = time.perf_counter()
    with pytest.raises(FedotError, match=f"^its configuration says .*({key}|{key} x|x d_head) ") as error:
        check_config(replace(ENCODER, **{key: value}), shapes)
    assert time.perf_counter() - start < 0.5
    assert len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"norm": "x"}, "norm 'x', but it can only be rms or layer"),
        ({"norm": []}, r"norm \[\], but"),
        ({"positions": "\x1b[2J"}, r"positions '\\x1b\[2J', but"),
        ({"activation": 3}, "activation 3"),
        ({"dropout": float("nan")}, "dropout nan"),
        ({"dropout": 1.0}, "dropout 1.0"),
        ({"dropout": "0.1"}, "dropout '0.1'"),
        ({"dropout": True}, "dropout True"),
        ({"architecture": "decoder"}, "architecture 'decoder'"),
        ({"positions": "rotary", "n_head": 12, "d_head": 1}, "d_head 1, but rotary"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_told(change, told):
    with pytest.raises(FedotError, match=f"^its configuration says {told}"):
        check_settings(replace(ENCODER, **change))


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_a_length_that_no_tensor_shows_is_bounded(positions):
    config = replace(ENCODER, positions=positions)
    shapes = state_shapes(config)
    check_config(replace(config, max_length=10**5), shapes)
    with pytest.raises(FedotError, match="its configuration says max_length 1000000000, but at most"):
        check_config(replace(config, max_length=10**9), shapes)
    wide = replace(config, max_length=2**23)
    if positions == "sinusoidal":  # (2**23, 12) is a table of 800 MB
        with pytest.raises(FedotError, match="max_length"):
            check_config(wide, shapes)
    else:
        check_config(wide, shapes)


def test_sizes_that_are_there_but_not_together_are_told():
    config = replace(ENCODER, d_model=30, vocab_size=30, d_ff=30)
    with pytest.raises(FedotError, match=r"its configuration needs at least .* numbers, but its tensors hold"):
        check_config(config, {f"t{k}": (size,) for k, size in enumerate([30, 9, 3, 16] * 3)})


def test_a_target_table_is_held_against_its_tensors():
    config = config_of("seq2seq-layer-two-untied")
    shapes = state_shapes(config)
    with pytest.raises(FedotError, match="target_vocab_size 24, but no axis"):
        check_config(replace(config, target_vocab_size=24), shapes)
    with pytest.raises(FedotError, match="shared 1, but it can only be true or false"):
        check_config(replace(config, shared=1), shapes)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a": ' * 100_000,
        "null",
        '{"architecture": "../../x"}',
        '{"architecture": null}',
        config_to_json(ENCODER).replace('"n_layer": 1', '"n_layer": "x"'),
        config_to_json(ENCODER).replace('"n_layer": 1', f'"n_layer": {"9" * 5000}'),
        config_to_json(ENCODER).replace('"n_layer": 1', '"n_layer": 1e400'),
        config_to_json(ENCODER).replace('"dropout": 0.0', '"dropout": NaN'),
        config_to_json(ENCODER).replace("{", '{"n_layer": 1, ', 1),
        config_to_json(ENCODER).replace("{", '{"other": 1, ', 1),
        json.dumps({**asdict(ENCODER), "norm": " " * 2**17}),
        "\ud800",
    ],
)
def test_a_configuration_from_outside_is_one_line_at_most(text):
    with pytest.raises(FedotError, match=r"^a model configuration cannot be read") as error:
        config_from_json(text)
    assert len(str(error.value)) < 300
    assert str(error.value).isprintable()
