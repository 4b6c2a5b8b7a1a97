"""The tokenizer of a checkpoint, with fedot's number for padding."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, processors

from fedot.errors import FedotError
from fedot.hf.tokens.vocabulary import read_json
from fedot.models.pretrained.pretrained_module import transformers_library
from fedot.translation.special_tokens import ends_of, unknown_of

TOKENIZER = "tokenizer.json"

PREFIX = "checkpoint:"
"""What stands for a checkpoint's tokenizer where else a tokenizer's JSON stands."""


WORDS = (
    *("tokenizer.json", "vocab.json", "vocab.txt", "vocab.bpe", "dict.txt", "bpe.codes"),
    *("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "source.spm"),
)
"""Files that hold the tokens of a tokenizer."""


def reference(name: str) -> str:
    """What stands for a checkpoint's tokenizer in messages, results and files."""
    return f"{PREFIX}{name}"


def referred(tokenizer: str | None) -> str | None:
    """Name of the checkpoint whose tokenizer is meant; None of another tokenizer."""
    return tokenizer.removeprefix(PREFIX) if tokenizer and tokenizer.startswith(PREFIX) else None


@dataclass(frozen=True, slots=True)
class FolderTokenizer:
    """A checkpoint's tokenizer in fedot's numbers.

    Attributes
    ----------
    text
        Its JSON.
    pad
        What its token that pads had for a number.
    first, last
        Numbers of the tokens that every text begins and ends with; -1 both where it is not one of each.
    unknown
        Number of the token that stands for what it does not know; -1 where it knows everything.
    size
        So many rows it takes to have one for each token.
    """

    text: str
    pad: int
    first: int
    last: int
    unknown: int
    size: int


@lru_cache(maxsize=8)
def folder_tokenizer(folder: Path, stamp: tuple[int, ...], framed: bool = False) -> FolderTokenizer:
    """Read a folder's tokenizer; the stamp tells its files from what was there before.

    Parameters
    ----------
    framed
        Whether it is to put the tokens that begin and end a text around each, whatever it does by itself.

    Raises
    ------
    FedotError
        If it cannot be read, or lacks a token that is needed.
    """
    del stamp
    if not any((folder / name).is_file() for name in WORDS):  # of its settings alone the library makes an empty one up
        raise FedotError(f"{folder} has no tokenizer; save one there with tokenizer.save_pretrained")
    found = _fast(folder)
    settings = read_json(folder / "config.json")
    numbers = (found.pad_token_id, found.eos_token_id, settings.get("pad_token_id"))
    pad = next((number for number in numbers if isinstance(number, int)), None)
    if pad is None:
        raise FedotError(f"the tokenizer in {folder} has no token that pads or ends a text; set its pad_token")
    backend = Tokenizer.from_str(found.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    if framed:
        if found.eos_token_id is None:
            raise FedotError(f"the tokenizer in {folder} has no token that ends a text; set its eos_token")
        last = (found.eos_token, found.eos_token_id)
        first = last if found.bos_token_id is None else (found.bos_token, found.bos_token_id)
        backend.post_processor = processors.TemplateProcessing(
            single=[first[0], "$A", last[0]], special_tokens=list({first, last})
        )
    text = with_padding_first(backend.to_str(), pad)
    made = Tokenizer.from_str(text)
    if made.id_to_token(0) != backend.id_to_token(pad):
        raise FedotError(f"the tokenizer in {folder} pads with a token that is not in its vocabulary; set another")
    size = max(made.get_vocab().values(), default=-1) + 1
    return FolderTokenizer(text, pad, *ends_of(made), unknown_of(made), size)


def _fast(folder: Path) -> Any:
    """A folder's tokenizer as transformers finds it, or where that is slow, or cannot be had, its tokenizer.json."""
    transformers, why, slow = transformers_library(), "", False
    kinds = [transformers.AutoTokenizer]
    if (folder / TOKENIZER).is_file():
        kinds.append(transformers.PreTrainedTokenizerFast)
    for kind in kinds:
        try:
            with quiet():
                found = kind.from_pretrained(folder, local_files_only=True, use_fast=True, trust_remote_code=False)
        except Exception as error:  # whatever the library says to what lies there
            why = why or type(error).__name__
            continue
        if getattr(found, "is_fast", False) and getattr(found, "backend_tokenizer", None) is not None:
            return found
        slow = True
    if slow:
        raise FedotError(f"{folder} has no fast tokenizer, which is needed; save one as {TOKENIZER} there")
    raise FedotError(
        f"{folder} has no tokenizer that can be read ({why}); save one there with tokenizer.save_pretrained, "
        f"{TOKENIZER} among its files"
    )


def with_padding_first(text: str, pad: int) -> str:
    """A tokenizer's JSON in which the tokens of number 0 and `pad` have changed places.

    Everywhere in fedot 0 is padding; the module changes them back (`fedot.models.pretrained`).

    Raises
    ------
    FedotError
        If its vocabulary is of a kind that has no numbers to change.
    """
    if pad == 0:
        return text
    other = {0: pad, pad: 0}
    settings = json.loads(text)
    model = settings["model"]
    if isinstance(model.get("vocab"), dict):
        tokens = dict(model["vocab"])
        for added in settings.get("added_tokens") or []:
            if added["id"] == pad:  # number 0 has to be the model's own
                tokens.setdefault(added["content"], pad)
        model["vocab"] = {token: other.get(number, number) for token, number in tokens.items()}
    elif isinstance(model.get("vocab"), list) and pad < len(model["vocab"]):
        model["vocab"][0], model["vocab"][pad] = model["vocab"][pad], model["vocab"][0]
        if model.get("unk_id") in other:
            model["unk_id"] = other[model["unk_id"]]
    else:
        raise FedotError("its tokenizer pads with a token that is not in its vocabulary; set another pad_token")
    for added in settings.get("added_tokens") or []:
        added["id"] = other.get(added["id"], added["id"])
    settings["added_tokens"] = sorted(settings.get("added_tokens") or [], key=lambda added: added["id"])
    settings["post_processor"] = _renumbered(settings.get("post_processor"), other)
    return json.dumps(settings, ensure_ascii=False)


def _renumbered(part: Any, other: Mapping[int, int]) -> Any:
    """Numbers of tokens in a post-processor: ``ids: [...]`` of a template, ``[token, number]`` of BERT and RoBERTa."""
    if isinstance(part, dict):
        out = {key: _renumbered(value, other) for key, value in part.items()}
        if isinstance(part.get("ids"), list):
            out["ids"] = [other.get(number, number) for number in part["ids"]]
        for key in ("cls", "sep"):
            if isinstance(part.get(key), list):
                token, number = part[key]
                out[key] = [token, other.get(number, number)]
        return out
    return [_renumbered(each, other) for each in part] if isinstance(part, list) else part


@contextmanager
def quiet() -> Iterator[None]:
    """Have transformers say nothing of weights that are drawn, and draw no progress bars; then as before."""
    logger = logging.getLogger("transformers")
    bars = transformers_library().utils.logging
    level, shown = logger.level, bars.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    bars.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if shown:
            bars.enable_progress_bar()
