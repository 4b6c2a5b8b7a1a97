"""A tiny checkpoint with random weights and a tokenizer of its own, as `save_pretrained` writes it."""

from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("the", "a", "film", "was", "is", "fine", "poor", "good", "bad", "very", "not", "of", "and", "it", "this")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Words and letters, after BERT's rules."""
    letters = [f"{mark}{letter}" for mark in ("", "##") for letter in "abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *WORDS, *letters])}
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(vocabulary))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, **{f"{name}_token": token for name, token in names.items()}
    )


def tiny_checkpoint(path: Path, *, classes: tuple[str, ...] = (), seed: int = 0, card: str = "") -> Path:
    """Save a BERT, under a head where there are classes, with a model card where there is one."""
    own = tokenizer()
    config = transformers.BertConfig(
        vocab_size=len(own),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=32,
        **({"id2label": dict(enumerate(classes))} if classes else {}),
    )
    torch.manual_seed(seed)
    kind = transformers.BertForSequenceClassification if classes else transformers.BertModel
    kind(config).save_pretrained(path)
    own.save_pretrained(path)
    if card:
        (path / "README.md").write_text(card, encoding="utf-8")
    return path
