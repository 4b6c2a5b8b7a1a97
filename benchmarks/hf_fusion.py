"""Fuse two tiny transformers models of each kind that learnt from halves of the built-in stand-in text, apart.

`python benchmarks/hf_fusion.py` prints a table in some minutes: test accuracy in percent, mean (lowest-highest).
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from fedot.batching import pad
from fedot.data.standin import stand_in
from fedot.fusion import FusionConfig, fuse
from fedot.hf import forward_module, load_folder
from fedot.scenario import TokenizerSpec
from fedot.tokenizer import count_words, encode, train_tokenizer

LENGTH = 32
TEXT = {"vocab_size": 1000, "pad_token_id": 0, "num_labels": 2}
SIZES: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT": (
        "BertForSequenceClassification",
        {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "max_position_embeddings": LENGTH,
        },
    ),
    "DistilBERT": (
        "DistilBertForSequenceClassification",
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": LENGTH},
    ),
    "GPT-2": (
        "GPT2ForSequenceClassification",
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": LENGTH, "bos_token_id": None, "eos_token_id": None},
    ),
}


def logits(model: nn.Module, ids: Tensor) -> Tensor:
    """Class logits, padding masked."""
    out: Tensor = model(input_ids=ids, attention_mask=(ids != 0).long()).logits
    return out


def trained(kind: str, ids: Tensor, labels: Tensor, seed: int, epochs: int) -> nn.Module:
    """Train one model from an initialisation of its own."""
    torch.manual_seed(seed)
    name, sizes = SIZES[kind]
    own_class = getattr(transformers, name)
    model = own_class(own_class.config_class(**TEXT, **sizes))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(ids)), 64):
            loss = nn.functional.cross_entropy(logits(model, ids[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    result: nn.Module = model.eval()
    return result


def accuracy(model: nn.Module, ids: Tensor, labels: Tensor) -> float:
    """Share of right answers, in percent."""
    with torch.no_grad():
        return 100 * float((logits(model, ids).argmax(1) == labels).double().mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--kinds", nargs="*", default=list(SIZES))
    options = parser.parse_args()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    splits = stand_in("xed", "en", ("negative", "positive"))
    words = count_words(splits.train["text"])
    tokenizer = train_tokenizer(words, TokenizerSpec(kind="wordpiece", vocab_size=TEXT["vocab_size"]))
    train_ids, test_ids = (
        pad(encode(tokenizer, list(part["text"]), LENGTH).ids) for part in (splits.train, splits.test)
    )
    train_labels, test_labels = (torch.tensor(list(part["label"])) for part in (splits.train, splits.test))
    print("| model | parents | plain mean | OT fusion |\n|---|---|---|---|")
    for kind in options.kinds:
        scores: dict[str, list[float]] = {"parents": [], "vanilla": [], "aligned": []}
        for seed in range(options.seeds):
            halves = torch.randperm(len(train_ids), generator=torch.Generator().manual_seed(seed)).chunk(2)
            models, counts = [], []
            for k, half in enumerate(halves):
                model = trained(kind, train_ids[half], train_labels[half], 2 * seed + k, options.epochs)
                scores["parents"].append(accuracy(model, test_ids, test_labels))
                counts.append(torch.bincount(train_ids[half].flatten(), minlength=TEXT["vocab_size"]).double())
                counts[-1][0] = 0.0
                with tempfile.TemporaryDirectory() as folder:
                    model.save_pretrained(Path(folder))  # type: ignore[operator]
                    models.append(load_folder(folder))
            for method in ("vanilla", "aligned"):
                pairs = [(each.state, each.config) for each in models]
                config = FusionConfig(method=method)
                fused = fuse(pairs, spec=[each.spec for each in models], token_counts=counts, config=config)
                module = forward_module(fused.state, models[0].config)
                scores[method].append(accuracy(module, test_ids, test_labels))
        cells = [f"{statistics.mean(each):.1f} ({min(each):.1f}-{max(each):.1f})" for each in scores.values()]
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
