"""What is shown of a run as it goes on; names in it may come from somebody else."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from fedot.federation.experiment.run_settings import steps_of
from fedot.scenario import parse_scenario
from fedot.terminal import progress
from fedot.terminal.pace import Pace, Step
from fedot.terminal.progress import line, track

TWO = [Step("a", 1.0), Step("b", 1.0)]


@pytest.mark.parametrize("name", ["[/bold]", "[red]x", "a\x1b[2J\nb\x9b1A"])
def test_a_name_is_shown_as_it_is_and_on_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    steps = [Step("first", 1.0), Step(f"seed 0: {name}", 1.0)]
    with track(name, Pace(steps, 0.0), visible=True) as begin:
        begin("first")
        begin(f"seed 0: {name}")
    first, second = capsys.readouterr().err.splitlines()
    assert "  0 % first" in first
    assert second.isprintable()
    assert name[:1] + name[1:2].strip("\x1b") in second
    assert " 50 % seed 0: " in second


def test_a_line_that_changes_takes_any_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with track("[/bold]", Pace([Step("[/x] \x1b]0;title\x07", 1.0)], 0.0), visible=True) as begin:
        begin("[/x] \x1b]0;title\x07")
    shown = capsys.readouterr().err
    assert "[/x] " in shown
    assert "]0;title\x07" not in shown


def test_nothing_but_json_is_on_standard_error_where_the_log_is_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEDOT_LOG", "json")
    with track("x", Pace(TWO, 0.0), visible=True) as begin:
        assert [begin("a"), begin("b")] == [0.0, 1.0]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("width", [12, 20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("phase", ["clients train", "seed 3: fedavg-class-shares, round 17", "\u597d" * 40])
def test_the_line_fits_and_always_says_what_runs(width: int, phase: str) -> None:
    shown = line(width, "multilingual_rounds", phase, 0.456, 3700.0, 1234.0).plain
    assert cell_len(shown) < width
    assert " 46 % " + phase[0] in shown
    if width >= 60 and len(phase) < 38:
        assert phase in shown


def test_room_that_is_left_goes_to_the_time_left_first() -> None:
    shown = [line(width, "trial", "seed 0: fedavg, round 1", 0.5, 61.0, 40.0).plain for width in (45, 48, 61, 90)]
    assert ["left" in each for each in shown] == [False, True, True, True]
    assert ["1:01" in each for each in shown] == [True, False, True, True]
    assert ["\u2501" in each for each in shown] == [False, False, False, True]
    assert "left" not in line(200, "trial", "done", 1.0, 61.0, 40.0).plain


def test_a_little_thing_shows_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        err = io.StringIO()
        monkeypatch.setattr(progress, "Console", lambda e=err, t=terminal, **_: Console(file=e, force_terminal=t))
        with track("x", Pace(TWO, 0.0), visible=True, patience=30.0) as begin:
            begin("a")
            begin("b")
        assert "a" not in err.getvalue().replace("\x1b[?25h", "").replace("\x1b[?25l", "")


SCENARIO = parse_scenario(
    {
        "name": "x",
        "clients": [{"dataset": "xed", "lang": "en"}, {"dataset": "xed", "lang": "fi"}],
        "rounds": 3,
        "strategies": ["fedavg", "ot-fusion"],
        "references": ["parents", "centralised", "fedavg-shared-init"],
        "seeds": [0, 1, 2],
    }
)


def test_the_share_ends_at_all_even_where_a_strategy_fails() -> None:
    steps = [step for seed in SCENARIO.seeds for step in steps_of(SCENARIO, seed)]
    assert len({step.phase for step in steps}) == len(steps)
    pace, now, done = Pace(steps, 0.0), 0.0, 0.0
    for step in steps:
        if "fedavg, round 2" in step.phase or "fedavg, round 3" in step.phase:
            continue
        done += pace.begin(step.phase, now)
        now += 1.0
        assert pace.share == pytest.approx(done / pace.total)
    assert done + pace.end(now) == pytest.approx(pace.total)
    assert pace.share == 1.0


def test_what_was_never_announced_changes_nothing() -> None:
    pace = Pace(TWO, 0.0)
    assert pace.begin("b", 1.0) == 1.0
    assert pace.begin("a", 2.0) == pace.begin("elsewhere", 3.0) == 0.0
    assert pace.share == 0.5


def test_the_time_left_is_not_told_before_it_is_known_and_does_not_jump() -> None:
    """Fusion takes six times what is thought, training varies by a fifth: after one seed the error is a tenth."""
    steps = [step for seed in SCENARIO.seeds for step in steps_of(SCENARIO, seed)]
    factors = [0.8, 1.2, 1.0, 0.9, 1.1]
    real = [
        10 * step.work * factors[k % 5] * (6 if step.like.startswith("ot-fusion, as") else 1)
        for k, step in enumerate(steps)
    ]
    starts = [sum(real[:k]) for k in range(len(steps))]
    pace, told = Pace(steps, 0.0), []
    for k, step in enumerate(steps):
        before = pace.left(starts[k])
        pace.begin(step.phase, starts[k])
        after = pace.left(starts[k])
        if after is not None:
            told.append((starts[k], after))
            assert before is None or abs(after - before) < 0.15 * sum(real)
    assert len(told) < len(steps)
    assert told[0][0] > 0
    late = [(at, left) for at, left in told if at > sum(real) / 3]
    assert all(abs(left - (sum(real) - at)) < 0.1 * sum(real) for at, left in late)
