"""Tiny checkpoints whose models say tokens, saved as their library saves them, and files of two clients."""

import json
import os
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from tests.hf.models import GPT2, MARIAN, T5

WORDS = {"one": "eins", "two": "zwei", "red": "rot", "dog": "Hund", "house": "Häuser"}
PIECES = [*(f"▁{word}" for pair in WORDS.items() for word in pair), *"▁abcdefghilmnorstuwxzHä"]

UNTIED = {"tie_word_embeddings": False}
BART = {"max_position_embeddings": 20} | {key: value for key, value in MARIAN.items() if "forced" not in key}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {  # name: (class, settings)
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "gpt2-untied": ("GPT2LMHeadModel", GPT2 | UNTIED),
    "gpt2-padded": ("GPT2LMHeadModel", GPT2),
    "t5": ("T5ForConditionalGeneration", T5),
    "t5-untied": ("T5ForConditionalGeneration", T5 | UNTIED | {"feed_forward_proj": "gated-gelu"}),
    "marian": ("MarianMTModel", MARIAN | {"scale_embedding": True}),
    "bart": ("BartForConditionalGeneration", BART),
    "neo": (
        "GPTNeoForCausalLM",
        {"hidden_size": 16, "num_layers": 2, "num_heads": 4, "intermediate_size": 24, "max_position_embeddings": 20}
        | {"attention_types": [[["global", "local"], 1]], "window_size": 4},
    ),
}
CONTINUE = ("gpt2", "gpt2-untied", "gpt2-padded", "neo")
TRANSLATE = ("t5", "t5-untied", "marian", "bart")


def byte_pairs(padded: bool) -> Any:
    """GPT-2's: one token begins and ends a text, and none pads; or, where it is `padded`, three do."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "</s>"] if padded else ["<|endoftext|>"]
    tokens = [*letters, "th", "the", "Ġthe", "re", *special]
    made = Tokenizer(
        models.BPE({token: i for i, token in enumerate(tokens)}, [("t", "h"), ("th", "e"), ("Ġ", "the"), ("r", "e")])
    )
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    names = {"bos_token": special[0], "eos_token": special[-1]}
    found = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)
    if padded:
        found.add_special_tokens({"pad_token": "[PAD]"})
    return found


def pieces(kind: str) -> Any:
    """T5's pads with 0 and ends with 1, Marian's ends with 0 and pads with its last token; both have no beginning."""
    first, last = {"t5": (["<pad>", "</s>", "<unk>"], []), "marian": (["</s>", "<unk>"], ["<pad>"])}.get(
        kind, (["<s>", "<pad>", "</s>", "<unk>"], [])
    )
    tokens = [*first, *PIECES, *last]
    scores = [(token, -1.0 - (i > 12) * 5 - 0.01 * i) for i, token in enumerate(tokens)]
    made = Tokenizer(models.Unigram(scores, unk_id=tokens.index("<unk>")))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    begin = "<s> " if "<s>" in tokens else ""
    ends = [(name, tokens.index(name)) for name in ("<s>", "</s>") if name in tokens]
    made.post_processor = processors.TemplateProcessing(single=f"{begin}$A </s>", special_tokens=ends)
    names = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    names |= {"bos_token": "<s>"} if begin else {}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


def save(kind: str, path: Path, seed: int = 0) -> Path:
    """Save a checkpoint of a kind, every tensor of it random, with its tokenizer."""
    class_name, values = KINDS[kind]
    family = kind.partition("-")[0]
    tokenizer = byte_pairs(kind == "gpt2-padded") if kind in CONTINUE else pieces(family)
    numbers = {f"{each}_token_id": getattr(tokenizer, f"{each}_token_id") for each in ("pad", "bos", "eos")}
    if family in TRANSLATE:
        start = tokenizer.eos_token_id if family == "bart" else tokenizer.pad_token_id
        numbers |= {"decoder_start_token_id": start, "forced_eos_token_id": None, "forced_bos_token_id": None}
    numbers |= {"vocab_size": len(tokenizer) + 3 * (family == "t5")}  # T5 has rows that are no token's
    own = getattr(transformers, class_name)
    torch.manual_seed(seed)
    module = own(own.config_class(**{**values, **numbers}))
    if "untied" in kind and family == "t5":  # as its class does not
        module.lm_head.weight = torch.nn.Parameter(module.lm_head.weight.detach().clone())
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_floating_point() and "embed_positions" not in name:
                tensor += (0.3 if tensor.ndim == 1 else 0.15) * torch.randn(tensor.shape)
    module.save_pretrained(path)
    tokenizer.save_pretrained(path)
    if "untied" in kind:
        change(path, tie_word_embeddings=False)
    return path


def change(folder: Path, file: str = "config.json", **values: Any) -> None:
    """Change keys of a JSON file."""
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def write_scenario(folder: Path, kind: str, **changes: Any) -> Path:
    """A scenario of two clients with the checkpoint beside it."""
    task, clients = "language-model" if kind in CONTINUE else "translation", []
    for number, name in enumerate(("north", "south")):
        draw = Random(number)
        for file, count in ((f"{name}.jsonl", 40), (f"{name}-test.jsonl", 6)):
            rows = [draw.choices(list(WORDS), k=draw.randint(1, 4)) for _ in range(count)]
            lines = [{"en": " ".join(row), "de": " ".join(WORDS[word] for word in row)} for row in rows]
            text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
            (folder / file).write_text(text, encoding="utf-8")
        columns = {"text": "de"} if kind in CONTINUE else {"source": "en", "target": "de"}
        files = {"train": f"{name}.jsonl", "test": f"{name}-test.jsonl"}
        clients.append({"dataset": "files", "name": name, **files, **columns})
    values: dict[str, Any] = {
        **{"name": "tiny", "task": task, "clients": clients, "seeds": [0], "rounds": 2, "init": "shared"},
        **{"model": {"pretrained": "./mine", "max_length": 12}, "strategies": ["fedavg"], "references": ["parents"]},
        "train": {"epochs": 1, "batch_size": 16, "lr": 1e-2},
    }
    if task == "translation":
        values["decoding"] = {"beam": 2}
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}), encoding="utf-8")
    return path
