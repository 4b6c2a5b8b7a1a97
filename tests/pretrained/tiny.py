"""Tiny checkpoints with tokenizers of their own, saved as their library saves them, and texts with two classes."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
import yaml
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tests.hf.models import BERT, DISTILBERT, GPT2

GOOD, BAD = ("fine", "lovely", "great", "warm", "bright"), ("dull", "awful", "cold", "sad", "grey")
OTHER = ("the", "play", "was", "night", "a", "film", "and", "we", "saw", "it", ".")
WORDS = (*GOOD, *BAD, *OTHER)

ELECTRA = {**BERT, "embedding_size": 16}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {  # name: (class without a head, settings)
    "bert": ("BertModel", BERT),
    "roberta": ("RobertaModel", BERT),
    "xlm-r": ("XLMRobertaModel", BERT),
    "distilbert": ("DistilBertModel", DISTILBERT),
    "gpt2": ("GPT2Model", GPT2),
    "electra": ("ElectraModel", ELECTRA),
}
UNKNOWN_SYMMETRY = ("electra",)


def word_piece(padding: str = "[PAD]") -> Tokenizer:
    """BERT's: the template puts [CLS] before a text and [SEP] after it; the token that pads can be anywhere."""
    first = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokens = [*first, *WORDS, *(f"##{letter}" for letter in "abc"), "x", "y"]
    if padding != "[PAD]":
        tokens[0] = padding
    made = Tokenizer(models.WordPiece({token: i for i, token in enumerate(tokens)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.decoder = decoders.WordPiece()
    return made


def byte_pairs(roberta: bool) -> Tokenizer:
    """GPT-2's, which marks no ends of a text, or RoBERTa's, which pads with number 1."""
    special = ["<s>", "<pad>", "</s>", "<unk>"] if roberta else []
    letters = sorted({letter for word in WORDS for letter in word} | {"Ġ"})
    tokens = [*special, *letters, "th", "the", "Ġthe"] + ([] if roberta else ["<|endoftext|>"])
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the")]
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if roberta:
        made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return made


def pieces() -> Tokenizer:
    """XLM-R's: a unigram model that pads with number 1."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS), "▁", "s", "e"]
    made = Tokenizer(models.Unigram([(token, -float(i)) for i, token in enumerate(tokens)], unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made


def tokenizer_of(kind: str) -> Any:
    """The tokenizer of a kind as a class of transformers."""
    wrapped = transformers.PreTrainedTokenizerFast
    if kind == "gpt2":
        return wrapped(tokenizer_object=byte_pairs(False), eos_token="<|endoftext|>", model_max_length=20)
    if kind in ("roberta", "xlm-r"):
        made = byte_pairs(True) if kind == "roberta" else pieces()
        ends = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
        return wrapped(tokenizer_object=made, model_max_length=18, **ends)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return wrapped(tokenizer_object=word_piece(), model_max_length=20, **names)


def save(kind: str, path: Path, seed: int = 0, class_name: str = "", **settings: Any) -> Path:
    """Save a checkpoint of a kind, every tensor of it random, with its tokenizer."""
    own, values = KINDS[kind]
    tokenizer = tokenizer_of(kind)
    numbers = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    numbers |= {"initializer_range": 0.4}  # or the logits of a drawn head would be alike
    numbers |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(seed)
    made = getattr(transformers, class_name or own)
    module = made(made.config_class(**{**values, **numbers, **settings}))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += (0.3 if parameter.ndim == 1 else 0.15) * torch.randn(parameter.shape)
    module.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def change(folder: Path, file: str = "config.json", **values: Any) -> None:
    """Change keys of a JSON file."""
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def sentences(count: int, seed: int) -> list[tuple[str, int]]:
    """Texts whose adjectives tell the class."""
    draw = Random(seed)
    out = []
    for number in range(count):
        label = number % 2
        words = draw.choices([BAD, GOOD][label], k=2) + draw.choices(OTHER, k=3)
        out.append((" ".join(words), label))
    return out


def write_clients(folder: Path, names: Sequence[str] = ("north", "south"), rows: int = 60) -> list[dict[str, Any]]:
    """Files of clients, and what a scenario says of them."""
    out = []
    for number, name in enumerate(names):
        for file, count in ((f"{name}.csv", rows), (f"{name}-test.csv", 30)):
            lines = [f"{text},{['bad', 'good'][label]}" for text, label in sentences(count, 10 * number + count)]
            (folder / file).write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
        files = {"train": f"{name}.csv", "test": f"{name}-test.csv", "text": "text", "label": "label"}
        out.append({"dataset": "files", "name": name, "labels": ["bad", "good"], **files})
    return out


def write_scenario(folder: Path, **changes: Any) -> Path:
    """A scenario of two clients with the checkpoint beside it."""
    values: dict[str, Any] = {
        "name": "tiny",
        "clients": write_clients(folder),
        "model": {"pretrained": "./mine", "max_length": 12},
        "train": {"epochs": 1, "batch_size": 16, "lr": 1e-2},
        "init": "shared",
        "rounds": 2,
        "strategies": ["fedavg"],
        "references": ["parents"],
        "seeds": [0],
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}), encoding="utf-8")
    return path
