"""Files that are whole or not there at all, in a folder that one run at a time writes to."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from fedot.errors import FedotError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it, so that nobody ever sees half of it.

    Raises
    ------
    FedotError
        If it cannot be written, for instance on a full disk; nothing is left of it then.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise FedotError(
            f"{path} cannot be written ({error.strerror or error}); make room there, or choose another --out, "
            "and go on with --resume"
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
