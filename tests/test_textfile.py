import os
from pathlib import Path

import pytest

from fedot.errors import FedotError
from fedot.text.textfile import read_bounded, read_text


def test_a_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "a"
    path.write_bytes("ä".encode())
    assert read_text(path, 2) == "ä"
    with pytest.raises(FedotError, match="more than 1 bytes"):
        read_bounded(path, 1)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless file here")
def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(FedotError, match="more than 100 bytes"):
        read_bounded(Path("/dev/zero"), 100)


@pytest.mark.parametrize("name", ["none", "", "x" * 5000, "a\0b", "dir", "bytes", "\x1b[31m"])
def test_whatever_goes_wrong_is_one_line(tmp_path, name):
    (tmp_path / "dir").mkdir()
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(FedotError) as caught:
        read_text(Path(os.path.join(tmp_path, name)), 100, "do this")
    assert str(caught.value).isprintable()
    assert "cannot be read" in str(caught.value)
