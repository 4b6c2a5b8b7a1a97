"""What a checkpoint's own model card says: the licence, in the YAML at its head."""

import re
from pathlib import Path

from fedot.errors import FedotError
from fedot.text.yaml_text import parse_yaml

HEAD = re.compile(r"\A---\r?\n(.*?)\r?\n---\s*$", re.DOTALL | re.MULTILINE)
LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]{0,60}")
UNTOLD = ("other", "unknown")
MOST_READ = 2**16
"""Characters of a card that are looked at."""


def licence_of(folder: Path) -> str:
    r"""The licence that a checkpoint's card names, as the hub writes it; "" where it names none.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = (Path(name) / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model")
    ...     licence_of(Path(name)), licence_of(Path(name) / "other")
    ('apache-2.0', '')
    """
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = HEAD.match(file.read(MOST_READ))
        found = parse_yaml(head.group(1), "README.md") if head else None
    except (OSError, FedotError):  # a card is no part of the model
        return ""
    name = found.get("license") if isinstance(found, dict) else None
    return name if isinstance(name, str) and LICENCE.fullmatch(name) and name not in UNTOLD else ""
