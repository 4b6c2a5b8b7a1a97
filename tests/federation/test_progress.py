"""What is shown of a run as it goes on; names in it may come from somebody else."""

import pytest

from fedot.terminal.progress import track


@pytest.mark.parametrize("name", ["[/bold]", "[red]x", "a\x1b[2J\nb\x9b1A"])
def test_a_name_is_shown_as_it_is_and_on_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with track(name, 2.0, visible=True) as advance:
        advance(f"seed 0: {name}", 1.0)
    [line] = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert name[:1] + name[1:2].strip("\x1b") in line
    assert "50 %" in line


def test_a_bar_takes_any_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    with track("[/bold]", 2.0, visible=True) as advance:
        advance("[/x] \x1b]0;title\x07", 1.0)
    assert "]0;title\x07" not in capsys.readouterr().err
