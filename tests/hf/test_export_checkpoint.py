"""A checkpoint's folder is copied, said what it is, and pushed to the hub: as a whole, private, or not at all."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from safetensors.torch import save_file
from typer.testing import CliRunner

pytest.importorskip("transformers")

import huggingface_hub
import torch
import transformers

from fedot.commands.export import cli
from tests.tiny_checkpoint import tiny_checkpoint

CARD = "---\nlicense: apache-2.0\n---\n# A model\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tiny_checkpoint(tmp_path / "tiny", classes=("no", "yes"), card=CARD)
    (made / ".env").write_text("secret")
    (made / "notes.md").write_text("private")
    (made / "training_args.bin").write_bytes(b"pickle")
    return made


def run(*arguments: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(cli, [str(each) for each in arguments])
    return found.exit_code, found.stdout, found.stderr


def test_what_belongs_to_the_model_is_copied_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    code, told, _ = run(folder, "-o", tmp_path / "copy")
    assert (code, told) == (0, f"{tmp_path}/copy: a checkpoint; load it with from_pretrained\n")
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert transformers.pipeline("text-classification", str(tmp_path / "copy"))("a film")[0]["label"] in ("no", "yes")


def test_a_model_in_several_files_is_copied_whole(folder: Path, tmp_path: Path) -> None:
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    module.save_pretrained(tmp_path / "shards", max_shard_size="8KB")
    assert run(tmp_path / "shards", "-o", tmp_path / "copy")[0] == 0
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "copy")
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), again.parameters(), strict=True))


def test_adapters_are_copied_too(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "adapter_config.json").write_text("{}")
    assert "no adapter_model.safetensors" in run(tmp_path / "a", "-o", tmp_path / "b")[2]
    save_file({"a": torch.zeros(1)}, tmp_path / "a" / "adapter_model.safetensors")
    assert run(tmp_path / "a", "-o", tmp_path / "b")[0] == 0
    assert len(list((tmp_path / "b").iterdir())) == 2


def test_without_a_place_it_is_said_what_it_is(folder: Path) -> None:
    code, told, _ = run(folder)
    assert code == 0
    assert told == (
        f"{folder}: SavedModel(pretrained, 1 layer of width 16, 71 tokens, 2 classes, 3,978 weights: no, yes)\n"
    )


@pytest.mark.parametrize(
    ("break_it", "why"),
    [
        (lambda made: (made / "model.safetensors").unlink(), "has no model.safetensors"),
        (lambda made: (made / "config.json").unlink(), "config.json cannot be read"),
        (lambda made: (made / "model.safetensors").write_bytes(b"\x09"), "model.safetensors"),
    ],
)
def test_what_is_no_model_is_one_line_and_leaves_nothing(
    folder: Path, tmp_path: Path, break_it: Callable[[Path], object], why: str
) -> None:
    break_it(folder)
    code, _, told = run(folder, "-o", tmp_path / "copy")
    assert code == 2
    assert why in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


class Hub:
    """The hub's client, which keeps what it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **repos: bool) -> None:
        self.repos = {name.replace("__", "/"): private for name, private in repos.items()}
        self.pushed: dict[str, list[str]] = {}
        self.error: BaseException | None = None
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: self)
        monkeypatch.setattr(huggingface_hub, "get_token", lambda: "a token")

    def repo_exists(self, name: str) -> bool:
        return name in self.repos

    def repo_info(self, name: str) -> Any:
        return SimpleNamespace(private=self.repos[name])

    def create_repo(self, name: str, private: bool) -> None:
        self.repos[name] = private

    def delete_repo(self, name: str) -> None:
        del self.repos[name]

    def upload_folder(self, *, repo_id: str, folder_path: Path, commit_message: str) -> Any:
        assert commit_message
        if self.error:
            raise self.error
        self.pushed[repo_id] = sorted(path.name for path in folder_path.iterdir())
        return SimpleNamespace(repo_url=f"https://hub/{repo_id}")


def test_it_is_pushed_with_its_card_and_private(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch)
    assert run(folder, "--push-to-hub", "clinic/tiny") == (0, "https://hub/clinic/tiny\n", "")
    assert hub.repos == {"clinic/tiny": True}
    assert hub.pushed["clinic/tiny"] == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_public_has_to_be_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch, clinic__tiny=False)
    code, _, told = run(folder, "--push-to-hub", "clinic/tiny")
    assert (code, hub.pushed) == (2, {})
    assert "anybody can read it there" in told
    assert run(folder, "--push-to-hub", "clinic/tiny", "--public")[0] == 0
    assert run(folder, "--push-to-hub", "clinic/other", "--public")[0] == 0
    assert hub.repos == {"clinic/tiny": False, "clinic/other": False}


@pytest.mark.parametrize("before", [{}, {"clinic__tiny": True}])
def test_a_push_that_fails_is_one_line_and_leaves_the_hub_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: dict[str, bool]
) -> None:
    hub = Hub(monkeypatch, **before)
    was, hub.error = dict(hub.repos), ConnectionError("no network\nat all")
    code, _, told = run(folder, "--push-to-hub", "clinic/tiny")
    assert (code, hub.repos) == (2, was)
    assert told == (
        "fedot: clinic/tiny was not pushed (ConnectionError: no network at all); look at the name, the network, and "
        "what the token may do\n"
    )


def test_without_a_token_nothing_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    code, _, told = run(folder, "--push-to-hub", "clinic/tiny")
    assert (code, hub.repos) == (2, {})
    assert "there is no token of the hub" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("name", ["tiny", "../x", "a/b/c", "https://hub/a/b"])
def test_another_name_is_refused_before_anything_is_done(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hub = Hub(monkeypatch)
    code, _, told = run(folder, "-o", tmp_path / "copy", "--push-to-hub", name)
    assert (code, hub.repos) == (2, {})
    assert "OWNER/NAME of the hub is needed" in told
    assert not (tmp_path / "copy").exists()


def test_a_folder_without_a_card_is_not_pushed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch)
    (folder / "README.md").unlink()
    code, _, told = run(folder, "--push-to-hub", "clinic/tiny")
    assert (code, hub.pushed) == (2, {})
    assert "has no README.md" in told


def test_a_place_is_needed_for_a_file_and_public_goes_with_a_push(folder: Path) -> None:
    assert "give -o FOLDER" in run(folder / "model.safetensors")[2]
    assert "--public goes with" in run(folder, "--public")[2]
