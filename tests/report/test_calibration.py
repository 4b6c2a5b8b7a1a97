import re

import numpy as np
import pytest

from fedot.report import render_report
from fedot.report.analysis.indexed_run import Run
from fedot.report.figures.drawing import panel_figure
from fedot.report.figures.reliability import reliability_figure
from fedot.report.tables.cells import calibration_lines
from tests.report.test_html import Outline


@pytest.fixture
def calibrated(make):
    results = make()
    for row in results["rows"]:
        metrics = row["metrics"]
        metrics |= {f"{name}_scaled": 0.5 * metrics[name] for name in ("nll", "ece", "brier")}
        metrics["temperature"] = 2.0 ** (1 + row["seed"] / 4)
    for item in results["reliability"]:
        item |= {f"scaled_bin_{key}": item[f"bin_{key}"][::-1] for key in ("count", "confidence", "correct")}
    return results


@pytest.mark.usefixtures("undrawn")
def test_the_page_shows_calibration_before_and_after(calibrated):
    page = Outline(render_report(calibrated))
    assert "before and after (T) temperature scaling" in page.text
    lines = calibration_lines(Run.of(calibrated))
    assert len(lines) == len(Run.of(calibrated).entries)
    for line in lines:
        before, after = (float(cell.split(" ")[0]) for cell in line["cells"][:2])
        assert after == pytest.approx(before / 2, abs=0.0011)
        assert line["temperature"] == f"{sum(2 ** (1 + seed / 4) for seed in range(3)) / 3:.2f}"


@pytest.mark.usefixtures("undrawn")
def test_the_main_table_leaves_scaled_figures_to_the_table_of_calibration(calibrated):
    table = re.search(r"<table>.*?</table>", render_report(calibrated), re.S)[0]
    assert "NLL" in table
    assert "scaled" not in table
    assert "Brier" not in table


def test_reliability_has_a_dashed_curve_only_where_there_was_scaling(make, calibrated):
    plain, scaled = reliability_figure(make()), reliability_figure(calibrated)

    def dashed(panel):
        return [line.get_xydata() for line in panel_figure(panel).axes[0].lines if line.get_linewidth() == 2]

    assert not any(dashed(panel) for panel in plain.panels)
    assert all(len(dashed(panel)) == 1 for panel in scaled.panels)
    records = [item for item in calibrated["reliability"] if item["strategy"] == "fedavg"]
    count, right = (np.sum([item[f"scaled_bin_{key}"] for item in records], axis=0) for key in ("count", "correct"))
    assert dashed(scaled.panels[0])[0][:, 1] == pytest.approx(right[count > 0] / count[count > 0])
    assert "Dashed: after temperature scaling." in scaled.caption
    assert "Dashed" not in plain.caption


@pytest.mark.usefixtures("undrawn")
def test_results_without_calibration_have_no_such_table(make):
    assert "temperature scaling" not in Outline(render_report(make())).text


@pytest.mark.usefixtures("undrawn")
def test_costs_and_paired_differences_are_on_the_page(make):
    few, many = (Outline(render_report(make(seeds=tuple(range(n))))).text for n in (3, 5))
    for text in (few, many):
        assert "Paired differences to FedAvg" in text
        assert "5.23 MB" in text
        assert "14.2 s" in text
    assert "the t interval is the honest one" in few
    assert "95 %, bootstrap" in many
    assert "95 %, bootstrap" not in few
    assert "Paired differences to FedAvg" not in Outline(render_report(make(seeds=(0,)))).text
