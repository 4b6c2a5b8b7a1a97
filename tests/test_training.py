import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.evaluation import mix_states, predict
from fedot.models import build_model, model_config, state_of
from fedot.scenario import TrainSpec
from fedot.tokenizer import Encoded
from fedot.training import Labelled, train

CONFIG = model_config({"name": "encoder", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 32, "max_length": 8}, 20, 2)
SPEC = TrainSpec(epochs=6, batch_size=16, lr=5e-3)


def task(n, seed):
    """Token 2 or 3 among noise decides the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    rows = [[*rng.integers(4, 20, rng.integers(1, 6)).tolist(), int(2 + label)] for label in labels]
    return Labelled(Encoded(rows, 0), labels)


def test_training_learns_and_is_repeatable_to_the_bit():
    training, validation = task(300, 0), task(100, 1)
    threads = torch.get_num_threads()
    first = train(CONFIG, None, training, validation, SPEC, seed=3)
    torch.manual_seed(99)
    second = train(CONFIG, None, training, validation, SPEC, seed=3)
    assert torch.get_num_threads() == threads
    assert all(torch.equal(first.state[name], second.state[name]) for name in first.state)
    assert (predict(CONFIG, first.state, validation.encoded).argmax(1) == validation.labels).mean() > 0.95
    assert int(first.token_counts.sum()) == sum(len(row) for row in training.encoded.ids)
    assert first.best.validation_loss == min(epoch.validation_loss for epoch in first.history)
    other = train(CONFIG, None, training, validation, SPEC, seed=4)
    assert not torch.equal(first.state["tok_emb.weight"], other.state["tok_emb.weight"])


def test_early_stopping_ends_before_the_last_epoch():
    noise = Labelled(task(200, 0).encoded, np.random.default_rng(5).integers(0, 2, 200))
    result = train(CONFIG, None, noise, task(50, 1), TrainSpec(epochs=40, lr=1e-2, patience=1), seed=0)
    assert len(result.history) < 40


def test_a_loss_that_is_no_number_is_told():
    state = state_of(build_model(CONFIG, 0))
    state["classifier.bias"][:] = torch.nan
    with pytest.raises(FedotError, match=r"epoch 1; lower train\.lr"):
        train(CONFIG, state, task(20, 0), task(20, 1), SPEC, seed=0)


def test_fedprox_stays_closer_to_the_start():
    start = state_of(build_model(CONFIG, 0))

    def moved(mu):
        result = train(CONFIG, start, task(200, 0), task(50, 1), SPEC, seed=0, proximal_mu=mu)
        return sum(float((result.state[name] - start[name]).square().sum()) for name in start)

    assert moved(10.0) < 0.5 * moved(0.0)


def test_mixing_states_is_linear():
    a, b = (state_of(build_model(CONFIG, seed)) for seed in (0, 1))
    mixed = mix_states([a, b], [0.25, 0.75])
    torch.testing.assert_close(mixed["tok_emb.weight"], 0.25 * a["tok_emb.weight"] + 0.75 * b["tok_emb.weight"])
