"""Fusion of encoder-decoders: what one fused translator keeps of its parents' BLEU.

    python -m benchmarks.translation --data-dir DATA --cache CACHE

trains the clients of ``scenarios/translation.yaml`` (or takes them from the cache), fuses them by each method, and
prints BLEU, chrF and the loss a token over all clients' rows of a split. Only ``validation`` is to choose by.
"""

import argparse
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer

from benchmarks.parents import Parents, train_parents
from benchmarks.self_translated import fuse_on_own_words, refitted
from fedot.data import ClientData
from fedot.fusion import FusionConfig, fuse
from fedot.models import Config, State, symmetry
from fedot.scenario import DecodingSpec, load_scenario
from fedot.translation import TranslationTally, encode_pairs
from fedot.translation.pairs import decode_ids
from fedot.translation.scores import tally_translations
from fedot.translation.translator import Translator

FUSIONS: dict[str, FusionConfig] = {
    "vanilla": FusionConfig(method="vanilla"),
    "aligned": FusionConfig(method="aligned"),
    "merged": FusionConfig(method="merged"),
    "merged, size 1.25": FusionConfig(method="merged", size=1.25),
    "merged, size 1.5": FusionConfig(method="merged", size=1.5),
    "merged, size 2": FusionConfig(method="merged", size=2.0),
}


def judge(
    translator: Translator, tokenizer: Tokenizer, clients: tuple[ClientData, ...], split: str, most: int, beam: int
) -> TranslationTally:
    """Scores over the first `most` rows of a split of every client."""
    rows = [getattr(client, split) for client in clients]
    source, target = ([text for part in rows for text in list(part[name])[:most]] for name in ("source", "target"))
    pairs = encode_pairs(tokenizer, source, target, translator.longest)
    said = decode_ids(tokenizer, translator.translate(pairs.source, DecodingSpec(beam=beam)))
    return tally_translations(*translator.nll(pairs), said, target)


def run(parents: Parents, split: str, most: int, beam: int) -> None:
    """Print one line for every parent, their ensemble and every fusion."""
    models: list[tuple[Config, State]] = [(each.config, each.state) for each in parents.models]
    tokenizer = parents.models[0].tokenizer

    def show(name: str, translator: Translator, parameters: int, seconds: float) -> None:
        found = judge(translator, tokenizer, parents.clients, split, most, beam).metrics()
        figures = f"{found['bleu']:6.1f} {found['chrf']:6.1f} {found['nll']:7.3f}"
        print(f"{name:20s} {figures} {parameters / 1e6:8.2f} M {seconds:6.1f} s", flush=True)

    print(f"{'':20s} {'BLEU':>6s} {'chrF':>6s} {'NLL':>7s} {'size':>10s} {'fusing':>8s}")
    for k, model in enumerate(models):
        show(f"parent {k}", Translator.of([model]), _parameters(*model), 0.0)
    shares = [1 / len(models)] * len(models)
    show("ensemble", Translator.of(models, shares), sum(_parameters(*model) for model in models), 0.0)
    weights, counts = [len(client.train) for client in parents.clients], [each.counts for each in parents.models]
    began = time.perf_counter()
    own = fuse_on_own_words(models, weights, counts)
    seconds = time.perf_counter() - began
    show("merged, own words", Translator.of([(own.config, own.state)]), _parameters(own.config, own.state), seconds)
    state = refitted(own, models, counts)
    seconds = time.perf_counter() - began
    show("  and refitted", Translator.of([(own.config, state)]), _parameters(own.config, state), seconds)
    for name, config in FUSIONS.items():
        began = time.perf_counter()
        result = fuse(
            [(state, shape) for shape, state in models],
            weights=weights,
            token_counts=counts,
            config=config,
        )
        seconds = time.perf_counter() - began
        show(name, Translator.of([(result.config, result.state)]), _parameters(result.config, result.state), seconds)


def _parameters(config: Config, state: State) -> int:
    """Number of different parameters: a tied table counts once."""
    copies = {copy for copy, _ in symmetry(config).ties}
    return sum(tensor.numel() for name, tensor in state.items() if name not in copies)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Fusion of encoder-decoders.")
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/translation.yaml"))
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--most", type=int, default=1_000_000, help="rows of each client")
    parser.add_argument("--beam", type=int, default=1)
    given = parser.parse_args()
    scenario = load_scenario(given.scenario, given.set)
    torch.set_num_threads(1)
    parents = train_parents(scenario, given.seed, given.data_dir, given.cache, "independent")
    run(parents, given.split, given.most, given.beam)


if __name__ == "__main__":
    main()
