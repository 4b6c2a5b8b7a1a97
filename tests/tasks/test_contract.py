"""The contract of every task: a new entry of TASKS is tested by being there."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from fedot.data import DATASETS
from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem
from fedot.models import MODELS, build_model
from fedot.report.analysis.entries import METRICS, metrics_of
from fedot.report.analysis.statistics import Scores
from fedot.results.results_schema import RANGES
from fedot.saved import SavedModel
from fedot.scenario import TrainSpec, dump_scenario, parse_scenario
from fedot.tasks import TASK_FACTS, TASKS, present_name, task_of
from fedot.tasks.task import Answering
from fedot.training import mean_loss, train
from tests.tasks.small import World, described, wanted, world

kept = cache(world)
HEADLINES = {"classification": "accuracy", "translation": "bleu", "language-model": "bits_per_byte"}


@pytest.fixture(params=TASKS)
def small(request: pytest.FixtureRequest) -> World:
    return kept(request.param)


def test_its_names_are_its_own(small: World) -> None:
    task = small.task
    assert TASKS[task.name] is task
    assert TASK_FACTS[task.name] is task.facts
    assert set(TASK_FACTS) == set(TASKS)
    assert task.architecture in MODELS
    assert task_of(task.architecture) is task
    names = [name for each in TASKS.values() for name in (each.name, *each.former_names)]
    assert len(set(names)) == len(names)
    assert all(present_name(name) == task.name for name in (task.name, *task.former_names))


def test_a_scenario_may_leave_out_all_that_the_task_brings(small: World) -> None:
    values = {"name": "a", "clients": {"dataset": wanted(small.task).name, "partition": {"count": 2}}}
    for name in (small.task.name, *small.task.former_names):
        found = parse_scenario({**values, "task": name})
        assert found.task == small.task.name
        assert found.model["name"] == small.task.architecture
        assert f"task: {small.task.name}\n" in dump_scenario(found)
    assert found.tokenizer.kind == small.task.facts.defaults.get("tokenizer", {}).get("kind", "wordpiece")


def test_a_stand_in_has_the_columns_and_is_the_same_every_time(small: World) -> None:
    first, again = (small.task.stand_in(wanted(small.task)) for _ in range(2))
    for rows, same in ((first.train, again.train), (first.test, again.test)):
        assert tuple(rows) == small.task.columns
        assert all(np.array_equal(rows[name], same[name]) for name in rows)
        assert len({len(column) for column in rows.values()}) == 1
    texts = small.task.text_columns[0]
    assert not set(first.train[texts]) & set(first.test[texts])


def test_a_data_set_serves_it(small: World) -> None:
    assert any(set(small.task.columns) <= set(corpus.columns) for corpus in DATASETS.values())


def test_examples_are_counted_and_cut(small: World) -> None:
    found = small.encode(small.train)
    assert len(found) == len(small.train)
    assert found.num_texts == len(small.task.texts(small.train))
    counts = found.count_tokens(small.config.vocab_size)
    assert int(counts.sum()) == int(found.lengths.sum())
    assert int(counts[0]) == 0
    whole = small.task.encode([small.train], small.tokenizer, 10_000)
    assert whole.truncated == 0
    assert 0 < found.truncated <= found.num_texts
    assert (found.lengths <= whole.lengths).all()
    classes = found.count_classes(2)
    assert (classes is not None) == small.task.has_classes
    assert classes is None or int(classes.sum()) == len(found)
    halves = [small.train.select(range(30)), small.train.select(range(30, 60))]
    both = small.task.encode(halves, small.tokenizer, small.config.max_length)
    assert torch.equal(both.count_tokens(small.config.vocab_size), counts)


def test_a_loss_is_that_of_guessing_at_first_and_falls(small: World) -> None:
    examples, module = small.encode(small.train), build_model(small.config, 0)
    options = 2 if small.task.has_classes else small.config.vocab_size
    before = mean_loss(module, examples)
    assert before == pytest.approx(math.log(options), abs=0.35)
    spec = TrainSpec(epochs=8, lr=0.01, patience=8)
    after = train(small.config, None, examples, examples, spec, seed=0)
    assert after.best.validation_loss < before - 0.1
    rows = np.arange(5)
    loss, count = examples.loss(module, rows, "cpu")
    parts = [examples.loss(module, rows[i : i + 1], "cpu") for i in range(5)]
    assert sum(n for _, n in parts) == count
    assert float(loss.detach()) == pytest.approx(sum(float(one.detach()) * n for one, n in parts) / count, rel=1e-4)


def test_wrong_answers_are_wrong_and_cost_more(small: World) -> None:
    examples = small.encode(small.train)
    wrong = examples.made_wrong(2)
    assert len(wrong) == len(examples)
    assert wrong.truncated == examples.truncated
    spec = TrainSpec(epochs=40, lr=0.02, patience=40, batch_size=16)
    state = train(small.config, None, examples, examples, spec, seed=0).state
    module = build_model(small.config, 0)
    module.load_state_dict(state)
    assert mean_loss(module, wrong) > mean_loss(module, examples) + 0.05


def test_tallies_survive_the_wire_and_pass_their_check(small: World) -> None:
    for calibrated in (True, False):
        request = small.request(small.state(), calibrated=calibrated)
        [found] = small.evaluate(request)
        again = small.task.read_tally(found.to_record(), request)
        assert again.to_record() == found.to_record()
        assert type(again) is type(found)
        small.task.check_tally(again, described(small), request)
        assert found.nll_sum / found.count == found.metrics()["nll"]


def test_tallies_of_parts_add_up_to_that_of_all(small: World) -> None:
    request = small.request(small.state(), calibrated=False)
    [whole] = small.evaluate(request)
    parts = [small.evaluate(request, small.test.select(range(*part)))[0] for part in ((0, 7), (7, 20))]
    assert (parts[0] + parts[1]).count == whole.count
    assert (parts[0] + parts[1]).metrics() == pytest.approx(whole.metrics(), rel=1e-6)


def test_sums_of_other_rows_or_no_numbers_are_refused(small: World) -> None:
    request = small.request(small.state(), calibrated=False)
    [found] = small.evaluate(request)
    for change in ({"num_test": 10_000}, {"num_test": 1}):
        with pytest.raises(FedotError):
            small.task.check_tally(found, described(small, **change), request)
    for bad in (math.nan, math.inf, -1.0, 1e30):
        with pytest.raises(FedotError):
            small.task.check_tally(replace(found, nll_sum=bad), described(small), request)
    record = found.to_record()
    for key in record:
        with pytest.raises(FedotError):
            small.task.read_tally({name: value for name, value in record.items() if name != key}, request)
        with pytest.raises(FedotError):
            small.task.read_tally({**record, key: "x"}, request)


def test_sums_of_every_other_task_are_refused(small: World) -> None:
    request = small.request(small.state(), calibrated=False)
    [found] = small.evaluate(request)
    for task in TASKS.values():
        if task is not small.task:
            with pytest.raises(FedotError, match="its figures are of another task"):
                task.read_tally(found.to_record(), request)


def test_a_model_mixed_with_itself_is_itself(small: World) -> None:
    items = (
        EvaluationItem("weights", ((0, 1.0),)),
        EvaluationItem("weights", ((0, 0.5), (1, 0.5))),
        EvaluationItem("probabilities", ((0, 0.25), (1, 0.75))),
    )
    state = small.state()
    one, weights, mixture = small.evaluate(small.request(state, state, items=items, calibrated=False))
    assert weights.metrics() == pytest.approx(one.metrics(), rel=1e-6)
    assert mixture.metrics() == pytest.approx(one.metrics(), rel=1e-6)


def test_a_mixture_of_probabilities_is_no_worse_than_the_mean_loss(small: World) -> None:
    """The logarithm is concave."""
    items = tuple(EvaluationItem("probabilities", each) for each in (((0, 1.0),), ((1, 1.0),), ((0, 0.5), (1, 0.5))))
    found = small.evaluate(small.request(small.state(1), small.state(2), items=items, calibrated=False))
    a, b, both = (each.metrics()["nll"] for each in found)
    assert both <= (a + b) / 2 + 1e-9


def test_figures_are_known_to_reports_and_in_range(small: World) -> None:
    [found] = small.evaluate(small.request(small.state()))
    figures = small.task.figures({"all": found, "north": found})
    assert set(figures) == {"all", "north"}
    for each in figures.values():
        assert set(each.metrics) <= set(METRICS) & set(RANGES)
        for name, value in each.metrics.items():
            low, high = RANGES[name]
            assert low <= value <= high, name
        assert (each.reliability is not None) == small.task.has_classes
    rows = [
        {"seed": 0, "strategy": "fedavg", "round": 1, "split": "all", "metrics": dict(figures["all"].metrics)},
    ]
    scores = Scores.of_results({"scenario": {"seeds": [0], "rounds": 1}, "rows": rows, "provenance": {}})
    assert metrics_of(scores)[0].key == HEADLINES.get(small.task.name, metrics_of(scores)[0].key)


def test_new_texts_are_answered_one_by_one(small: World) -> None:
    model = SavedModel(small.config, small.state(), small.tokenizer.to_str())
    assert model.task is small.task
    texts = small.task.texts(small.test)[:3]
    found, again = (small.task.answer(model, texts, Answering(beam=2, num_tokens=4)) for _ in range(2))
    assert found == again
    assert all(len(column) == 3 for column in found.values())
    assert all(isinstance(each, str) for each in next(iter(found.values())))
    alone = small.task.answer(model, texts[:1], Answering(beam=2, num_tokens=4))
    assert next(iter(alone.values()))[0] == next(iter(found.values()))[0]
    broken: dict[str, Any] = {name: torch.full_like(tensor, torch.nan) for name, tensor in model.state.items()}
    with pytest.raises(FedotError, match="NaN"):
        small.task.answer(replace(model, state=broken), texts, Answering())


def test_no_text_is_in_a_tally(small: World) -> None:
    [found] = small.evaluate(small.request(small.state()))
    values = [value for each in found.to_record().values() for value in (each if isinstance(each, list) else [each])]
    assert all(type(value) in (int, float) for value in values)
    assert small.task.signatures().keys() <= {"bleu", "chrf"}
