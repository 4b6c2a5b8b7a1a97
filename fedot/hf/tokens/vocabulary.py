"""Token of each embedding row, from all files of a tokenizer that a folder has."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fedot.errors import FedotError
from fedot.hf.tokens.sentencepiece import read_pieces
from fedot.text.outside import parse_json, printable, told

MOST_BYTES = 2**28
"""No file of a tokenizer is larger."""

TABLE = "vocab.json"
TOKENIZER_CONFIG = "tokenizer_config.json"


def read_vocabulary(folder: Path, rows: int, table: str = TABLE) -> tuple[str, ...] | None:
    """Return the token of each of `rows` embedding rows; None where the folder has no tokenizer.

    Tables are often padded: rows beyond the tokenizer are called ``<row 123>``.

    Parameters
    ----------
    table
        File with a vocabulary of its own, as Marian may have one for its decoder; where it is missing, the one that
        every tokenizer may have.

    Raises
    ------
    FedotError
        If a file cannot be understood, two of them contradict each other, or there is a tokenizer but none of its
        files says which tokens it has.
    """
    table = table if (folder / table).is_file() else TABLE
    numbers, places, said = dict[str, int](), dict[int, str](), dict[str, str]()
    for name, read in _readers(table).items():
        for word, number in _numbers(folder, name, read).items():
            other = places.setdefault(number, word)
            if numbers.setdefault(word, number) != number or other != word:
                wrong = word if other == word else other
                raise FedotError(
                    f"{folder}: token {number} is {printable(word, 40)} in {name}, but {printable(wrong, 40)} is token "
                    f"{numbers[wrong]} in {said.get(wrong, name)}; delete the file that does not belong to the model"
                )
            said.setdefault(word, name)
    if not any((folder / name).is_file() for name in _vocabularies(table)):
        mute = next((path.name for path in sorted(folder.iterdir()) if _is_of_tokenizer(path)), None)
        if mute is None:
            return None
        raise FedotError(
            f"{folder} has {mute}, but no file from which fedot can read the tokens; load the tokenizer with "
            "transformers' AutoTokenizer and save it there with save_pretrained, which writes a tokenizer.json"
        )
    words = [f"<row {i}>" for i in range(rows)]
    for number, word in places.items():
        if 0 <= number < rows:
            words[number] = word
    return tuple(words)


Reader = Callable[[Path, bytes], Mapping[str, int]]


def _readers(table: str) -> dict[str, Reader]:
    more: dict[str, Reader] = {"added_tokens.json": _table, TOKENIZER_CONFIG: _config} if table == TABLE else {}
    return _vocabularies(table) | more


def _vocabularies(table: str) -> dict[str, Reader]:
    """Files that have all tokens; the others add some."""
    if table != TABLE:
        return {table: _table}
    return {
        "tokenizer.json": _tokenizer,
        TABLE: _table,
        "vocab.txt": _lines,
        "spiece.model": _spiece,
        "sentencepiece.bpe.model": lambda path, content: read_pieces(path, content).fairseq_numbers(),
    }


def _is_of_tokenizer(path: Path) -> bool:
    """Whether a file speaks of tokens without saying all of them."""
    names = {"merges.txt", "added_tokens.json", "vocab.bpe", "bpe.codes", "dict.txt"}
    return path.name in names or path.suffix in (".model", ".spm", ".tiktoken")


def _numbers(folder: Path, name: str, read: Reader) -> Mapping[str, int]:
    path = folder / name
    if not path.is_file():
        return {}
    content = read_bytes(path)
    with told(f"{path} is no vocabulary that fedot can read; save it again"):
        return read(path, content)


def read_bytes(path: Path) -> bytes:
    """Read a file of a folder.

    Raises
    ------
    FedotError
        If it is no regular file, cannot be read, or is larger than any that belongs there.
    """
    try:
        if path.exists() and not path.is_file():
            raise FedotError(f"{path} is no file; a folder as save_pretrained writes it is needed")
        if path.stat().st_size > MOST_BYTES:
            raise FedotError(f"{path} is larger than {MOST_BYTES // 2**20} MiB, and is not read")
        return path.read_bytes()
    except OSError as error:
        raise FedotError(f"{path} cannot be read ({type(error).__name__})") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a folder that holds an object.

    Raises
    ------
    FedotError
        If it cannot be read.
    """
    value = parse_json(read_bytes(path), str(path))
    if not isinstance(value, dict):
        raise FedotError(f"{path} holds a {type(value).__name__}, but an object is needed")
    return value


def _tokenizer(path: Path, content: bytes) -> dict[str, int]:
    """Tokens of a tokenizers file: of its model (a unigram model lists pairs), then those that were added."""
    data = parse_json(content, str(path))
    vocab = data["model"]["vocab"]
    numbers = dict(vocab) if isinstance(vocab, dict) else {pair[0]: i for i, pair in enumerate(vocab)}
    return _checked(numbers | {each["content"]: each["id"] for each in data.get("added_tokens") or ()})


def _table(path: Path, content: bytes) -> dict[str, int]:
    return _checked(parse_json(content, str(path)))


def _config(path: Path, content: bytes) -> dict[str, int]:
    """Tokens that a tokenizer_config.json adds."""
    added = parse_json(content, str(path)).get("added_tokens_decoder") or {}
    return _checked({each["content"]: int(number) for number, each in added.items()})


def _lines(path: Path, content: bytes) -> dict[str, int]:
    del path
    text = content.decode().replace("\r\n", "\n").replace("\r", "\n")
    return {word: i for i, word in enumerate(text.removesuffix("\n").split("\n"))}


def _spiece(path: Path, content: bytes) -> dict[str, int]:
    """Pieces by number; T5 counts its extra tokens down from the end, and only newer folders list them."""
    numbers = read_pieces(path, content).numbers()
    siblings = [path.parent / name for name in ("tokenizer.json", "added_tokens.json")]
    config = read_json(path.parent / TOKENIZER_CONFIG) if (path.parent / TOKENIZER_CONFIG).is_file() else {}
    if any(each.is_file() for each in siblings) or config.get("added_tokens_decoder"):
        return numbers
    extra = config.get("extra_ids", 100 if str(config.get("tokenizer_class", "T5")).startswith("T5") else 0)
    if type(extra) is not int or not 0 <= extra < len(numbers) + 1000:
        raise FedotError(f"{path.parent / TOKENIZER_CONFIG} has extra_ids {printable(repr(extra), 40)}")
    last = len(numbers) + extra - 1
    return numbers | {f"<extra_id_{i}>": last - i for i in range(extra)}


def _checked(numbers: object) -> dict[str, int]:
    if not isinstance(numbers, dict) or any(not isinstance(word, str) for word in numbers):
        raise TypeError("a table of tokens is needed")
    if any(type(number) is not int for number in numbers.values()):
        raise TypeError("tokens are numbered by whole numbers")
    return numbers
