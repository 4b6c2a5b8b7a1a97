"""What a folder's tokenizer does to a text before it is cut into tokens.

A fused model has one tokenizer. Other tokens are no hindrance, since rows are matched by token; but a model that has
only seen small letters cannot be given capital ones.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.hf.tokens.sentencepiece import read_pieces
from fedot.hf.tokens.vocabulary import TOKENIZER_CONFIG, read_bytes, read_json
from fedot.text.outside import told

SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
BERT_NAMES = {
    "lowercase": "do_lower_case",
    "strip_accents": "strip_accents",
    "handle_chinese_chars": "tokenize_chinese_chars",
}
"""What tokenizer.json calls the rules of BERT, and what tokenizer_config.json does."""

BERT: Mapping[str, object] = {
    "do_lower_case": True,
    "strip_accents": None,
    "tokenize_chinese_chars": True,
    "do_basic_tokenize": True,
}
BYTES: Mapping[str, object] = {"add_prefix_space": False}
"""What holds where a tokenizer does not say it: in BERT's, and in one over bytes (GPT-2, RoBERTa)."""


def read_rules(folder: Path) -> dict[str, object]:
    """Read the rules of a folder's tokenizer, as far as its files say them.

    Raises
    ------
    FedotError
        If a file cannot be read.
    """
    config, special = _json(folder / TOKENIZER_CONFIG), _json(folder / "special_tokens_map.json")
    whole = _json(folder / "tokenizer.json")
    with told(f"{folder} has a tokenizer whose rules cannot be read; save it again"):
        steps = _steps(whole.get("normalizer"))
        rules: dict[str, object] = {}
        if "BertNormalizer" in steps or (folder / "vocab.txt").is_file():
            normaliser = steps.get("BertNormalizer", {})
            rules.update(BERT)
            rules.update((own, normaliser[name]) for name, own in BERT_NAMES.items() if name in normaliser)
        else:
            rules.update(
                BYTES if (folder / "merges.txt").is_file() or whole.get("model", {}).get("type") == "BPE" else {}
            )
            rules.update(do_lower_case="Lowercase" in steps, strip_accents="StripAccents" in steps)
            if "Precompiled" in steps:
                rules["the table of its normaliser"] = steps["Precompiled"].get("precompiled_charsmap")
        rules |= {key: config[key] for key in rules if config.get(key) is not None}
        for key in SPECIAL:
            found = config.get(key, special.get(key))
            token = found.get("content") if isinstance(found, dict) else found
            rules |= {} if token is None else {key: token}
    for name in ("spiece.model", "sentencepiece.bpe.model", "source.spm", "target.spm"):
        if (folder / name).is_file():
            rules[f"the normaliser in {name}"] = read_pieces(folder / name, read_bytes(folder / name)).rules
    return rules


def differing_rule(ours: Mapping[str, object], theirs: Mapping[str, object]) -> str | None:
    """First rule in which two tokenizers differ, of those that both have.

    Examples
    --------
    >>> differing_rule({"do_lower_case": True}, {"do_lower_case": False, "pad_token": "[PAD]"})
    'do_lower_case'
    """
    return next((key for key in sorted(ours.keys() & theirs.keys()) if ours[key] != theirs[key]), None)


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _steps(normaliser: Any) -> dict[str, Mapping[str, Any]]:
    """Each step of a normaliser by its type; how they are put together differs between versions of the library."""
    if not isinstance(normaliser, dict):
        return {}
    inner = [step for each in normaliser.get("normalizers", ()) for step in _steps(each).items()]
    return dict([(str(normaliser.get("type")), normaliser), *inner])
