import pytest

from fedot.report import render_report
from fedot.report.analysis.neuron_groups import MOST_GROUPS, fit_summary
from fedot.report.figures.couplings_and_fits import fits_figure
from fedot.report.figures.drawing import hover, panel_figure


def marks(panel):
    """Large marks by what they say, and the rows of small ones."""
    [axes] = panel_figure(panel).axes
    small = [line for line in axes.lines if line.get_alpha() == 0.6]
    return {line.get_gid().removeprefix(hover("")): line for line in axes.lines if line.get_gid()}, small


def test_a_large_mark_is_the_mean_and_every_client_and_seed_has_a_small_one(make):
    results = make(clients=("a", "b", "c"), seeds=(0, 1))
    [panel] = fits_figure(results).panels
    drawn = [group for item in results["diagnostics"] for group in item["groups"] if group["entropy"] is not None]
    means, small = marks(panel)
    assert len(means) == 5
    assert sum(len(line.get_xdata()) for line in small) == len(drawn) == 2 * 2 * 5
    fits = [group["fit"] for group in drawn if group["group"] == "ffn.0"]
    assert means[f"ffn.0: {sum(fits) / len(fits):.3f}"].get_xdata() == pytest.approx([sum(fits) / len(fits)])
    assert "vocab" not in panel.label


def test_many_groups_are_drawn_by_family(results):
    for item in results["diagnostics"]:
        ffn = next(group for group in item["groups"] if group["group"] == "ffn.0")
        item["groups"] = [{**ffn, "group": f"ffn.{layer}"} for layer in range(MOST_GROUPS + 1)]
    [panel] = fits_figure(results).panels
    assert len(marks(panel)[0]) == 1


@pytest.mark.usefixtures("undrawn")
def test_the_summary_is_by_family_and_says_what_is_held(results):
    lines = {line.family: line for line in fit_summary(results)}
    assert list(lines) == ["vocab", "residual", "heads", "qk", "ffn"]
    assert lines["ffn"].count == 2 * 3  # layers and seeds
    assert lines["vocab"].pinned.startswith("its neurons have names")
    assert lines["ffn"].pinned == ""
    assert lines["qk"].entropy is None
    assert lines["heads"].entropy.mean == pytest.approx(0)
    page = render_report(results)
    assert "its neurons have names" in page
    assert f"\u2212{-lines['ffn'].fit.mean:.3f}" in page


def test_what_was_not_measured_is_left_out(results):
    for item in results["diagnostics"]:
        for group in item["groups"]:
            group["fit"] = None
    assert fits_figure(results) is None
    assert all(line.fit is None for line in fit_summary(results))
    results["diagnostics"] = []
    assert fits_figure(results) is None
    assert fit_summary(results) == []
