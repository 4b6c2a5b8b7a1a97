"""Everything that is to be known of a run is said once, and nothing untrue of made-up data."""

import pytest

from fedot.results.notices import is_of_stand_in, notices_of, stand_in_sentence


def results_of(*notices, sources=("files", "files"), source="auto"):
    data = {f"c{k}": {"source": each} for k, each in enumerate(sources)}
    made_up = "stand-in" in sources
    return {
        "scenario": {"name": "x", "data": {"source": source}},
        "provenance": {"data": data, "notices": list(notices), "stand_in": made_up},
    }


def test_what_all_clients_say_alike_is_said_once():
    lines = notices_of(results_of("c0: no id", "run: odd", "c1: no id", "c1: 3 rows", "c0 has a lot"))
    assert lines == ("2 clients: no id", "run: odd", "c1: 3 rows", "c0 has a lot")


def test_what_every_round_says_alike_is_said_once():
    told = [f"fedavg, seed {seed}, round {k} without c0: the disk is full" for seed in (0, 1) for k in (1, 2, 3)]
    assert notices_of(results_of(*told)) == ("fedavg without c0: the disk is full (6 times, first in seed 0, round 1)",)
    assert notices_of(results_of(told[4])) == ("fedavg without c0: the disk is full (seed 1, round 2)",)


MADE_UP = "BUILT-IN STAND-IN DATA, not the real xed: the sentences are generated"


def test_made_up_data_that_were_asked_for_were_not_missing():
    results = results_of(f"c0: {MADE_UP}", f"c1: {MADE_UP}", sources=("stand-in", "stand-in"), source="stand-in")
    told = stand_in_sentence(results)
    assert "as the scenario asks" in told
    assert "could not be read" not in told
    assert "--data-dir" not in told
    assert all(is_of_stand_in(line, results) for line in notices_of(results))


def test_data_that_are_missing_are_told_with_the_reason_once():
    why = "hub: x/y could not be read from the hub: no answer within 3 s"
    results = results_of(f"c1: {why}", f"c1: {MADE_UP}", "c0: 3 rows", sources=("files", "stand-in"))
    told = stand_in_sentence(results)
    assert told.startswith("The texts of c1 are made up")
    assert told.count("no answer within 3 s") == 1
    assert "--data-dir" in told
    assert [line for line in notices_of(results) if not is_of_stand_in(line, results)] == ["c0: 3 rows"]


def test_real_data_need_no_word():
    results = results_of("c0: directory: it has two")
    assert stand_in_sentence(results) == ""
    assert not is_of_stand_in(notices_of(results)[0], results)


@pytest.mark.parametrize("source", ["auto", "stand-in"])
@pytest.mark.usefixtures("undrawn")
def test_the_page_says_it_as_the_console_does(make, source):
    from markupsafe import escape

    from fedot.report import render_report

    results = make(stand_in=True)
    results["scenario"]["data"] = {"source": source}
    assert str(escape(stand_in_sentence(results))) in render_report(results)
