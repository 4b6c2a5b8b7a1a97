"""Tensors in .safetensors files: read one at a time, and written one at a time under a temporary name.

Nothing is mapped into memory and nothing stays there, so that a model may be larger than what is free.
"""

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fedot.errors import FedotError
from fedot.storage.atomic import replacing, temporary_name, writing
from fedot.text.outside import parse_json, printable, told

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MOST_HEADER = 2**27
"""Bytes of a header; the library takes 100 MB."""

PICKLES = (b"\x80", b"PK\x03\x04")


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a .safetensors file, read from disk whenever they are asked for.

    Attributes
    ----------
    path, metadata
    shapes, dtypes
        Of every tensor, from the file's header.
    """

    __slots__ = ("_start", "dtypes", "metadata", "path", "shapes")

    def __init__(self, path: str | Path) -> None:
        """Read the header.

        Raises
        ------
        FedotError
            If the file is missing, cut short, or no safetensors file; a pickle is refused by name.
        """
        self.path = Path(path)
        try:
            with told(f"{self.path} is not a whole safetensors file"):
                header, size = self._header()
        except FedotError as error:
            if isinstance(error.__cause__, OSError):
                raise FedotError(f"{self.path} cannot be read ({_reason(error.__cause__)})") from None
            if isinstance(error.__cause__, SafetensorError):
                raise FedotError(
                    f"{self.path} is not a whole safetensors file ({printable(error.__cause__, 100)}); "
                    "save or copy it again"
                ) from None
            raise
        self.metadata: dict[str, str] = header.pop("__metadata__", None) or {}
        odd = next((name for name, each in header.items() if each["dtype"] not in DTYPES), None)
        if odd is not None:
            raise FedotError(
                f"{self.path} holds {printable(odd, 80)} as {printable(header[odd]['dtype'], 20)}, "
                "which fedot cannot read; "
                f"save it as one of {', '.join(DTYPES)}"
            )
        self.shapes: dict[str, tuple[int, ...]] = {name: tuple(each["shape"]) for name, each in header.items()}
        self.dtypes = {name: DTYPES[each["dtype"]] for name, each in header.items()}
        self._start = {name: 8 + size + each["data_offsets"][0] for name, each in header.items()}

    def _header(self) -> tuple[dict[str, Any], int]:
        """The header and its length in bytes, once the library has checked lengths, offsets and overlaps."""
        with self.path.open("rb") as file:
            head = file.read(9)
            if head.startswith(PICKLES) and head[8:] != b"{":  # the length of a header may look like a pickle
                raise FedotError(
                    f"{self.path} is a pickle, which can run code, and is not read; save the model as .safetensors"
                )
            size = int.from_bytes(head[:8], "little")
            file.seek(8)
            with safe_open(self.path, framework="pt"):
                return parse_json(file.read(size), f"the header of {self.path}", MOST_HEADER), size

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, name: str) -> Tensor:
        return self._read(name, self.shapes[name], 0)

    def rows(self, name: str, axis: int, start: int, stop: int) -> Tensor:
        """Read rows `start` to `stop` along an axis; along the first axis nothing else is read."""
        shape = self.shapes[name]
        if axis:
            return self[name].narrow(axis, start, stop - start)
        return self._read(name, (stop - start, *shape[1:]), start * math.prod(shape[1:]))

    @property
    def dtype(self) -> torch.dtype:
        """The widest type of the file's floating-point tensors."""
        found = [dtype for dtype in self.dtypes.values() if dtype.is_floating_point]
        if not found:
            raise FedotError(f"{self.path} holds no weights; save the model again")
        return max(found, key=lambda dtype: dtype.itemsize)

    def _read(self, name: str, shape: tuple[int, ...], skipped: int) -> Tensor:
        dtype = self.dtypes[name]
        count, offset = math.prod(shape) * dtype.itemsize, self._start[name] + skipped * dtype.itemsize
        return torch.from_numpy(np.fromfile(self.path, np.uint8, count, offset=offset)).view(dtype).reshape(shape)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a .safetensors file, whole or not at all, without a copy of the tensors in memory.

    Raises
    ------
    FedotError
        If it cannot be written.
    """
    with writing(path) as temporary:
        try:
            save_file(apart(tensors), temporary, dict(metadata))
        except SafetensorError as error:  # so the library tells of a full disk
            raise FedotError(f"{path} cannot be written ({printable(error, 100)}); make room there") from None


def apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give every tensor memory of its own, row after row, without which the library refuses to write it.

    Tied weights share theirs, and so do tensors of equal bytes in a message that Flower has put together. Those that
    have their own are not copied.

    Examples
    --------
    >>> table = torch.ones(2, 3)
    >>> found = apart({"input": table, "output": table})
    >>> found["input"] is table, found["output"] is table
    (True, False)
    """
    seen: set[int] = set()
    out = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        out[name] = tensor.clone(memory_format=torch.contiguous_format) if place in seen else tensor.contiguous()
        seen.add(place)
    return out


class TensorWriter:
    """Write a .safetensors file tensor by tensor, in any order; it has its name only when all are there.

    Use it as a context; where that is left by an exception, nothing is written.
    """

    __slots__ = ("_file", "_left", "_start", "_temporary", "dtype", "path", "shapes")

    def __init__(
        self, path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype, metadata: Mapping[str, str]
    ) -> None:
        header: dict[str, object] = {"__metadata__": {"format": "pt", **metadata}}
        end = 0
        self.path, self.shapes, self.dtype = path, dict(shapes), dtype
        self._start, self._left = {}, {name: math.prod(shape) for name, shape in shapes.items()}
        for name, shape in shapes.items():
            begin, end = end, end + math.prod(shape) * dtype.itemsize
            self._start[name] = begin
            header[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [begin, end]}
        text = json.dumps(header, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        self._temporary = temporary_name(path)
        with self._writing():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._temporary.open("wb")
            self._file.write(len(text).to_bytes(8, "little") + text)
        self._start = {name: begin + 8 + len(text) for name, begin in self._start.items()}

    def write(self, name: str, tensor: Tensor, start: int = 0) -> None:
        """Write a tensor, or the part of it that begins with row `start` of its first axis."""
        shape = self.shapes[name]
        if tuple(tensor.shape[1:]) != shape[1:] or (shape and start + len(tensor) > shape[0]):
            raise FedotError(f"{name} came out as {tuple(tensor.shape)}, but {shape} was announced")
        tensor = tensor.to(self.dtype)
        if not bool(torch.isfinite(tensor).all()):
            raise FedotError(f"{name} came out with NaN or infinite values, so {self.path} is not written")
        if tensor.numel():
            with self._writing():
                self._file.seek(self._start[name] + start * math.prod(shape[1:]) * self.dtype.itemsize)
                self._file.write(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
        self._left[name] -= tensor.numel()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FedotError(
                f"{self.path} cannot be written ({_reason(error)}); make room there, or choose another --out"
            ) from None

    def __enter__(self) -> "TensorWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        missing = next((name for name, left in self._left.items() if left), None)
        if kind is None and missing is None:
            with self._writing(), replacing(self.path):
                self._file.close()  # which writes the rest
            return
        with contextlib.suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)
        if kind is None:
            raise FedotError(f"{missing} was announced for {self.path}, but not all of it was written")


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
