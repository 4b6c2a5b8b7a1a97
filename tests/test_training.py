import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from fedot.errors import FedotError
from fedot.evaluation.evaluate import predict
from fedot.models import build_model, load_model, model_config, state_of
from fedot.models.batching import count_tokens
from fedot.scenario import TrainSpec
from fedot.tasks.classification import Labelled
from fedot.tokenizer import Encoded
from fedot.training import mean_loss, smoothed_prior, train

CONFIG = model_config({"name": "encoder", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 32, "max_length": 8}, 20, 2)
SPEC = TrainSpec(epochs=6, batch_size=16, lr=5e-3)


def task(n, seed):
    """Token 2 or 3 among noise decides the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    rows = [[*rng.integers(4, 20, rng.integers(1, 6)).tolist(), int(2 + label)] for label in labels]
    return Labelled(Encoded(rows, 0), labels)


def noise(n, seed):
    return Labelled(task(n, seed).encoded, np.random.default_rng(seed + 9).integers(0, 2, n))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def equal(a, b):
    return all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def test_training_learns_a_simple_task():
    training, validation = task(300, 0), task(100, 1)
    result = train(CONFIG, None, training, validation, SPEC, seed=3)
    assert (predict(CONFIG, result.state, validation.encoded).argmax(1) == validation.labels).mean() > 0.95
    assert result.num_examples == 300
    assert result.history[-1].train_loss < 0.5 * result.history[0].train_loss
    assert result.seconds == pytest.approx(sum(epoch.seconds for epoch in result.history))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_training_is_repeatable_to_the_bit(threads, dropout):
    config, spec = replace(CONFIG, dropout=dropout), TrainSpec(epochs=2, batch_size=16)
    states, histories = [], []
    for number in (1, 2, 3):
        threads(number)
        torch.manual_seed(number)
        used = []
        count = lambda *_, used=used: used.append(torch.get_num_threads())  # noqa: E731
        result = train(config, None, task(80, 0), task(20, 1), spec, seed=3, on_epoch=count)
        assert set(used) == {1}
        states.append(result.state)
        histories.append([(epoch.train_loss, epoch.validation_loss) for epoch in result.history])
    assert equal(states[0], states[1])
    assert equal(states[0], states[2])
    assert histories[0] == histories[1] == histories[2]
    other = train(config, None, task(80, 0), task(20, 1), spec, seed=4)
    assert not torch.equal(states[0]["tok_emb.weight"], other.state["tok_emb.weight"])


def test_threads_and_the_global_generator_are_as_before(threads):
    threads(2)
    torch.manual_seed(0)
    want = torch.rand(3)
    torch.manual_seed(0)
    train(CONFIG, None, task(20, 0), task(20, 1), TrainSpec(epochs=1), seed=3)
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.rand(3), want)
    broken = state_of(build_model(CONFIG, 0))
    broken["classifier.bias"][:] = torch.nan
    with pytest.raises(FedotError):
        train(CONFIG, broken, task(20, 0), task(20, 1), SPEC, seed=0)
    assert torch.get_num_threads() == 2


def test_early_stopping_keeps_the_best_epoch():
    validation = noise(60, 1)
    spec = TrainSpec(epochs=40, lr=1e-2, batch_size=16, keep="best", patience=3, calibrate=False)
    told = []
    result = train(CONFIG, None, noise(200, 0), validation, spec, seed=0, on_epoch=lambda n, _: told.append(n))
    losses = [epoch.validation_loss for epoch in result.history]
    assert len(losses) < 40
    assert told == list(range(len(losses)))
    assert len(losses) - 1 - losses.index(min(losses)) == 3
    assert result.best.validation_loss == min(losses) < losses[-1]
    again = mean_loss(load_model(CONFIG, result.state), validation)
    assert again == pytest.approx(min(losses), abs=1e-6)


def test_the_last_epoch_is_kept_where_it_is_asked_for_and_all_are_gone_through():
    validation = noise(60, 1)
    spec = TrainSpec(epochs=12, lr=1e-2, batch_size=16, keep="last", calibrate=False)
    result = train(CONFIG, None, noise(200, 0), validation, spec, seed=0)
    assert len(result.history) == 12
    assert result.kept(spec) == result.history[-1] != result.best
    again = mean_loss(load_model(CONFIG, result.state), validation)
    assert again == pytest.approx(result.history[-1].validation_loss, abs=1e-6)


@pytest.mark.parametrize("loss", ["cross-entropy", "logit-adjusted"])
def test_a_calibrated_classifier_says_the_same_classes_and_is_no_surer_than_right(loss):
    spec = TrainSpec(epochs=12, lr=1e-2, batch_size=16, loss=loss)
    training, validation, unseen = noise(200, 0), noise(100, 1), noise(400, 2)
    sure, calm = (
        train(CONFIG, None, training, validation, spec.model_copy(update={"calibrate": each}), seed=0).state
        for each in (False, True)
    )
    assert {name for name in sure if not torch.equal(sure[name], calm[name])} == {
        "classifier.weight",
        "classifier.bias",
    }
    before, after = (predict(CONFIG, state, unseen.encoded) for state in (sure, calm))
    assert (before.argmax(1) == after.argmax(1)).all()
    losses = [mean_loss(load_model(CONFIG, state), unseen) for state in (sure, calm)]
    assert losses[1] < losses[0] - 0.1
    assert after.max(1).mean() < before.max(1).mean() - 0.1


def test_nobody_gets_surer_by_calibration():
    training, validation = task(300, 0), task(100, 1)
    config = replace(CONFIG, dropout=0.0)
    states = [
        train(config, None, training, validation, TrainSpec(epochs=2, batch_size=16, calibrate=each), seed=3).state
        for each in (False, True)
    ]
    assert equal(states[0], states[1])


def test_more_patience_trains_longer():
    specs = [TrainSpec(epochs=30, lr=1e-2, keep="best", patience=p) for p in (1, 6)]
    epochs = [len(train(CONFIG, None, noise(100, 0), noise(40, 1), spec, 0).history) for spec in specs]
    assert epochs[0] < epochs[1]


def test_a_loss_that_is_no_number_is_told():
    state = state_of(build_model(CONFIG, 0))
    state["classifier.bias"][:] = torch.nan
    with pytest.raises(FedotError, match=r"became nan in epoch 1; lower train\.lr \(it is 0\.005\)"):
        train(CONFIG, state, task(20, 0), task(20, 1), SPEC, seed=0)


def test_a_last_step_that_breaks_the_model_is_told():
    spec = TrainSpec(epochs=1, batch_size=64, lr=1e38, warmup=0.0, clip=1e9)
    with pytest.raises(FedotError, match=r"the validation loss became nan in epoch 1; lower train\.lr"):
        train(CONFIG, None, task(40, 0), task(20, 1), spec, seed=0)


def test_fedprox_stays_closer_to_the_start():
    start = state_of(build_model(CONFIG, 0))

    def moved(mu):
        result = train(CONFIG, start, task(200, 0), task(50, 1), SPEC, seed=0, proximal_mu=mu)
        return sum(float((result.state[name] - start[name]).square().sum()) for name in start)

    distances = [moved(mu) for mu in (0.0, 0.1, 10.0)]
    assert distances[0] > distances[1] > 2 * distances[2]


def test_the_starting_state_is_used_and_left_alone():
    start = state_of(build_model(CONFIG, 7))
    before = {name: tensor.clone() for name, tensor in start.items()}
    result = train(CONFIG, start, task(40, 0), task(20, 1), TrainSpec(epochs=1, lr=1e-9, calibrate=False), seed=0)
    assert equal(start, before)
    for name, tensor in result.state.items():
        torch.testing.assert_close(tensor, start[name], rtol=0, atol=1e-6)


def test_tokens_are_counted():
    assert count_tokens([[2, 3, 2], [5]], 7).tolist() == [0, 0, 2, 1, 0, 1, 0]
    training = task(40, 0)
    result = train(CONFIG, None, training, task(20, 1), TrainSpec(epochs=2), seed=0)
    assert result.token_counts.dtype == torch.int64
    assert torch.equal(result.token_counts, count_tokens(training.encoded.ids, 20))
    assert int(result.token_counts.sum()) == sum(map(len, training.encoded.ids))


def test_the_loss_of_a_model_that_knows_nothing():
    state = state_of(build_model(CONFIG, 0))
    state["classifier.weight"].zero_()
    for batch_size in (1, 7, 256):
        loss = mean_loss(load_model(CONFIG, state), task(30, 0), batch_size=batch_size)
        assert loss == pytest.approx(math.log(2), abs=1e-6)


def skewed(data, keep):
    """Of the texts of class 0 only the first `keep`."""
    zeros = np.flatnonzero(data.labels == 0)[:keep]
    rows = np.sort(np.concatenate([zeros, np.flatnonzero(data.labels == 1)]))
    return Labelled(Encoded([data.encoded.ids[i] for i in rows], 0), data.labels[rows])


def share_of_ones(spec):
    """Of texts without the telling tokens, how many a model takes for class 1 that saw nine of it to one of class 0."""
    training, validation = skewed(noise(600, 0), 33), skewed(noise(200, 1), 11)
    result = train(CONFIG, None, training, validation, spec, seed=3)
    return predict(CONFIG, result.state, noise(200, 2).encoded)[:, 1].mean()


def test_adjusted_logits_do_not_learn_how_frequent_a_class_is():
    plain = share_of_ones(SPEC)
    adjusted = share_of_ones(SPEC.model_copy(update={"loss": "logit-adjusted"}))
    assert plain > 0.85
    assert abs(adjusted - 0.5) < 0.15


def test_adjusted_logits_of_one_class_alone_say_nothing_of_it():
    training, validation = skewed(task(300, 0), 0), skewed(task(100, 1), 0)
    plain = train(CONFIG, None, training, validation, SPEC, seed=3).state
    adjusted = train(CONFIG, None, training, validation, SPEC.model_copy(update={"loss": "logit-adjusted"}), seed=3)
    texts = task(100, 2).encoded
    assert predict(CONFIG, plain, texts)[:, 1].mean() > 0.95
    assert abs(predict(CONFIG, adjusted.state, texts)[:, 1].mean() - 0.5) < 0.3


def test_the_prior_is_that_of_the_labels_and_one_text_more_of_each_class():
    data = skewed(noise(600, 0), 33)
    prior, smoothing = smoothed_prior(data, CONFIG)
    assert prior.tolist() == pytest.approx([34 / (len(data) + 2), (len(data) - 32) / (len(data) + 2)])
    assert smoothing == pytest.approx(2 / (len(data) + 2))
    assert smoothed_prior(data, CONFIG, 0.1)[0].tolist() == pytest.approx(
        [0.9 * share + 0.05 for share in (33 / len(data), 1 - 33 / len(data))]
    )


def test_adjusted_logits_need_labels():
    config = model_config({"name": "decoder", "d_model": 16, "n_layer": 1, "n_head": 2, "d_ff": 32}, 20, 0)
    with pytest.raises(FedotError, match="logit-adjusted is for texts with labels"):
        train(config, None, task(8, 0), task(8, 1), TrainSpec(loss="logit-adjusted"), seed=0)
