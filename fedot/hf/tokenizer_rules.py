"""What a folder's tokenizer does to a text before it is cut into tokens.

A fused model has one tokenizer. Other tokens are no hindrance, since rows are matched by token; but a model that has
only seen small letters cannot be given capital ones.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedot.hf.sentencepiece import read_pieces
from fedot.hf.vocabulary import TOKENIZER_CONFIG, read_bytes, read_json
from fedot.outside import told

SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
BERT_RULES = {
    "do_lower_case": "lowercase",
    "strip_accents": "strip_accents",
    "tokenize_chinese_chars": "handle_chinese_chars",
}
"""Keys of tokenizer_config.json, and what tokenizer.json calls them."""

DEFAULTS: Mapping[str, object] = {
    "do_lower_case": True,
    "tokenize_chinese_chars": True,
    "do_basic_tokenize": True,
    "add_prefix_space": False,
}
"""What holds where a tokenizer does not say it. (Only BERT's, which has a vocab.txt, makes letters small.)"""


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
        rules = _normaliser(whole.get("normalizer"), bert=(folder / "vocab.txt").is_file())
        rules |= {key: config[key] for key in (*BERT_RULES, *DEFAULTS) if config.get(key) is not None}
        for key in SPECIAL:
            found = config.get(key, special.get(key))
            token = found.get("content") if isinstance(found, dict) else found
            rules |= {} if token is None else {key: token}
    for name in ("spiece.model", "sentencepiece.bpe.model", "source.spm", "target.spm"):
        if (folder / name).is_file():
            rules[f"the normaliser in {name}"] = read_pieces(folder / name, read_bytes(folder / name)).rules
    return rules


def differing_rule(ours: Mapping[str, object], theirs: Mapping[str, object]) -> str | None:
    """First rule in which two tokenizers differ; what only one of them says is compared with what is usual.

    Examples
    --------
    >>> differing_rule({"do_lower_case": True}, {"do_lower_case": False, "pad_token": "[PAD]"})
    'do_lower_case'
    """
    for key in sorted(ours.keys() | theirs.keys()):
        known = key in DEFAULTS or (key in ours and key in theirs)
        if known and ours.get(key, DEFAULTS.get(key)) != theirs.get(key, DEFAULTS.get(key)):
            return key
    return None


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _normaliser(normaliser: Any, *, bert: bool) -> dict[str, object]:
    if normaliser is None:
        return {"do_lower_case": True} if bert else {}
    if normaliser.get("type") == "BertNormalizer":
        return {key: normaliser[name] for key, name in BERT_RULES.items() if normaliser.get(name) is not None}
    return {"the normalizer in tokenizer.json": normaliser}
