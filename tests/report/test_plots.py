import logging
import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from fedot.report.analysis.entries import METRICS, Entry
from fedot.report.analysis.indexed_run import cost_of
from fedot.report.analysis.neuron_groups import choose_couplings, coupling_summary, group_family
from fedot.report.analysis.over_rounds import Across
from fedot.report.analysis.statistics import Scores, estimate
from fedot.report.figures.couplings_and_fits import LEVELS, levels_of
from fedot.report.figures.curves import curves_panel, spread
from fedot.report.figures.drawing import (
    COLOURS,
    FORMATS,
    Drawing,
    Panel,
    hover,
    panel_figure,
    save,
    shorten,
    whole_figure,
)
from fedot.report.figures.one_run import figures, write_figures
from fedot.report.pages.inline_svg import DARK, VARIABLES, inline

SVG = "{http://www.w3.org/2000/svg}"
ODD = ("a$b$", "$\\frac{1}{2", "_x^{2}", "<b>&\"'\x00", "\u6f22\u5b57", "\u0639\u0631\u0628", "%s", "a\nb", "l" * 300)


def by_key(results):
    return {figure.key: figure for figure in figures(results)}


def artists(panel):
    """What a panel draws, in the order in which it is drawn."""
    [axes] = panel_figure(panel).axes
    return axes


def hovers(panel):
    """Every text that shows on hovering."""
    drawn = [*artists(panel).lines, *artists(panel).texts]
    return [artist.get_gid().removeprefix(hover("")) for artist in drawn if artist.get_gid()]


def many_results(make):
    return (
        make(rounds=3),
        make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1)),
        make(seeds=(4,)),
        make(task="translation", rounds=2),
        make(clients=ODD, seeds=(0,), strategies=("fedavg", *ODD[:4])),
    )


def test_one_shot_results_have_these_figures(results):
    assert list(by_key(results)) == ["scores", "lines", "reliability", "couplings", "fits", "cost"]


def test_rounds_are_drawn_only_if_there_were_several(make):
    found = by_key(make(rounds=4))
    assert len(found["rounds"].panels) == 3
    assert "rounds" not in by_key(make())


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
    assert coupling_summary({"couplings": [own]}) == []
    two = [{**first, "strategy": name} for name in ("ot-fusion", "mine")]
    assert {item["strategy"] for item in choose_couplings(two, 5)} == {"ot-fusion"}
    assert [name for name, *_ in coupling_summary({"couplings": two})] == ["residual, OT fusion", "residual, mine"]


def test_coupling_summary_counts_all_seeds_and_clients(make):
    summary = {name: count for name, _, count, _, _ in coupling_summary(make(clients=("a", "b", "c")))}
    assert summary == {"residual": 6, "heads": 12, "qk": 12, "vo": 12, "ffn": 12}


def test_cost_sums_rounds_and_averages_seeds(make):
    rows = make(rounds=3)["rows"]
    found = cost_of(rows, "fedavg", "bytes_up")
    assert found is not None
    assert found.mean == 3 * 2 * 2_613_120
    assert found.n == 3


def test_labels_are_moved_apart_in_their_order():
    placed = spread([10, 11, 50, 10.5], gap=12, low=0, high=60)
    assert sorted(range(4), key=lambda index: placed[index]) == [0, 3, 1, 2]
    gaps = [b - a for a, b in zip(sorted(placed), sorted(placed)[1:], strict=False)]
    assert min(gaps) >= 12
    assert max(spread([59, 60, 60], 12, 0, 60)) <= 60


def test_long_names_keep_both_ends():
    assert shorten("client", 10) == "client"
    assert shorten("a-very-long-client-name-13", 12) == "a-ver\u2026ame-13"


def test_every_file_and_every_panel_in_a_page_is_valid_and_has_words_for_those_who_cannot_see_it(make):
    for drawing in figures(make(clients=ODD, rounds=2)):
        assert drawing.caption.endswith(".")
        root = ET.fromstring(save(whole_figure(drawing), "svg", drawing.title, drawing.caption))
        assert root.find(f"{SVG}title").text == drawing.title
        for number, panel in enumerate(drawing.panels):
            root = ET.fromstring(inline(panel, f"x{number}"))
            assert root.get("role") == "img"
            assert root.get("aria-label")


def test_no_number_in_a_file_is_none_and_every_place_is_finite(make):
    for results in many_results(make):
        for drawing in figures(results):
            for tag in re.findall(r"<[^<>]+>", save(whole_figure(drawing), "svg").decode()):
                assert not re.search(r"\b(nan|None|inf)\b", tag)


def test_marks_stay_inside_the_drawing(make):
    for results in many_results(make):
        for drawing in figures(results):
            for panel in drawing.panels:
                for element in ET.fromstring(inline(panel, "x")).iter("use"):
                    assert 0 <= float(element.get("x")) <= panel.size[0]
                    assert 0 <= float(element.get("y")) <= panel.size[1]


def test_the_score_panel_has_a_mark_for_each_strategy_at_its_mean_and_small_ones_for_seeds(results):
    panel = by_key(results)["scores"].panels[0]
    scores, axes = Scores.of(results["rows"]), artists(panel)
    marks = {line.get_gid().split(":")[1]: line for line in axes.lines if line.get_gid()}
    assert len(marks) == 4 + 5
    found = 100 * scores.estimate("ot-fusion", "all", "accuracy").mean
    assert marks["OT fusion"].get_xdata() == pytest.approx([found])
    hollow = [line for line in marks.values() if line.get_markerfacecolor() == COLOURS["paper"]]
    assert len(hollow) == 5
    small = [line for line in axes.lines if line.get_alpha() == 0.6]
    assert [len(line.get_xdata()) for line in small] == [3] * 9
    low, high = axes.get_xlim()
    assert all(low <= x <= high for line in [*small, *marks.values()] for x in line.get_xdata())
    assert "OT fusion 69." in panel.label or "OT fusion 70." in panel.label


def test_many_clients_share_one_panel_and_are_named_as_far_as_they_can_be_told_apart(make):
    scores = by_key(make(clients=tuple(f"c{i}" for i in range(16)), seeds=(0, 1)))["scores"]
    assert len(scores.panels) == 2
    assert any(told.startswith("c15: ") for told in hovers(scores.panels[1]))
    few = make(seeds=(0,), strategies=("fedavg",))
    first = next(row for row in few["rows"] if row["split"] != "all")
    rows = [{**first, "split": f"c{i}", "metrics": {"accuracy": i / 1000}} for i in range(1000)]
    crowd = by_key({**few, "rows": [{**first, "split": "all"}, *rows]})["scores"]
    assert len(crowd.panels) == 2
    assert not any(told.startswith("c15: ") for told in hovers(crowd.panels[1]))
    heights = [abs(bar.get_height()) for bar in artists(crowd.panels[1]).patches]  # so many clients have that accuracy
    assert 10 < len(heights) < 100
    assert min(heights) > 0.9 * max(heights)
    assert len(save(whole_figure(crowd), "svg")) < 2_000_000


def test_partial_figures_carry_their_mark(make):
    results = make(rounds=2)
    results["rows"] = [row for row in results["rows"] if row["strategy"] != "fedavg" or row["round"] < 2]
    told = " ".join(hovers(by_key(results)["scores"].panels[0]))
    assert "FedAvg \u2020: " in told
    assert "OT fusion \u2020" not in told


def test_what_was_not_measured_is_said_in_its_place(results):
    results["rows"] = [row for row in results["rows"] if (row["strategy"], row["split"]) != ("ensemble", "xed-fi")]
    panels = by_key(results)["scores"].panels
    assert [sum(text.get_text() == "not measured" for text in artists(p).texts) for p in panels] == [0, 0, 1]


def test_a_name_is_no_formula_and_no_markup(make):
    results = make(clients=("a$x^2$", "b"), strategies=("fedavg", "$\\alpha$ <b>&"), rounds=2)
    for drawing in figures(results):
        for kind in FORMATS:
            assert len(save(whole_figure(drawing), kind)) > 1000
    found = by_key(results)
    texts = [text.get_text() for text in artists(found["scores"].panels[0]).texts]
    assert "$\\alpha$ <b>&" in texts
    assert "a$x^2$" in inline(found["scores"].panels[1], "x")
    assert "&lt;b&gt;&amp;" in inline(found["scores"].panels[0], "x")


def test_letters_that_the_font_lacks_are_no_noise(make, tmp_path, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        write_figures(make(clients=("\u6f22\u5b57", "\u0639\u0631\u0628", "\u0928\u093f"), seeds=(0,)), tmp_path)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert capfd.readouterr() == ("", "")
    assert "\u6f22\u5b57" in (tmp_path / "scores.svg").read_text(encoding="utf-8")


def test_couplings_of_no_information_look_pale_and_a_matching_is_strong():
    assert levels_of([[1 / 256] * 16] * 16).max() <= 0.3 * LEVELS
    assert levels_of(np.eye(4).tolist()).tolist() == (LEVELS * np.eye(4)).astype(int).tolist()
    assert levels_of([[None, None]]).tolist() == [[0, 0]]


def test_every_figure_is_written_as_three_files_the_same_to_the_byte(results, tmp_path):
    paths = write_figures(results, tmp_path / "a")
    wanted = [f"{drawing.key}.{kind}" for drawing in figures(results) for kind in FORMATS]
    assert [path.name for path in paths] == wanted
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True}):
        again = write_figures(results, tmp_path / "b")
        assert matplotlib.rcParams["font.size"] == 30
    for one, two in zip(paths, again, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert {path.read_bytes()[:4] for path in paths} == {b"<?xm", b"%PDF", b"\x89PNG"}


def test_files_have_literal_colours_and_text_that_is_text(results, tmp_path):
    for path in write_figures(results, tmp_path):
        if path.suffix == ".svg":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"var\(|@media|<date|class=|currentColor|base64", text)
            colours = set(re.findall(r"#[0-9a-f]{6}", text))
            assert COLOURS["paper"] in colours
            assert colours <= {*COLOURS.values(), "#000000"}
            assert "<text" in text
    assert ">OT fusion</text>" in (tmp_path / "scores.svg").read_text(encoding="utf-8")


def test_a_panel_in_a_page_has_the_pages_colours_and_names_of_its_own(make):
    for drawing in figures(make(clients=("#1d5fd1", "'DejaVu Sans'"), rounds=2)):
        for panel in drawing.panels:
            drawn = inline(panel, "x")
            tags = "".join(re.findall(r"<[^<>]+>", drawn.split(">", 1)[1]))
            assert not re.search(r"#[0-9a-f]{3}|DejaVu", tags)
            assert set(re.findall(r' id="([^"]+)', drawn)) == set(re.findall(r'(?:href="|url\()#([^")]+)', drawn))
            assert "xlink" not in drawn
    texts = " ".join(inline(panel, "x") for panel in by_key(make(clients=("#1d5fd1", "b")))["scores"].panels)
    assert "#1d5fd1" in re.sub(r"<[^<>]+>", "", texts)


def test_no_two_colours_are_equal_so_that_a_page_can_exchange_them():
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert COLOURS.keys() == DARK.keys()
    assert set(VARIABLES) > set(COLOURS.values())


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colours", [COLOURS, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_paper(colours):
    for name, colour in colours.items():
        high, low = sorted((luminance(colour), luminance(colours["paper"])), reverse=True)
        ratio = (high + 0.05) / (low + 0.05)
        if name in ("ink", "ink-2", "ot", "baseline") or re.fullmatch(r"s\d", name):  # these colour text
            assert ratio >= 4.5, (name, ratio)
        elif name == "reference":  # WCAG 2.2, 1.4.11: graphics
            assert ratio >= 3, (name, ratio)


@pytest.mark.parametrize(("places", "shown"), [((1.0, 2.0, 3.0), "123"), ((1.0, 1.01, 3.0), "13")])
def test_a_label_that_would_touch_the_one_before_is_left_out(places, shown):
    curve = [(place, estimate([0.5, 0.6])) for place in places]
    entry, across = Entry("one", "ot", ("one",)), Across("size", "width", "{:.0f}".format, marks=places)
    panel = curves_panel([entry], [curve], METRICS["accuracy"], "title", (0.0, 100.0), across)
    assert "".join(label.get_text() for label in artists(panel).get_xticklabels()) == shown


@pytest.mark.parametrize("marks", [(2.0, 4.0, 8.0, 16.0), (1.0, 2.0, 3.0), (5.0,), (0.0, 1.0)])
def test_given_marks_far_apart_are_on_a_logarithmic_axis(marks):
    curve = [(place, estimate([0.5, 0.6])) for place in marks]
    entry, across = Entry("one", "ot", ("one",)), Across("size", "width", "{:.0f}".format, marks=marks)
    axes = artists(curves_panel([entry], [curve], METRICS["accuracy"], "title", (0.0, 100.0), across))
    assert axes.get_xscale() == ("log" if marks[-1] == 16 else "linear")
    low, high = axes.get_xlim()
    assert low < marks[0]
    assert high > marks[-1]


@pytest.mark.parametrize("value", [5e-324, 1e-9, 1e12, 1e149])
def test_numbers_of_any_size_can_be_drawn(results, value):
    for row in results["rows"]:
        row["metrics"] = {"nll": value * (1 + row["seed"])}
    for drawing in figures(results):
        assert len(save(whole_figure(drawing), "png")) > 1000


def test_a_drawing_is_a_figure_of_matplotlib_without_pyplot(results):
    import sys

    before = "matplotlib.pyplot" in sys.modules
    drawing = by_key(results)["lines"]
    assert isinstance(whole_figure(drawing), Figure)
    assert before or "matplotlib.pyplot" not in sys.modules


def test_the_loss_lines_are_those_of_the_results(results):
    panel = by_key(results)["lines"].panels[0]
    mean = [line for line in artists(panel).lines if line.get_linewidth() == 2 and len(line.get_xdata()) == 11]
    aligned = [item["loss"] for item in results["lines"] if item["kind"] == "aligned"]
    assert mean[1].get_ydata() == pytest.approx(np.mean(aligned, axis=0))
    assert mean[1].get_color() == COLOURS["ot"]
    assert artists(panel).get_ylim()[1] > max(max(item["loss"]) for item in results["lines"])


def test_a_figure_without_a_legend_or_title_is_drawn_too():
    panel = Panel("", (100.0, 80.0), (10.0, 10.0, 10.0, 10.0), lambda axes: axes.set_xlim(0, 1), "nothing")
    assert save(whole_figure(Drawing("x", "", "", (panel,))), "svg").startswith(b"<?xml")
