"""A model's tensors in a file without a name, where they take no memory while others are dealt with."""

import math
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class NamelessFile:
    """A temporary file without a name, which goes with the last that uses it."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile() as file:
            self._handle = os.dup(file.fileno())
        self._end = 0
        weakref.finalize(self, os.close, self._handle)

    def reserve(self, size: int) -> int:
        """Make room for so many bytes at the end, and tell where that is; they are 0 until they are written."""
        place, self._end = self._end, self._end + size
        os.ftruncate(self._handle, self._end)
        return place

    def write(self, place: int, content: bytes | memoryview) -> None:
        """Write at a place that is reserved."""
        left = memoryview(content)
        while left:
            written = os.pwrite(self._handle, left, place)
            place, left = place + written, left[written:]

    def append(self, content: bytes | memoryview) -> int:
        """Write at the end, and tell where that was."""
        place = self.reserve(len(content))
        self.write(place, content)
        return place

    def read(self, place: int, size: int) -> bytearray:
        """Read so many bytes from a place."""
        content = bytearray(size)
        left = memoryview(content)
        while left and (found := os.preadv(self._handle, [left], place)):
            place, left = place + found, left[found:]
        return content


class StoredState(Mapping[str, Tensor]):
    """A model whose tensors are in a file, and are read whenever they are asked for.

    Examples
    --------
    >>> state = StoredState(NamelessFile())
    >>> state.reserve("weight", (3, 2), torch.float32)
    >>> state.write("weight", torch.ones(2, 2), start=1)
    >>> state["weight"].sum(1).tolist()
    [0.0, 2.0, 2.0]
    """

    def __init__(self, file: NamelessFile) -> None:
        self._file = file
        self._places: dict[str, tuple[int, Tensor]] = {}

    @classmethod
    def of(cls, state: Mapping[str, Tensor], file: NamelessFile) -> "StoredState":
        """Write a model's tensors at the end of a file."""
        stored = cls(file)
        for name, tensor in state.items():
            stored.reserve(name, tuple(tensor.shape), tensor.dtype)
            stored.write(name, tensor)
        return stored

    def reserve(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Make room for a tensor, which is 0 until it is written."""
        like = torch.empty(shape, dtype=dtype, device="meta")
        self._places[name] = self._file.reserve(like.nbytes), like

    def write(self, name: str, tensor: Tensor, axis: int = 0, start: int = 0) -> None:
        """Write a tensor, or the part of it that begins at `start` along an axis, in the type of the whole."""
        place, like = self._places[name]
        tensor = tensor.detach().to("cpu", like.dtype)
        if axis and tensor.shape != like.shape:
            whole = self[name]
            whole.narrow(axis, start, tensor.shape[axis]).copy_(tensor)
            tensor, start = whole, 0
        if tensor.numel():
            skipped = start * math.prod(like.shape[1:]) * like.itemsize
            self._file.write(place + skipped, tensor.contiguous().view(-1).view(torch.uint8).numpy().data)

    def rows(self, name: str, axis: int, start: int, stop: int) -> Tensor:
        """Read rows `start` to `stop` along an axis; along the first axis nothing else is read."""
        like = self._places[name][1]
        if axis:
            return self[name].narrow(axis, start, stop - start)
        return self._read(name, (stop - start, *like.shape[1:]), start * math.prod(like.shape[1:]))

    def __getitem__(self, name: str) -> Tensor:
        return self._read(name, tuple(self._places[name][1].shape), 0)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _read(self, name: str, shape: tuple[int, ...], skipped: int) -> Tensor:
        place, like = self._places[name]
        content = self._file.read(place + skipped * like.itemsize, math.prod(shape) * like.itemsize)
        flat = torch.frombuffer(content, dtype=like.dtype) if content else torch.empty(0, dtype=like.dtype)
        return flat.reshape(shape)
