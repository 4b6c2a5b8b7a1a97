"""Every row, figure and page names the method that ran."""

import json

import pytest
from rich.console import Console

from fedot.errors import FedotError
from fedot.report import compare, load_results, render_report, summary_latex, summary_markdown, summary_table, write_csv
from fedot.report.analysis.titles import label_of, plan_lines, section_titles
from fedot.report.figures.by_strategy import scores_figure
from fedot.report.figures.drawing import panel_figure
from fedot.report.tables.by_round import rounds_markdown
from fedot.report.tables.differences import paired_markdown
from tests.report.test_html import Outline

ALIGN = {"stages": [{"stage": "align", "solver": "exact", "reg": 0.1}, {"stage": "average"}], "method": "aligned"}
REDUCE = {"stages": [{"stage": "reduce", "size": 1.0, "basis": None}, {"stage": "refit"}], "method": "merged"}
LATER = {"stages": [{"stage": "of-a-later-release", "how": {"a": [1, 2]}, "well": True}], "method": "later"}
PLANS = {"aligned": ALIGN, "merged": REDUCE, "later": LATER}


def planned(strategy, *seeds):
    """Plans of a strategy: of each seed the methods of its rounds."""
    return [
        {"seed": seed, "strategy": strategy, "round": number, "method": method, "plan": PLANS[method]}
        for seed, methods in enumerate(seeds)
        for number, method in enumerate(methods, 1)
    ]


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ([["merged"], ["merged"]], "OT fusion (merged)"),
        ([["merged", "aligned", "aligned"]] * 3, "OT fusion (merged, then aligned)"),
        ([["aligned", "merged"]], "OT fusion (aligned, then merged)"),
        ([["merged"], ["aligned"], ["merged"]], "OT fusion (merged or aligned)"),
        ([["merged"], ["merged", "aligned"]], "OT fusion (merged or merged, then aligned)"),
        ([], "OT fusion"),
    ],
)
def test_a_label_names_the_methods(seeds, told):
    assert label_of("ot-fusion", {"plans": planned("ot-fusion", *seeds)}) == told


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("mine", "mine (merged)"),
        ("merged", "merged"),
        ("Merged, 2 widths", "Merged, 2 widths"),
        ("unmerged", "unmerged (merged)"),
        ("krum-merged", "Krum (merged)"),
        ("ot-fusion-merged", "OT fusion (merged)"),
    ],
)
def test_a_title_of_the_user_stays_and_says_the_method_once(title, told):
    assert label_of(title, {"plans": planned(title, ["merged"])}) == told
    assert label_of(title, {}) == title


def test_a_title_that_names_one_of_two_methods_names_both():
    assert label_of("merged", {"plans": planned("merged", ["merged", "aligned"])}) == "merged (merged, then aligned)"


@pytest.mark.parametrize(
    ("methods", "told"), [({"aligned"}, "OT fusion"), ({"merged"}, "Fusion"), ({"aligned", "merged"}, "Fusion")]
)
def test_what_is_no_transport_is_not_called_so(results, methods, told):
    results["plans"] = [plan for method in methods for plan in planned("ot-fusion", [method])]
    assert section_titles(results)["ot"] == told
    assert section_titles({**results, "plans": []})["ot"] == "OT fusion"
    results["plans"] += planned("fedavg-merged", ["merged"]) if told == "OT fusion" else []
    assert section_titles(results)["ot"] == told


@pytest.mark.usefixtures("undrawn")
def test_every_view_names_the_method(results, tmp_path):
    results["plans"] = planned("ot-fusion", ["merged"], ["merged"], ["merged"])
    with (tmp_path / "console").open("w") as file:
        console = Console(width=120, record=True, file=file, color_system=None)
        console.print(summary_table(results))
    page = Outline(render_report(results)).text
    views = {
        "console": console.export_text(),
        "markdown": summary_markdown(results),
        "latex": summary_latex(results),
        "page": page,
        "comparison": compare([("a", results)], tmp_path).read_text(encoding="utf-8"),
        "comparison latex": (tmp_path / "compare.tex").read_text(encoding="utf-8"),
        "against": paired_markdown(results, "fedavg"),
        "against it": paired_markdown(results, "ot-fusion"),
        "rounds": rounds_markdown(results, "all"),
        "figure": scores_figure(results).panels[0].label,
    }
    for name, text in views.items():
        assert "OT fusion (merged)" in " ".join(text.split()), name
    assert "Fusion" in [line.strip() for line in views["console"].splitlines()]
    texts = [text.get_text() for text in panel_figure(scores_figure(results).panels[0]).axes[0].texts]
    assert "OT fusion (merged)" in texts
    assert scores_figure(results).legend[0][2] == "Fusion"
    assert page.startswith("bilingual")
    with write_csv(results, tmp_path / "s.csv").open() as file:
        assert "ot-fusion,ot," in file.read()  # names of strategies, which scripts rely on, stay


def test_a_name_that_is_too_long_for_its_line_has_two(results):
    results["plans"] = planned("ot-fusion", ["merged", "aligned"])
    texts = [text.get_text() for text in panel_figure(scores_figure(results).panels[0]).axes[0].texts]
    assert {"OT fusion (merged,", "then aligned)"} <= set(texts)


@pytest.mark.usefixtures("undrawn")
def test_the_page_shows_each_plan_once_and_also_what_it_does_not_know(results):
    results["plans"] = [*planned("ot-fusion", ["merged", "aligned"], ["merged", "aligned"]), *planned("x", ["later"])]
    lines = plan_lines(results)
    assert [(line.label, line.when) for line in lines] == [
        ("OT fusion (merged, then aligned)", "seeds 0, 1, round 1"),
        ("OT fusion (merged, then aligned)", "seeds 0, 1, round 2"),
        ("x (later)", ""),
    ]
    assert lines[1].stages == (("align", "solver: exact, reg: 0.1"), ("average", ""))
    page = Outline(render_report(results)).text
    for wanted in ("Plans of fusion", "size: 1.0, basis: null", "of-a-later-release", 'how: {"a": [1, 2]}, well: true'):
        assert wanted in page
    assert "Plans of fusion" not in render_report({**results, "plans": []})


def test_plans_are_read_with_the_results_and_checked(results, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results), encoding="utf-8")
    assert load_results(path)["plans"] == []
    path.write_text(json.dumps({**results, "plans": planned("ot-fusion", ["later"])}), encoding="utf-8")
    assert load_results(path)["plans"][0]["plan"] == LATER
    broken = [{**planned("ot-fusion", ["merged"])[0], "plan": {"stages": [{"solver": "exact"}]}}]
    path.write_text(json.dumps({**results, "plans": broken}), encoding="utf-8")
    with pytest.raises(FedotError, match=r"plans\.0\.plan\.stages\.0\.stage: it is missing"):
        load_results(path)
