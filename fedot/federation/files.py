"""Files that are whole or not there at all."""

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
        temporary.unlink(missing_ok=True)
        raise FedotError(
            f"{path} cannot be written ({error.strerror or error}); make room there, or choose another --out, "
            "and go on with --resume"
        ) from None
