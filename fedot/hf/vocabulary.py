"""Token of each embedding row, from whichever file of a tokenizer a folder has."""

import json
from pathlib import Path

from fedot.errors import FedotError


def read_vocabulary(folder: Path, rows: int) -> tuple[str, ...] | None:
    """Return the token of each of `rows` embedding rows; None where the folder has no tokenizer.

    Tables are often padded: rows beyond the tokenizer are called ``<row 123>``.

    Raises
    ------
    FedotError
        If the file cannot be understood.
    """
    for name, read in (("tokenizer.json", _tokenizer), ("vocab.json", _table), ("vocab.txt", _lines)):
        if (folder / name).is_file():
            try:
                numbers = read((folder / name).read_text(encoding="utf-8"))
            except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
                raise FedotError(
                    f"{folder / name} is no vocabulary that fedot can read ({type(error).__name__}); save it again"
                ) from error
            words = [f"<row {i}>" for i in range(rows)]
            for word, number in numbers.items():
                if 0 <= number < rows:
                    words[number] = word
            return tuple(words)
    return None


def _tokenizer(text: str) -> dict[str, int]:
    """Tokens of a tokenizers file: of its model (a unigram model lists pairs), then those that were added."""
    data = json.loads(text)
    vocab = data["model"]["vocab"]
    numbers = dict(vocab) if isinstance(vocab, dict) else {pair[0]: i for i, pair in enumerate(vocab)}
    return numbers | {str(each["content"]): int(each["id"]) for each in data.get("added_tokens") or ()}


def _table(text: str) -> dict[str, int]:
    return {str(word): int(number) for word, number in json.loads(text).items()}


def _lines(text: str) -> dict[str, int]:
    return {word: i for i, word in enumerate(text.removesuffix("\n").split("\n"))}
