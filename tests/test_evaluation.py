import numpy as np
import pytest
import torch

from fedot.evaluation.evaluate import mix_states, predict
from fedot.models import build_model, load_model, model_config, state_of
from fedot.tokenizer import Encoded
from tests.groups import randomise

CONFIG = model_config({"name": "encoder", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 32, "max_length": 8}, 20, 3)


def make(seed):
    return randomise(state_of(build_model(CONFIG, seed)), seed)


def texts(n, seed=0):
    rng = np.random.default_rng(seed)
    return Encoded([rng.integers(1, 20, rng.integers(1, 9)).tolist() for _ in range(n)], 0)


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_predictions_come_in_the_order_of_the_texts(batch_size):
    state, encoded = make(0), texts(30)
    got = predict(CONFIG, state, encoded, batch_size=batch_size)
    model = load_model(CONFIG, state)
    with torch.no_grad():
        want = [torch.softmax(model(torch.tensor([row])).double(), -1)[0].numpy() for row in encoded.ids]
    np.testing.assert_allclose(got, want, atol=1e-6)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-12)


def test_predicting_draws_nothing_and_changes_nothing():
    state, encoded = make(0), texts(10)
    before = {name: tensor.clone() for name, tensor in state.items()}
    torch.manual_seed(1)
    first = predict(CONFIG, state, encoded)
    torch.manual_seed(2)
    np.testing.assert_array_equal(predict(CONFIG, state, encoded), first)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state.items())


def test_mixing_states_is_linear():
    a, b = make(0), make(1)
    mixed = mix_states([a, b], [0.25, 0.75])
    assert mixed.keys() == a.keys()
    for name, tensor in mixed.items():
        torch.testing.assert_close(tensor, 0.25 * a[name] + 0.75 * b[name])
    at_the_end = mix_states([a, b], [1.0, 0.0])
    assert all(torch.equal(tensor, a[name]) for name, tensor in at_the_end.items())
    with pytest.raises(ValueError, match="zip"):
        mix_states([a, b], [1.0])
