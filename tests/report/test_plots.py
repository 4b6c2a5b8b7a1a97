import re
import xml.etree.ElementTree as ET

import pytest

from fedot.report.analysis.costs import cost_of
from fedot.report.analysis.entries import METRICS, Entry, shorten
from fedot.report.analysis.neuron_groups import choose_couplings, coupling_summary, group_family
from fedot.report.analysis.over_rounds import Across
from fedot.report.analysis.statistics import estimate
from fedot.report.figures.curves import curves_panel
from fedot.report.figures.scores import figures
from fedot.report.figures.svg import PALETTE, Scale, draw, spread, standalone, tick_label, ticks
from fedot.report.pages.run_page import write_figures


def by_key(results):
    return {figure.key: figure for figure in figures(results)}


def test_one_shot_results_have_these_figures(results):
    assert list(by_key(results)) == ["scores", "lines", "reliability", "couplings", "fits", "cost"]


def test_rounds_are_drawn_only_if_there_were_several(make):
    found = by_key(make(rounds=4))
    assert len(found["rounds"].panels) == 3
    assert "rounds" not in by_key(make())


def test_every_drawing_is_valid_xml_with_words_for_those_who_cannot_see_it(make):
    results = make(clients=("<b>&\"'\x00", "b"), rounds=2)
    for figure in figures(results):
        assert figure.caption.endswith(".")
        for panel in figure.panels:
            root = ET.fromstring(draw(panel))
            assert root.get("role") == "img"
            assert root.get("aria-label")
        ET.fromstring(standalone(figure))


def test_no_drawing_names_a_colour_or_holds_a_number_that_is_none(make):
    for figure in figures(make(rounds=3)):
        for panel in figure.panels:
            assert not re.search(r'"#|fill="|stroke="|nan|None|inf"', panel.body)


def test_marks_stay_inside_the_drawing(make):
    for results in (make(rounds=3), make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1))):
        for figure in figures(results):
            for panel in figure.panels:
                for element in ET.fromstring(draw(panel)).iter("circle"):
                    assert 0 <= float(element.get("cx")) <= panel.width
                    assert 0 <= float(element.get("cy")) <= panel.height


def test_the_score_panel_has_a_dot_for_each_strategy_and_small_ones_for_seeds(results):
    panel = by_key(results)["scores"].panels[0]
    assert panel.body.count('class="dot"') == 4
    assert panel.body.count('class="hollow"') == 5
    assert panel.body.count('class="seed"') == 9 * 3
    assert "OT fusion 70." in panel.label


def test_many_clients_share_one_panel(make):
    scores = by_key(make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1)))["scores"]
    assert len(scores.panels) == 2
    assert "c15: " in scores.panels[1].body


def test_many_lines_share_panels(make):
    assert len(by_key(make(clients=("a", "b", "c")))["lines"].panels) == 4
    assert len(by_key(make(clients=tuple("abcdef")))["lines"].panels) == 2


def test_null_figures_are_left_out(results):
    for line in results["lines"]:
        line["loss"][3] = None
        line["accuracy"] = [None] * len(line["alpha"])
    results["couplings"][0]["plan"][0][0] = None
    found = by_key(results)
    assert len(found["lines"].panels) == 1
    assert "couplings" in found


def test_missing_pieces_leave_out_their_figures(results):
    for key in ("lines", "reliability", "couplings", "diagnostics"):
        results[key] = []
    assert list(by_key(results)) == ["scores", "cost"]
    results["rows"] = []
    assert figures(results) == ()


def test_couplings_are_chosen_by_kind_first(make):
    couplings = make(clients=("a", "b", "c"))["couplings"]
    chosen = choose_couplings(couplings, 5)
    assert {item["client"] for item in chosen} == {"b"}
    assert {item["seed"] for item in chosen} == {0}
    assert [group_family(item["group"]) for item in chosen] == ["residual", "heads", "qk", "vo", "ffn"]
    assert len(choose_couplings(couplings, 12)) == 12
    assert choose_couplings([], 3) == []


def test_couplings_of_the_anchor_with_itself_and_of_other_strategies_are_kept_apart(results):
    first = results["couplings"][0]
    own = {**first, "client": first["anchor"], "distance_from_identity": 0.0}
    assert coupling_summary([own]) == []
    two = [{**first, "strategy": name} for name in ("ot-fusion", "mine")]
    assert {item["strategy"] for item in choose_couplings(two, 5)} == {"ot-fusion"}
    assert [name for name, *_ in coupling_summary(two)] == ["residual, OT fusion", "residual, mine"]


def test_coupling_summary_counts_all_seeds_and_clients(make):
    summary = {name: count for name, _, count, _, _ in coupling_summary(make(clients=("a", "b", "c"))["couplings"])}
    assert summary == {"residual": 6, "heads": 12, "qk": 12, "vo": 12, "ffn": 12}


def test_a_plan_without_information_looks_pale(results):
    first = results["couplings"][0]
    results["couplings"] = [{**first, "plan": [[1 / 256] * 16] * 16}]
    panel = by_key(results)["couplings"].panels[0]
    opacity = [float(value) for value in re.findall(r'fill-opacity="([\d.]+)"', panel.body)]
    assert opacity
    assert max(opacity) <= 0.3


def test_cost_sums_rounds_and_averages_seeds(make):
    rows = make(rounds=3)["rows"]
    found = cost_of(rows, "fedavg", "bytes_up")
    assert found is not None
    assert found.mean == 3 * 2 * 2_613_120
    assert found.n == 3


def test_figures_are_written_as_files(results, tmp_path):
    paths = write_figures(results, tmp_path)
    assert [path.name for path in paths] == [f"{figure.key}.svg" for figure in figures(results)]
    assert all("prefers-color-scheme" in path.read_text() for path in paths)


@pytest.mark.parametrize(("low", "high"), [(0.61, 0.78), (0, 1), (-3, 12.5), (55.2, 55.9), (1, 6)])
def test_ticks_are_round_and_inside(low, high):
    marks = ticks(low, high)
    assert 2 <= len(marks) <= 6
    assert all(low - 1e-9 <= mark <= high + 1e-9 for mark in marks)
    assert len({tick_label(mark, marks) for mark in marks}) == len(marks)


def test_labels_are_moved_apart_in_their_order():
    placed = spread([10, 11, 50, 10.5], gap=12, low=0, high=60)
    assert sorted(range(4), key=lambda index: placed[index]) == [0, 3, 1, 2]
    gaps = [b - a for a, b in zip(sorted(placed), sorted(placed)[1:], strict=False)]
    assert min(gaps) >= 12
    assert max(spread([59, 60, 60], 12, 0, 60)) <= 60


def test_scale_holds_values_at_the_edge():
    scale = Scale(0, 10, 100, 200)
    assert [scale(value) for value in (-5, 0, 5, 10, 50)] == [100, 100, 150, 200, 200]
    assert Scale(1, 1, 0, 10)(1) == 5


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_the_paper(theme):
    block = PALETTE.strip().split("\n")[theme]
    colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})", block))
    colours["paper"] = "#ffffff" if colours["paper"] == "#fff" else colours["paper"]
    for name, colour in colours.items():
        high, low = sorted((luminance(colour), luminance(colours["paper"])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        if name in ("ink", "ink-2", "ot", "baseline") or re.fullmatch(r"s\d", name):  # these colour text
            assert ratio >= 4.5, (name, ratio)
        elif name == "reference":  # WCAG 2.2, 1.4.11: graphics
            assert ratio >= 3, (name, ratio)


def test_long_names_keep_both_ends():
    assert shorten("client", 10) == "client"
    assert shorten("a-very-long-client-name-13", 12) == "a-ver\u2026ame-13"


@pytest.mark.parametrize(("places", "shown"), [((1.0, 2.0, 3.0), "123"), ((1.0, 1.01, 3.0), "13")])
def test_a_label_that_would_touch_the_one_before_is_left_out(places, shown):
    curve = [(place, estimate([0.5, 0.6])) for place in places]
    entry, across = Entry("one", "ot", ("one",)), Across("size", "width", "{:.0f}".format, marks=places)
    panel = curves_panel([entry], [curve], METRICS["accuracy"], "title", (0.0, 1.0), across)
    assert re.findall(r'text-anchor="middle" class="s n">(.)<', panel.body) == list(shown)
