import pytest

from fedot.report.analysis.findings import findings

FEDAVG = {"xed-en": 0.70, "xed-fi": 0.70}


def shape(results, ours, theirs=FEDAVG, seeds=(0, 1, 2), noise=0.0):
    """Give both strategies known figures: `ours` and `theirs` map client to accuracy."""
    rows = []
    for seed in seeds:
        for strategy, levels in (("fedavg", theirs), ("ot-fusion", ours)):
            shift = 0.01 * seed + (noise * (-1) ** seed if strategy == "ot-fusion" else 0)
            figures = {"all": sum(levels.values()) / len(levels), **levels}
            rows += [
                {
                    "seed": seed,
                    "strategy": strategy,
                    "round": 1,
                    "split": split,
                    "metrics": {"accuracy": v + shift},
                }
                for split, v in figures.items()
            ]
    names = [{"name": "fedavg", "options": {}}, {"name": "ot-fusion", "options": {}}]
    return {**results, "rows": rows, "lines": [], "scenario": {**results["scenario"], "strategies": names}}


def test_a_gain_is_told_with_its_paired_interval(results):
    found = findings(shape(results, {"xed-en": 0.73, "xed-fi": 0.73}))
    assert found.headline == (
        "OT fusion reaches 74.0 % accuracy over all clients, 3.0 points above FedAvg "
        "(95 % interval 3.0 to 3.0, 3 seeds)."
    )


def test_a_loss_is_told_as_a_loss(results):
    found = findings(shape(results, {"xed-en": 0.70, "xed-fi": 0.676}))
    assert found.headline.startswith("FedAvg is not beaten: it reaches 71.0 %")
    assert "1.2 points below FedAvg" in found.headline
    assert "2.4 points below FedAvg on xed-fi" in found.points[0]
    assert "level with FedAvg on xed-en" in found.points[0]


def test_an_interval_across_zero_is_said_not_to_settle_it(results):
    found = findings(shape(results, {"xed-en": 0.71, "xed-fi": 0.71}, noise=0.05))
    assert "The interval includes zero: these seeds do not settle it." in found.headline


def test_one_seed_says_that_it_has_no_interval(results):
    found = findings(shape(results, {"xed-en": 0.73, "xed-fi": 0.73}, seeds=(0,)))
    assert "(one seed, no interval)" in found.headline
    assert "settle" not in found.headline


def test_where_optimal_transport_ended_is_told_even_if_something_else_won(results):
    headline = findings(results).headline
    assert headline.startswith("FedAvg, token rows reaches")
    assert "OT fusion is" in headline
    assert "below that" in headline


def test_many_clients_are_counted_and_the_weakest_is_named(make):
    found = findings(make(clients=tuple(f"c{i}" for i in range(16))))
    assert "above FedAvg on 16 of 16 clients; its weakest is c" in found.points[0]


def test_references_and_barrier_are_told(results):
    points = " ".join(findings(results).points)
    assert "points below the ensemble" in points
    assert "points below the centralised model" in points
    assert "the best parent (" in points
    assert "after alignment and 0.4" in points


def test_a_line_without_barrier_is_told_as_such(results):
    for line in results["lines"]:
        line["loss"] = [0.6 - 0.1 * a * (1 - a) for a in line["alpha"]]
    assert "no loss barrier" in findings(results).points[-1]


@pytest.mark.parametrize("rows", [[], "references only"])
def test_without_a_finished_strategy_there_is_nothing_to_compare(results, rows):
    if rows:
        results["rows"] = [row for row in results["rows"] if row["strategy"] == "ensemble"]
    else:
        results["rows"] = []
    assert findings(results).headline == "No strategy finished, so there is nothing to compare."


def test_without_fedavg_the_best_strategy_is_named(make):
    headline = findings(make(strategies=("fedadam", "ot-fusion"))).headline
    assert headline.startswith("OT fusion reaches")
    assert "FedAvg" not in headline


def test_translation_is_told_in_bleu(make):
    assert "BLEU over all clients" in findings(make(task="translation")).headline
