"""Reading a text file that somebody else may have written: of bounded size, and whatever goes wrong in one line."""

from pathlib import Path

from fedot.errors import FedotError
from fedot.text.outside import printable


def read_bounded(path: Path, most: int, hint: str = "") -> bytes:
    """Read a file of at most `most` bytes.

    Parameters
    ----------
    hint
        What to do where there is no such file, or none that can be read.

    Raises
    ------
    FedotError
        If it is missing, is no file, may not be read, or is larger. Nothing beyond its bound is read.
    """
    told = f"; {hint}" if hint else ""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise FedotError(f"{_shown(path)} cannot be read (FileNotFoundError: there is no such file){told}") from None
    except (OSError, ValueError) as error:  # a ValueError is a path with a null byte
        raise FedotError(f"{_shown(path)} cannot be read ({type(error).__name__}){told}") from None
    if len(content) > most:
        raise FedotError(f"{_shown(path)} cannot be read: it has more than {most} bytes, and no more are taken")
    return content


def read_text(path: Path, most: int, hint: str = "") -> str:
    """Read the same as text in UTF-8.

    Raises
    ------
    FedotError
        As `read_bounded` does, and if it is no UTF-8 text.
    """
    try:
        return read_bounded(path, most, hint).decode("utf-8")
    except UnicodeDecodeError:
        raise FedotError(f"{_shown(path)} cannot be read as UTF-8 text (UnicodeDecodeError)") from None


def _shown(path: Path) -> str:
    return printable(path, 4096)
