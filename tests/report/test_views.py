import pytest

from fedot.report.analysis.entries import METRICS, duration, entries_of, quantity
from fedot.report.analysis.statistics import Estimate, Scores
from fedot.report.analysis.titles import base_names, kind_of, label_of


def test_metrics_are_written_with_real_minus_and_without_minus_zero():
    accuracy = METRICS["accuracy"]
    assert accuracy.number(0.7094) == "70.9"
    assert accuracy.number(-0.012, signed=True) == "\u22121.2"
    assert accuracy.number(0.012, signed=True) == "+1.2"
    assert accuracy.number(-0.00001, signed=True) == "0.0"
    assert METRICS["nll"].number(0.6123) == "0.612"


def test_an_estimate_of_one_seed_shows_that_it_has_no_interval():
    accuracy = METRICS["accuracy"]
    assert accuracy.estimate(Estimate(0.7, None, None, (0.7,))) == "70.0 ± \u2013"
    assert accuracy.estimate(Estimate(0.7, 0.68, 0.72, (0.69, 0.71))) == "70.0 ± 2.0"
    assert accuracy.interval(Estimate(0.7, None, None, (0.7,))) == "one seed, no interval"
    assert accuracy.estimate(None) == "\u2013"


def test_strategies_are_told_apart_under_names_of_the_users_own(results):
    results["scenario"]["strategies"] = [
        {"name": "fedavg", "options": {}},
        {"name": "ot-fusion", "options": {"as": "mine"}},
        {"name": "ot-fusion", "options": {"as": "fedavg-like"}},
    ]
    bases = base_names(results)
    assert bases == {"fedavg": "fedavg", "mine": "ot-fusion", "fedavg-like": "ot-fusion"}
    assert kind_of("mine", bases) == kind_of("fedavg-like", bases) == "ot"
    assert kind_of("fedavg", bases) == "baseline"
    assert kind_of("parent:ot-client", bases) == kind_of("ensemble", bases) == "reference"
    assert label_of("mine", {}) == "mine"


def test_few_parents_have_a_line_each_many_share_two(make):
    few, many = make(), make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1))
    labels = [entry.label for entry in entries_of(few, Scores.of(few["rows"]))]
    assert labels[-2:] == ["Parent xed-en", "Parent xed-fi"]
    entries = entries_of(many, Scores.of(many["rows"]))
    assert entries[-2].label == "Parents, mean of 16"
    assert len(entries[-2].members) == 16
    assert entries[-1].label.startswith("Best parent, c")


def test_sections_come_in_order_and_a_failed_strategy_keeps_its_line(results):
    results["failures"] = [{"seed": seed, "strategy": "krum", "reason": "too few clients"} for seed in (0, 1)]
    entries = entries_of(results, Scores.of(results["rows"]))
    kinds = [entry.kind for entry in entries]
    assert kinds == sorted(kinds, key=["baseline", "ot", "reference"].index)
    (krum,) = (entry for entry in entries if entry.members == ("krum",))
    assert (krum.kind, krum.failure) == ("baseline", "too few clients (seeds 0, 1)")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (2_613_120, "2.61 MB"), (5e9, "5 GB"), (2e13, "20 TB")]
)
def test_bytes(count, text):
    assert quantity(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.26, "0.3 s"), (61, "1 min 01 s"), (119.7, "2 min 00 s"), (7260, "2 h 01 min")]
)
def test_seconds(seconds, text):
    assert duration(seconds) == text
