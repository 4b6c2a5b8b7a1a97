"""What a run keeps of its classes, and what tables and figures make of it."""

import json

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from fedot.errors import FedotError
from fedot.report import load_results, render_report, write_results
from fedot.report.analysis.indexed_run import Run
from fedot.report.figures.confusion import MOST_CLASSES, confusion_figure
from fedot.report.figures.drawing import panel_figure
from fedot.report.tables.by_class import class_lines
from tests.report.test_html import Outline


def with_counts(results, counts_for):
    """The same results with counts of every strategy and seed."""
    places = dict.fromkeys((row["seed"], row["strategy"]) for row in results["rows"])
    kept = [{"seed": s, "strategy": name, "counts": np.asarray(counts_for(s)).tolist()} for s, name in places]
    return {**results, "confusions": kept}


def lines_of(results, label="OT fusion"):
    [found] = [lines for entry, lines in class_lines(Run.of(results)) if entry.label == label]
    return found


def test_each_seed_has_the_figures_of_scikit_learn(make):
    counts = np.array([[50, 30, 20], [5, 80, 15], [0, 10, 40]])
    true, predicted = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    precision, recall, f1, rows = precision_recall_fscore_support(true, predicted)
    results = with_counts(make(seeds=(0,)), lambda _: counts)
    for k, line in enumerate(lines_of(results)):
        assert line.name == str(k)  # the clients name two classes, and there are three
        found = [line.precision.mean, line.recall.mean, line.f1.mean, line.rows.mean]
        assert found == pytest.approx([precision[k], recall[k], f1[k], rows[k]])
        assert line.cells[0] == f"{100 * precision[k]:.1f} ± \N{EN DASH}"


def test_figures_are_means_over_seeds_with_their_interval(make):
    results = with_counts(make(seeds=(0, 1, 2)), lambda seed: [[90 - 10 * seed, 10 + 10 * seed], [20, 80]])
    first, second = lines_of(results)
    assert (first.name, second.name) == ("negative", "positive")
    assert first.recall.values == pytest.approx((0.9, 0.8, 0.7))
    assert first.cells[1] == "80.0 ± 24.8"
    assert first.cells[3] == "100"


def test_a_class_that_is_never_predicted_has_precision_0_and_one_without_rows_no_recall(make):
    never = lines_of(with_counts(make(seeds=(0,)), lambda _: [[0, 10], [0, 30]]))
    assert (never[0].precision.mean, never[0].recall.mean, never[0].f1.mean) == (0, 0, 0)
    empty = lines_of(with_counts(make(seeds=(0,)), lambda _: [[0, 0], [0, 30]]))
    assert empty[0].cells == ("\N{EN DASH}", "\N{EN DASH}", "\N{EN DASH}", "0")
    assert empty[1].cells[0].startswith("100.0")


def test_the_matrix_shows_shares_of_the_true_class_of_all_seeds(make):
    results = with_counts(make(seeds=(0, 1)), lambda seed: [[60 + 20 * seed, 40 - 20 * seed], [10, 190]])
    figure = confusion_figure(results)
    titles = [panel.title for panel in figure.panels]
    assert "OT fusion" in titles
    assert not [title for title in titles if title.startswith("Parent")]
    axes = panel_figure(figure.panels[titles.index("OT fusion")]).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts[:4] == ["70", "30", "5", "95"]
    assert {"negative", "positive"} <= set(texts)
    strength = [patch.get_alpha() for patch in axes.patches[:4]]
    assert strength == pytest.approx([0.42, 0.18, 0.03, 0.57])
    assert "negative taken for positive: 60 of 200" in axes.patches[1].get_gid()


def test_seeds_that_a_lines_figures_are_not_of_are_left_out(make):
    results = with_counts(make(seeds=(0, 1)), lambda seed: [[100, 0], [0, 100]] if seed else [[0, 100], [100, 0]])
    results["failures"] = [{"seed": 0, "strategy": "ot-fusion", "reason": "late"}]
    assert [line.recall.mean for line in lines_of(results)] == [1.0, 1.0]
    axes = panel_figure(next(p for p in confusion_figure(results).panels if p.title.startswith("OT"))).axes[0]
    assert axes.texts[0].get_text() == "100"


@pytest.mark.parametrize("classes", [3, 11, MOST_CLASSES + 1])
@pytest.mark.usefixtures("undrawn")
def test_many_classes_lose_numbers_then_the_drawing_and_keep_their_table(make, classes):
    results = with_counts(make(seeds=(0,)), lambda _: np.eye(classes, dtype=int) * 9 + 1)
    for each in results["provenance"]["data"].values():
        each["labels"] = [f"class number {k}" for k in range(classes)]
    page = Outline(render_report(results)).text
    assert f"class number {classes - 1}" in page
    assert ("Confusion matrices" in page) == (classes <= MOST_CLASSES)
    if classes == 11:
        axes = panel_figure(confusion_figure(results).panels[0]).axes[0]
        assert not [text for text in axes.texts if text.get_text().isdigit() and text.get_gid() is None]


@pytest.mark.usefixtures("undrawn")
def test_the_page_has_both_and_older_results_have_neither(make, tmp_path):
    results = with_counts(make(), lambda _: [[70, 30], [20, 80]])
    page = Outline(render_report(load_results(write_results(results, tmp_path)))).text
    assert "Confusion matrices" in page
    assert "negative 77.8 ± 0.0 70.0 ± 0.0 73.7 ± 0.0 100" in page
    assert "By class" not in Outline(render_report(make())).text
    assert "By class" not in Outline(render_report(make(task="translation"))).text


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([[1, 2]], "confusions.0: counts must be a square"),
        ([[1, 2], [3, -4]], "confusions.0.counts.1.1"),
        ([], "confusions.0.counts"),
        ([[1, 2], [3, 0.5]], "confusions.0.counts.1.1"),
    ],
)
def test_counts_that_cannot_be_are_refused_by_their_place(make, tmp_path, counts, told):
    path = tmp_path / "results.json"
    kept = [{"seed": 0, "strategy": "fedavg", "counts": counts}]
    path.write_text(json.dumps({**make(), "confusions": kept}), encoding="utf-8")
    with pytest.raises(FedotError, match=told):
        load_results(path)
    kept = [{"seed": 0, "strategy": "fedavg", "counts": np.eye(n).astype(int).tolist()} for n in (2, 3)]
    path.write_text(json.dumps({**make(), "confusions": kept}), encoding="utf-8")
    with pytest.raises(FedotError, match="same number of classes"):
        load_results(path)
