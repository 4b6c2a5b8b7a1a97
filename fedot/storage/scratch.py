"""Temporary folders that do not pile up: the next command removes those of commands that were killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

NEW, HELD = "fedot-new-", "fedot-held-"
"""How names begin: of a folder that nobody has locked yet, and of one that its process holds locked."""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a temporary folder, and remove it at the end.

    Its lock ends with the process, however that ends; so a folder of that name without a lock is nobody's.
    """
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=NEW))
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: then nobody may remove it but this process
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = folder.rename(folder.with_name(folder.name.replace(NEW, HELD, 1)))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _sweep(where: Path) -> None:
    """Remove this user's folders that no process holds."""
    for folder in where.glob(f"{HELD}*"):
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                if os.fstat(handle).st_uid == os.getuid():
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
