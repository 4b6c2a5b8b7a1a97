"""A checkpoint that was fine-tuned is read, used and saved again as a folder."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")

import transformers

import fedot
from fedot.errors import FedotError
from fedot.storage import atomic
from tests.tiny_checkpoint import tiny_checkpoint

TEXTS = ["the film was fine", "this was not a very good film of the very good and the fine"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "tiny", classes=("no", "yes"))


def test_it_says_what_its_own_library_says(folder: Path) -> None:
    model = fedot.read_model(folder)
    theirs = transformers.pipeline("text-classification", str(folder), top_k=None)(TEXTS)
    wanted = [[next(each["score"] for each in of if each["label"] == name) for name in model.classes] for of in theirs]
    np.testing.assert_allclose(model.probabilities(TEXTS), wanted, atol=1e-6)
    told = model.predict([*TEXTS, "", None])
    assert list(told["class"][:2]) == [model.classes[row.index(max(row))] for row in wanted]
    assert told["class"].isna().tolist() == [False, False, True, True]
    assert model.reading(["fine " * 40, "\u0416 fine"])[0] == [0]
    assert model.reading(["\u0416 fine"])[1] > 0


def test_what_is_saved_is_read_by_both(folder: Path, tmp_path: Path) -> None:
    model = fedot.read_model(folder)
    assert model.save(tmp_path / "again") == tmp_path / "again"
    again = fedot.read_model(tmp_path / "again")
    assert again.classes == ("no", "yes")
    np.testing.assert_array_equal(again.probabilities(TEXTS), model.probabilities(TEXTS))
    assert transformers.pipeline("text-classification", str(tmp_path / "again"))(TEXTS[0])[0]["label"] in ("no", "yes")


def test_what_is_there_stays_unless_it_may_go(folder: Path, tmp_path: Path) -> None:
    model = fedot.read_model(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    for path, more, why in (
        (folder, {}, "exists already"),
        (tmp_path / "mine", {"overwrite": True}, "no folder of a model"),
        (tmp_path / "a.safetensors", {}, "is the name of a file"),
    ):
        with pytest.raises(FedotError, match=why):
            model.save(path, **more)
    assert model.save(folder, overwrite=True) == folder
    np.testing.assert_array_equal(fedot.read_model(folder).probabilities(TEXTS), model.probabilities(TEXTS))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "tiny"]


def test_a_full_disk_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, before = fedot.read_model(folder), sorted(path.name for path in folder.iterdir())

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.Path, "replace", full)
    with pytest.raises(FedotError, match="No space left"):
        model.save(folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_a_checkpoint_that_is_gone_is_one_line(folder: Path, tmp_path: Path) -> None:
    model = fedot.read_model(folder)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(FedotError, match="no such folder"):
        model.save(tmp_path / "again")
    assert not (tmp_path / "again").exists()
