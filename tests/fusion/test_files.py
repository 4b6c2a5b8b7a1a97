"""Tensor files are read and written as safetensors itself does it."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from fedot.errors import FedotError
from fedot.storage.tensor_file import TensorFile, TensorWriter

TENSORS = {
    "a": torch.arange(12.0).reshape(3, 4),
    "b.weight": torch.arange(5, dtype=torch.int64),
    "half": torch.linspace(-1, 1, 6).to(torch.bfloat16).reshape(2, 3),
    "scalar": torch.tensor(2.5, dtype=torch.float64),
}


def test_reads_what_safetensors_writes(tmp_path):
    save_file(TENSORS, tmp_path / "x.safetensors", metadata={"config": "{}"})
    file = TensorFile(tmp_path / "x.safetensors")
    assert set(file) == set(TENSORS)
    assert file.metadata == {"config": "{}"}
    assert file.dtype == torch.float64
    for name, tensor in TENSORS.items():
        assert file.shapes[name] == tuple(tensor.shape)
        assert file[name].dtype == tensor.dtype
        assert torch.equal(file[name], tensor)
    assert torch.equal(file.rows("a", 0, 1, 3), TENSORS["a"][1:3])
    assert torch.equal(file.rows("a", 1, 1, 3), TENSORS["a"][:, 1:3])
    assert torch.equal(file.rows("half", 0, 1, 2), TENSORS["half"][1:2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_safetensors_reads_what_is_written(tmp_path, dtype):
    path = tmp_path / "new" / "y.safetensors"
    with TensorWriter(path, {"a": (3, 4), "c": (2,)}, dtype, {"config": "å"}) as writer:
        assert not path.exists()
        writer.write("c", torch.tensor([1.0, 2.0], dtype=torch.float64))
        writer.write("a", TENSORS["a"][2:], 2)
        writer.write("a", TENSORS["a"][:2])
    found = load_file(path)
    assert torch.equal(found["a"], TENSORS["a"].to(dtype))
    assert torch.equal(found["c"], torch.tensor([1.0, 2.0]).to(dtype))
    assert TensorFile(path).metadata == {"format": "pt", "config": "å"}
    assert [each.name for each in path.parent.iterdir()] == ["y.safetensors"]


def test_an_exception_leaves_the_old_file(tmp_path):
    path = tmp_path / "y.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), TensorWriter(path, {"a": (3, 4)}, torch.float32, {}):
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_not_written_whole_is_no_file(tmp_path):
    path = tmp_path / "y.safetensors"
    with pytest.raises(FedotError, match="not all of it"), TensorWriter(path, {"a": (3, 4)}, torch.float32, {}) as out:
        out.write("a", TENSORS["a"][:2])
    assert not list(tmp_path.iterdir())


def test_a_tensor_of_another_shape_is_refused(tmp_path):
    with (
        pytest.raises(FedotError, match="announced"),
        TensorWriter(tmp_path / "y.safetensors", {"a": (3, 4)}, torch.float32, {}) as out,
    ):
        out.write("a", TENSORS["a"], 1)


def test_a_header_that_begins_like_a_pickle_is_read(tmp_path):
    path = tmp_path / "x.safetensors"
    for padding in range(256):
        save_file(TENSORS, path, metadata={"padding": "x" * padding})
        if path.read_bytes()[0] == 0x80:
            break
    else:
        pytest.fail("no header has this length")
    assert set(TensorFile(path)) == set(TENSORS)
