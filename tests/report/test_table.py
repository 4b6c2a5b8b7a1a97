import csv

import pytest
from rich.console import Console

from fedot.report import summary_markdown, summary_table, write_csv
from fedot.report.analysis.statistics import Scores

NASTY = "[red]<script>alert(1)</script>|*x*"


def render(results, width=80):
    console = Console(width=width, record=True, file=open("/dev/null", "w"), color_system=None)  # noqa: SIM115
    with console.file:
        console.print(summary_table(results, width))
        return console.export_text()


def test_the_console_table_fits_80_columns_and_cuts_no_figure(results):
    text = render(results)
    assert max(map(len, text.splitlines())) <= 80
    assert "\u2026" not in text
    scores = Scores.of(results["rows"])
    for strategy in ("fedavg", "ot-fusion", "centralised"):
        for split in scores.splits:
            value = scores.estimate(strategy, split, "accuracy")
            assert f"{100 * value.mean:.1f} ± {100 * value.half_width:.1f}" in text
        assert f"{scores.estimate(strategy, 'all', 'nll').mean:.3f}" in text


def test_sections_and_references_are_there(results):
    text = render(results)
    assert text.index("Baselines") < text.index("FedAdam") < text.index("OT fusion") < text.index("References")
    assert text.index("References") < text.index("Parent xed-en")


def test_long_client_names_squeeze_no_figure(make):
    text = render(make(clients=("the-municipal-library-of-helsinki", "the-municipal-library-of-oulu")))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("±") == 1 + 9 * 3
    assert all(line.count("\u2026") == 0 for line in text.splitlines() if "±" in line)


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_names_stand_whole_at_any_width_and_what_is_left_out_is_named(make, width):
    results = make(strategies=("fedavg", "fedavg-token-rows", "fedavg-class-shares", "ot-fusion"))
    results["plans"] = [{"strategy": "ot-fusion", "seed": 0, "round": 1, "method": "merged", "plan": {"stages": []}}]
    text = render(results, width)
    assert max(map(len, text.splitlines())) <= width
    assert "\u2026" not in text
    names = [line.split("  ")[0] if "  " in line else line for line in text.splitlines()]
    words = " ".join(" ".join(names).split())
    for name in ("FedAvg, token rows", "FedAvg, class shares", "OT fusion (merged)", "Centralised", "Parent xed-en"):
        assert all(word in words for word in name.split())
        if width >= 40:
            assert any(line.startswith(name) for line in text.splitlines()), text
    value = Scores.of(results["rows"]).estimate("ot-fusion", "all", "accuracy")
    assert f"{100 * value.mean:.1f} ± {100 * value.half_width:.1f}" in text
    told, flat = [], " ".join(text.split())
    for metric in ("xed-en", "xed-fi", "F1 weighted", "NLL", "ECE"):
        inside = metric in text.split("Baselines")[0]
        assert inside or metric in flat.split("Left out for want of room: ")[1].split(".")[0]
        told.append(inside)
    assert sum(told) == {30: 0, 40: 0, 60: 3, 80: 5, 120: 5}[width]


def test_a_name_of_one_long_word_takes_the_room_of_a_figure_rather_than_break(make):
    client = "a-municipal-library-of-thirty-eight"
    text = render(make(clients=(client, "plain")), 60)
    assert any(line.startswith(client) for line in text.splitlines())
    assert "OT fusion" in text


def test_16_clients_become_one_column_of_ranges(make):
    results = make(clients=tuple(f"a-rather-long-client-name-{i}" for i in range(16)))
    text = render(results)
    assert max(map(len, text.splitlines())) <= 80
    assert "clients" in text
    scores = Scores.of(results["rows"])
    means = [scores.estimate("fedavg", client, "accuracy").mean for client in scores.clients]
    assert f"{100 * min(means):.1f} to {100 * max(means):.1f}" in text


def test_one_seed_shows_that_it_has_no_interval(make):
    text = render(make(seeds=(0,)))
    assert "one seed has no interval" in " ".join(text.split())
    assert "± \u2013" in text


def test_a_failed_strategy_keeps_its_line_and_its_reason(results):
    results["failures"] = [{"seed": 0, "strategy": "krum", "reason": "Krum needs 4 clients, got 2"}]
    for text in (render(results), summary_markdown(results)):
        assert "failed" in text
        assert "Krum needs 4 clients, got 2 (seed 0)" in " ".join(text.split())


def test_only_failures(results):
    results |= {"rows": [], "failures": [{"seed": 0, "strategy": "fedavg", "reason": "no reply"}]}
    for text in (render(results), summary_markdown(results)):
        assert "Nothing was measured" in text
        assert "no reply (seed 0)" in text


def test_translation_shows_bleu_and_chrf(make):
    results = make(task="translation")
    for text in (render(results), summary_markdown(results)):
        assert "BLEU" in text
        assert "chrF" in text
        assert "Accuracy" not in text


def test_names_are_shown_as_they_are_and_cannot_break_the_table(make):
    results = make(clients=(NASTY, "plain"))
    assert "[red]" in render(results, width=200)
    lines = summary_markdown(results).splitlines()
    body = [line for line in lines if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in body}) == 1
    assert "<script>" not in summary_markdown(results).replace("\\<", "")


def test_markdown_says_when_data_were_stand_ins(make):
    assert "stand-in" not in summary_markdown(make())
    assert "stand-in" in summary_markdown(make(stand_in=True))


def test_csv_holds_every_final_figure(results, tmp_path):
    with write_csv(results, tmp_path / "summary.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    scores = Scores.of(results["rows"])
    assert len(lines) == len(scores.strategies) * len(scores.splits) * len(scores.metrics)
    (line,) = (
        line
        for line in lines
        if (line["strategy"], line["split"], line["metric"]) == ("ot-fusion", "xed-fi", "f1_macro")
    )
    value = scores.estimate("ot-fusion", "xed-fi", "f1_macro")
    assert line["section"] == "ot"
    assert [float(line["mean"]), float(line["low"])] == pytest.approx([value.mean, value.low])
    assert line["seeds"] == "3"
