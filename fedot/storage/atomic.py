"""Files that are whole or not there at all, in a folder that one run at a time writes to."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fedot.errors import FedotError


def temporary_name(path: Path, several: bool = False) -> Path:
    """Where a file is written before it has its name; `several` processes that may do so at a time have one each."""
    return path.with_name(f".{path.name}.{os.getpid()}.part" if several else f".{path.name}.part")


@contextlib.contextmanager
def replacing(path: Path, several: bool = False) -> Iterator[Path]:
    """Give the temporary name of a file, which becomes `path` at the end, so that nobody ever sees half of it.

    Where that is left by an exception, `path` is as it was, and nothing else is left.
    """
    temporary = temporary_name(path, several)
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that is whole or not there at all.

    Raises
    ------
    FedotError
        If it cannot be written, for instance on a full disk; nothing is left of it then.
    """
    with writing(path) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Give the temporary name of a file, which becomes `path` at the end, once all of it is on the disk.

    Raises
    ------
    FedotError
        If it cannot be written, for instance on a full disk; nothing is left of it then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise FedotError(
            f"{path} cannot be written ({error.strerror or error}); make room there, or choose another folder"
        ) from None


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder, which becomes `path` at the end, so that nobody ever sees half of it.

    Where that is left by an exception, nothing is left.

    Raises
    ------
    FedotError
        If there is something at `path` but an empty folder, or it cannot be made.
    """
    try:
        if os.path.lexists(path) and (not path.is_dir() or any(path.iterdir())):
            raise FedotError(f"{path} exists already and is not an empty folder; choose another one")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-", ignore_cleanup_errors=True) as name:
            made = Path(name) / "made"
            made.mkdir()
            yield made
            made.replace(path)
    except OSError as error:
        raise FedotError(
            f"{path} cannot be written ({error.strerror or error}); make room there, or choose another folder"
        ) from None


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give the place of a new folder, which takes the place of the one at `path` when it is whole.

    Where that is left by an exception, `path` is as it was.

    Raises
    ------
    FedotError
        If it cannot be made.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-", ignore_cleanup_errors=True) as name:
            made, before = Path(name) / "made", Path(name) / "before"
            yield made
            path.replace(before)
            try:
                made.replace(path)
            except OSError:
                before.replace(path)
                raise
    except OSError as error:
        raise FedotError(
            f"{path} cannot be written ({error.strerror or error}); make room there, or choose another folder"
        ) from None


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; the claim ends with the process, however that ends.

    Raises
    ------
    FedotError
        If another run has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FedotError(f"another run writes to {folder} now; wait for its end, or choose another --out") from None
        except OSError:  # a file system without locks: as if there were no other
            pass
        yield
    finally:
        os.close(handle)
