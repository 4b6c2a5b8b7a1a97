"""From a file's bytes to its text: unpacked, decoded, and refused where that cannot be right.

UTF-8, and UTF-16 or UTF-32 with the mark that they begin with, are told apart by the bytes. Every other encoding would
be a guess (almost any bytes are valid cp1252), so it has to be named.
"""

import codecs
import gzip
import io
import zlib
from pathlib import Path

import pyarrow as pa

from fedot.errors import FedotError
from fedot.scenario.file_keys import check_encoding

PACKED = {".gz": "gzip", ".zst": "zstd"}
"""Suffixes of packed text files."""

# the mark of UTF-32 begins with that of UTF-16, so it is tried first
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(path: Path, encoding: str | None = None) -> tuple[str, str]:
    """Read a text file, unpacked if its suffix says so; give its text, without a mark, and its encoding.

    Raises
    ------
    FedotError
        If it cannot be read or unpacked, or the bytes are not of that encoding.
    """
    try:
        return decoded(_unpacked(path), str(path), encoding)
    except OSError as error:
        raise FedotError(f"{path} cannot be read ({type(error).__name__})") from error


def decoded(raw: bytes, where: str, encoding: str | None = None) -> tuple[str, str]:
    r"""Turn bytes into text, and tell the encoding.

    Parameters
    ----------
    where
        What the bytes are, for errors.
    encoding
        What the user says that it is; else UTF-8, or what a mark at the beginning says.

    Raises
    ------
    FedotError
        If the bytes are not of that encoding, or are of none that makes text.

    Examples
    --------
    >>> decoded("caf\xe9".encode("utf-16"), "a file")
    ('café', 'utf-16')
    """
    marked = next((name for mark, name in MARKS if raw.startswith(mark)), "utf-8")
    name = encoding or marked
    if encoding is not None and check_encoding(encoding) == "utf-8":
        name = "utf-8-sig"
    try:
        text = raw.decode(name)
        if encoding:
            text.encode()  # some make halves of characters
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = raw[:start].count(b"\n") + 1
        told = "UTF-8" if name.startswith("utf-8") else name
        advice = (
            "" if encoding else "save the file with UTF-8 encoding, or say its own, such as encoding: cp1252 or latin-1"
        )
        raise FedotError(
            f"{where}, line {line}: the bytes are not {told}; {advice or 'give another encoding, or leave it out'}"
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise FedotError(
            f"{where}, line {line}: there is a zero byte, which no text has; if the file is in UTF-16, "
            "say encoding: utf-16-le (or utf-16-be)"
        )
    return text.removeprefix("\ufeff"), name.removesuffix("-sig")


def _unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    packing = PACKED.get(path.suffix.lower())
    try:
        if packing == "gzip":
            return gzip.decompress(raw)
        if packing == "zstd":
            with pa.CompressedInputStream(io.BytesIO(raw), "zstd") as stream:
                return bytes(stream.read())
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise FedotError(f"{path} cannot be unpacked as {packing} ({type(error).__name__}); is it whole?") from error
    return raw
