import pytest

from fedot.report.analysis.compared_runs import runs_of
from fedot.report.analysis.findings import findings, joint_findings
from fedot.report.analysis.indexed_run import Run
from fedot.report.figures.between_models import lines_figure
from fedot.report.figures.drawing import panel_figure

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
    assert "two ends after alignment. Without alignment it rises 0.4" in points


@pytest.mark.parametrize(
    ("bend", "aligned", "told", "short"),
    [
        (-0.4, 0.0, "falls 0.10 nats below the straight line between its two ends", "\N{MINUS SIGN}0.10"),
        (0.4, 0.0, "rises 0.10 nats above the straight line between its two ends", "+0.10"),
        (0.0, 0.0, "stays on the straight line between its two ends", "0.00"),
        (-0.4, 0.03, "falls 0.10 nats below the straight line between its two ends and rises up to 0.03 above it",
         "\N{MINUS SIGN}0.10"),
    ],
)  # fmt: skip
def test_the_sentence_on_the_barrier_tells_what_the_plot_shows(results, bend, aligned, told, short):
    for line in results["lines"]:
        line["loss"] = [0.6 + 0.1 * a + bend * a * (1 - a) for a in line["alpha"]]
        line["loss"][1] += aligned - bend * 0.09 if aligned else 0.0
    assert findings(results).points[-1] == (
        f"Between the anchor and a client's model the loss {told} after alignment. "
        f"Without alignment it {told} (mean of 3 lines)."
    )
    loss = lines_figure(results).panels[0]
    assert loss.aside == f"unaligned {short}, aligned {short}"
    dotted = [line for line in panel_figure(loss).axes[0].lines if line.get_linestyle() == ":"]
    for chord in dotted:
        assert chord.get_ydata() == pytest.approx([0.6, 0.7])
    assert len(dotted) == 2


def test_each_strategy_with_lines_has_its_own_sentence(results):
    results["lines"] += [{**line, "strategy": "fedavg"} for line in results["lines"]]
    told = [point for point in findings(results).points if "the anchor and a client" in point]
    assert [point.split(": between")[0] for point in told] == ["OT fusion", "FedAvg"]


def test_titles_that_begin_with_a_registered_name_are_spelt_out(make):
    results = make(strategies=("fedavg", "krum-aligned", "ot-fusion-distilled-400"))
    bases = {"krum-aligned": "krum", "ot-fusion-distilled-400": "ot-fusion"}
    for item in results["scenario"]["strategies"]:
        item["options"] = {"as": item["name"]}
        item["name"] = bases.get(item["name"], item["name"])
    plan = {"stages": [{"stage": "reduce"}]}
    results["plans"] = [{"seed": s, "strategy": "ot-fusion-distilled-400", "round": 1, "method": "merged", "plan": plan}
                        for s in (0, 1, 2)]  # fmt: skip
    labels = [entry.label for entry in Run.of(results).entries]
    assert labels[:3] == ["FedAvg", "Krum, aligned", "OT fusion, distilled 400 (merged)"]
    assert "ot-fusion" not in findings(results).headline


def joint(*runs):
    return joint_findings(runs_of([(f"run {k}", results) for k, results in enumerate(runs)]))


def test_several_runs_have_a_sentence_of_their_own_and_one_each(results):
    ours = [shape(results, {"xed-en": 0.73 + x, "xed-fi": 0.73 + x}) for x in (0.0, 0.02)]
    found = joint(*ours)
    assert found.headline == (
        "OT fusion is best in both runs: 74.0 to 76.0 % accuracy over all clients, +3.0 to +5.0 points against FedAvg "
        "(the 95 % interval leaves out zero in 2 of 2)."
    )
    assert [point.split(" reaches")[0] for point in found.points] == ["run 0: OT fusion", "run 1: OT fusion"]


def test_a_mixed_outcome_and_runs_without_figures_are_told(results):
    lost = shape(results, {"xed-en": 0.60, "xed-fi": 0.60})
    won = shape(results, {"xed-en": 0.73, "xed-fi": 0.73}, seeds=(0,))
    nothing = {**results, "rows": []}
    told = joint(won, {**won}, lost, nothing).headline
    assert told.startswith(
        "OT fusion is best in 2 of 4 runs: 73.0 % accuracy over all clients, +3.0 points against FedAvg"
    )
    assert "(one seed, no interval)." in told
    assert told.endswith("FedAvg is best in 1. In 1 no strategy finished.")
    assert joint(nothing, nothing).headline == "No strategy finished in any run, so there is nothing to compare."
    assert joint(lost).headline == findings(lost).headline


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
