"""Files that a server names are looked for below one folder; nothing is told of what there is elsewhere."""

import os
from pathlib import Path

import pytest

from fedot.data.inside import below, enclosed
from fedot.errors import FedotError
from fedot.scenario import Scenario, parse_scenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "own.csv").write_text("text,label\n")
    (data / "deep" / "own.csv").write_text("text,label\n")
    (tmp_path / "secret.csv").write_text("name\n")
    return data


@pytest.mark.parametrize("given", ["own.csv", "deep/own.csv", "./own.csv", "deep//own.csv"])
def test_a_file_below_the_folder_is_found(folder: Path, given: str) -> None:
    assert below(folder, given) == (folder / given).resolve()


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "link.csv").symlink_to("deep/own.csv")
    assert below(folder, "link.csv") == folder / "deep" / "own.csv"


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(folder)
    assert below(tmp_path / "linked", "own.csv") == folder / "own.csv"


def refusal(folder: Path | None, given: str) -> str:
    with pytest.raises(FedotError) as found:
        below(folder, given)
    return str(found.value).replace(given, "X")


WANTED = "there is no file 'X' below this node's data-path; give a path relative to it"


@pytest.mark.parametrize(
    "given",
    [
        *("/etc/passwd", "/etc/nothing", "/proc/self/environ", "/dev/zero", "~/.bashrc", "~root", "../secret.csv"),
        *("deep/../../secret.csv", "deep/../own.csv", "nothing.csv", "deep", ".", "", "own.csv/x", "\0"),
    ],
)
def test_everything_else_is_refused_in_the_same_words(folder: Path, given: str) -> None:
    if given in ("", ".", "\0"):
        with pytest.raises(FedotError, match=r"there is no file .* below this node's data-path"):
            below(folder, given)
    else:
        assert refusal(folder, given) == WANTED


def test_what_is_no_file_on_any_disk_is_refused(folder: Path) -> None:
    with pytest.raises(FedotError, match="there is no file"):
        below(folder, "x" * 10_000)


def test_links_that_lead_out_pipes_and_loops_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "out.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop.csv").symlink_to("loop.csv")
    os.mkfifo(folder / "pipe.csv")
    for given in ("out.csv", "up/secret.csv", "up/nothing.csv", "loop.csv", "pipe.csv"):
        assert refusal(folder, given) == WANTED


def test_without_a_folder_there_is_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert refusal(None, "own.csv") == WANTED


def files(**changes: object) -> dict[str, object]:
    return {"dataset": "files", "train": "own.csv", "test": "deep/own.csv", "text": "text", "label": "label", **changes}


def scenario(clients: object, base_dir: Path) -> Scenario:
    return parse_scenario({"name": "x", "clients": clients, "base_dir": base_dir})


def test_a_scenario_loses_its_folder_and_one_client_its_relative_paths(folder: Path, tmp_path: Path) -> None:
    found = enclosed(scenario([files(), files(train="/etc/passwd")], tmp_path), 0, folder)
    assert found.base_dir is None
    first, second = found.client_specs()
    assert (first.train, first.test) == (str(folder / "own.csv"), str(folder / "deep" / "own.csv"))
    assert second.train == "/etc/passwd"  # another client's; nobody reads it here
    with pytest.raises(FedotError, match="there is no file"):
        enclosed(scenario([files(), files(train="/etc/passwd")], tmp_path), 1, folder)


def test_a_corpus_of_own_files_is_enclosed_too(folder: Path, tmp_path: Path) -> None:
    shared = files(partition={"kind": "iid", "count": 2})
    assert enclosed(scenario(shared, tmp_path), 1, folder).client_specs()[1].train == str(folder / "own.csv")
    with pytest.raises(FedotError, match="there is no file"):
        enclosed(scenario({**shared, "test": "../secret.csv"}, tmp_path), 1, folder)
