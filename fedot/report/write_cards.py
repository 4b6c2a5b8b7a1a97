"""A README.md in every folder of a fine-tuned checkpoint that a run has left; what a user has changed stays."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.storage.atomic import write_bytes
from fedot.text.names import saved_model

CARD = "README.md"
MARK = "<!-- written by fedot; a card that has been changed is left as it is: "


def write_cards(results: Mapping[str, Any], out_dir: Path) -> tuple[Path, ...]:
    """Write the card of each checkpoint in ``models/`` of a run's folder; give their paths.

    Raises
    ------
    FedotError
        If one cannot be written.
    """
    models = dict.fromkeys((str(row["strategy"]), int(row["seed"])) for row in results["rows"])
    found = {each: saved_model(out_dir / "models", *each) for each in models}
    folders = {each: path for each, path in found.items() if path is not None and path.is_dir()}
    if not folders:
        return ()
    from fedot.report.pages.checkpoint_card import checkpoint_card  # which loads torch
    from fedot.results.run_models import is_of_a_run

    written = []
    for (strategy, seed), folder in folders.items():
        if is_of_a_run(folder) and not _is_changed(folder / CARD):
            adapters = (folder / "adapter_config.json").is_file()
            card = checkpoint_card(results, strategy, seed, adapters=adapters)
            write_bytes(folder / CARD, f"{card}{_mark(card)}".encode())
            written.append(folder / CARD)
    return tuple(written)


def _is_changed(path: Path) -> bool:
    """Whether a card is there that is not as it was written."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True
    card, mark, _ = text.rpartition(MARK)
    return not mark or text != f"{card}{_mark(card)}"


def _mark(card: str) -> str:
    return f"{MARK}{hashlib.sha256(card.encode()).hexdigest()[:16]} -->\n"
