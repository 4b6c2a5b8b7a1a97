"""Losses by epoch: kept where clients tell them, drawn as they are."""

import json

import pytest

from fedot.errors import FedotError
from fedot.report import load_results, render_report
from fedot.report.figures.drawing import COLOURS, panel_figure
from fedot.report.figures.learning import learning_figure
from tests.report.test_html import Outline


def with_epochs(results, strategies=("parent",), rounds=1, epochs=3):
    """Losses that fall by a tenth each epoch from what seed and round say."""
    clients, seeds = results["provenance"]["data"], results["scenario"]["seeds"]
    kept = [
        {
            **{"seed": seed, "strategy": strategy, "round": number, "client": client},
            "train": [1.0 + seed - 0.1 * epoch - 0.2 * number for epoch in range(epochs - (seed == 2))],
            "validation": [1.5 + seed for _ in range(epochs - (seed == 2))],
        }
        for seed in seeds
        for strategy in strategies
        for number in range(1, rounds + 1)
        for client in clients
    ]
    return {**results, "scenario": {**results["scenario"], "train": {"epochs": epochs}}, "epochs": kept}


def curves(panel):
    """Places and losses of every curve by its colour and dash."""
    lines = [line for line in panel_figure(panel).axes[0].lines if len(line.get_xdata()) > 1]
    return [(line.get_color(), line.get_linestyle(), *map(list, line.get_data())) for line in lines]


def test_each_client_has_its_mean_over_seeds_that_trained_so_long(make):
    figure = learning_figure(with_epochs(make(seeds=(0, 1, 2))))
    assert [panel.title for panel in figure.panels] == ["xed-en", "xed-fi"]
    (colour, dashes, places, train), (_, dashed, _, validation) = curves(figure.panels[0])
    assert (colour, dashes, dashed) == (COLOURS["reference"], "-", "--")
    assert places == [1, 2, 3]
    assert train == pytest.approx([1.8, 1.7, 1.1])  # of seed 2 the third epoch is not there
    assert validation == pytest.approx([2.5, 2.5, 2.0])


def test_rounds_follow_each_other_and_each_begins_anew(make):
    found = curves(learning_figure(with_epochs(make(seeds=(0,), rounds=2), rounds=2)).panels[0])
    assert [places for _, dashes, places, _ in found if dashes == "-"] == [[1, 2, 3], [4, 5, 6]]


def test_many_strategies_show_their_training_loss_alone_and_many_clients_share_a_panel(make):
    figure = learning_figure(with_epochs(make(rounds=2), ("fedavg", "fedadam", "ot-fusion"), rounds=2))
    assert {dashes for _, dashes, *_ in curves(figure.panels[0])} == {"-"}
    assert [(colour, label) for colour, _, label in figure.legend] == [
        ("ot", "OT fusion"),
        ("baseline", "FedAvg"),
        ("s2", "FedAdam"),
    ]
    many = learning_figure(with_epochs(make(clients=tuple(f"c{k}" for k in range(16)))))
    assert [panel.title for panel in many.panels] == ["All 16 clients"]


@pytest.mark.usefixtures("undrawn")
def test_the_page_shows_them_and_a_federation_that_tells_none_has_no_figure(make):
    assert "Local training, epoch by epoch" in Outline(render_report(with_epochs(make()))).text
    assert learning_figure(make()) is None
    assert learning_figure(with_epochs(make(seeds=(0,)), epochs=1)) is None  # one point is no curve


def test_losses_that_are_not_there_are_left_out(make):
    results = with_epochs(make(seeds=(0,)))
    for item in results["epochs"]:
        item["train"] = [None] * 3
    assert [dashes for _, dashes, *_ in curves(learning_figure(results).panels[0])] == ["--"]
    for item in results["epochs"]:
        item["validation"] = [None] * 3
    assert learning_figure(results) is None


def test_losses_of_unequal_number_are_refused_by_their_place(make, tmp_path):
    results = with_epochs(make())
    results["epochs"][1]["train"].append(0.5)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(FedotError, match=r"epochs\.1: train and validation need one loss for each epoch"):
        load_results(path)
