"""Fusion of encoder-decoders: what one fused translator keeps of its parents' BLEU.

    python -m benchmarks.translation --data-dir DATA --cache CACHE

trains the clients of ``scenarios/translation.yaml`` (or takes them from the cache), fuses them by each method, and
prints BLEU, chrF and the loss a token over all clients' rows of a split, and a table over seeds. Only ``validation`` is
to choose by. With ``--further`` every client then trains one more epoch from each global model, and the results are
averaged: the second round of a federation, beside parents that go on alone. A seed done once, with the same options, is
kept in the cache; run it again with other seeds to go on.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from benchmarks.fusion_scores import interval
from benchmarks.parents import Parents, train_parents
from fedot.evaluation.translation_scores import TranslationTally, tally_translations
from fedot.fusion import FusionConfig, fuse
from fedot.models import Config, State, symmetry
from fedot.scenario import Scenario, load_scenario
from fedot.storage.atomic import write_bytes
from fedot.tasks.translation import encode_translations
from fedot.training import train
from fedot.translation import encode_pairs
from fedot.translation.pairs import decode_ids
from fedot.translation.translator import Translator

Model = tuple[Config, State]

FUSIONS: dict[str, FusionConfig] = {
    "vanilla": FusionConfig(method="vanilla"),
    "aligned": FusionConfig(method="aligned"),
    "merged": FusionConfig(method="merged"),
    "merged + distilled": FusionConfig(method="merged", distil_steps=200),
    "merged, 1.25 x width": FusionConfig(method="merged", size=1.25),
    "merged, 1.5 x width": FusionConfig(method="merged", size=1.5),
    "merged, 2 x width": FusionConfig(method="merged", size=2.0),
}
FURTHER = ("vanilla", "merged", "merged + distilled")
AFTER = (", further epoch", ", 2nd round")


@dataclass(frozen=True, slots=True)
class Row:
    """What one model translates, one seed: BLEU, chrF, nats a token, its parameters, and the seconds fusing took."""

    name: str
    bleu: float
    chrf: float
    nll: float
    parameters: int
    seconds: float


class Judge:
    """Scores models on the first `most` rows of a split of every client, prints a line for each, and keeps it."""

    def __init__(self, parents: Parents, split: str, most: int, beam: int) -> None:
        rows = [getattr(client, split) for client in parents.clients]
        self.source, self.target = (
            [text for part in rows for text in list(part[name])[:most]] for name in ("source", "target")
        )
        self.tokenizer: Tokenizer = parents.models[0].tokenizer
        self.beam = beam
        self.rows: list[Row] = []
        print(f"{'':28s} {'BLEU':>6s} {'chrF':>6s} {'NLL':>7s} {'size':>10s} {'fusing':>8s}")

    def tally(self, translator: Translator) -> TranslationTally:
        """Losses and n-gram counts of a translator."""
        pairs = encode_pairs(self.tokenizer, self.source, self.target, translator.longest)
        said = decode_ids(self.tokenizer, translator.translate(pairs.source, beam=self.beam))
        return tally_translations(*translator.nll(pairs), said, self.target)

    def show(self, name: str, members: Sequence[Model], seconds: float = 0.0) -> None:
        """Score a model, or several that translate together."""
        shares = [1 / len(members)] * len(members)
        found = self.tally(Translator.of(members, shares)).metrics()
        parameters = sum(_parameters(*member) for member in members)
        self.rows.append(Row(name, found["bleu"], found["chrf"], found["nll"], parameters, seconds))
        figures = f"{found['bleu']:6.1f} {found['chrf']:6.1f} {found['nll']:7.3f}"
        print(f"{name:28s} {figures} {parameters / 1e6:8.2f} M {seconds:6.1f} s", flush=True)


def one_shot(parents: Parents, judge: Judge, names: Sequence[str]) -> dict[str, Model]:
    """Fuse the parents by each method; print and return what comes out."""
    states = [(each.state, each.config) for each in parents.models]
    weights, counts = [len(client.train) for client in parents.clients], [each.counts for each in parents.models]
    out: dict[str, Model] = {}
    for name in names:
        began = time.perf_counter()
        result = fuse(states, weights=weights, token_counts=counts, config=FUSIONS[name])
        out[name] = (result.config, result.state)
        judge.show(name, [out[name]], time.perf_counter() - began)
    return out


def further(parents: Parents, scenario: Scenario, start: Sequence[Model], seed: int, lr: float) -> list[Model]:
    """Let every client train one more epoch from its model in `start`."""
    spec = scenario.train.model_copy(update={"epochs": 1, "lr": lr})
    out = []
    for k, (data, (config, state)) in enumerate(zip(parents.clients, start, strict=True)):
        tokenizer = parents.models[k].tokenizer
        learn, check = (
            encode_translations([rows], tokenizer, config.max_length) for rows in (data.train, data.validation)
        )
        out.append((config, train(config, state, learn, check, spec, seed * 10_000 + k + 5_001).state))
    return out


def second_round(parents: Parents, trained: Sequence[Model], sent: Model | None) -> Model:
    """Average models that were trained from `sent`, aligned to it; without it, as they are."""
    weights: list[float] = [len(client.train) for client in parents.clients]
    counts = [each.counts for each in parents.models]
    models, method, anchor = [(state, config) for config, state in trained], "vanilla", 0
    if sent is not None:
        models, method, anchor = [*models, (sent[1], sent[0])], "aligned", len(models)
        weights, counts = [*weights, 0.0], [*counts, torch.stack(counts).sum(0)]
    result = fuse(models, weights=weights, token_counts=counts, anchor=anchor, config=FusionConfig(method=method))
    return result.config, result.state


def _parameters(config: Config, state: State) -> int:
    """Number of different parameters: a tied table counts once."""
    copies = {copy for copy, _ in symmetry(config).ties}
    return int(np.sum([tensor.numel() for name, tensor in state.items() if name not in copies]))


def rows_of(scenario: Scenario, seed: int, given: argparse.Namespace) -> list[Row]:
    """Score parents, fusions and their second rounds in one seed."""
    parents = train_parents(scenario, seed, given.data_dir, given.cache, "independent")
    judge = Judge(parents, given.split, given.most, given.beam)
    own = [(each.config, each.state) for each in parents.models]
    for k, model in enumerate(own):
        judge.show(f"parent {k}", [model])
    judge.show("ensemble", own)
    fused = one_shot(parents, judge, given.methods)
    if given.shared:
        alike = train_parents(scenario, seed, given.data_dir, given.cache, "shared")
        fused["shared start"] = second_round(alike, [(each.config, each.state) for each in alike.models], None)
        judge.show("shared start", [fused["shared start"]])
    if not given.further:
        return judge.rows
    for k, model in enumerate(further(parents, scenario, own, seed, given.further)):
        judge.show(f"parent {k}{AFTER[0]}", [model])
    for name, model in fused.items():
        if name in (*FURTHER, "shared start"):
            trained = further(parents, scenario, [model] * len(own), seed, given.further)
            averaged = name in ("vanilla", "shared start")
            judge.show(f"{name}{AFTER[1]}", [second_round(parents, trained, None if averaged else model)])
    return judge.rows


def kept_rows(scenario: Scenario, seed: int, given: argparse.Namespace) -> list[Row]:
    """The same, read from the cache where these options were run before."""
    options = {name: getattr(given, name) for name in ("split", "most", "beam", "methods", "shared", "further")}
    about = json.dumps([scenario.model_dump(mode="json", exclude={"seeds"}), options], sort_keys=True)
    path = given.cache / f"translation-{hashlib.sha256(about.encode()).hexdigest()[:16]}-{seed}.json"
    if not path.exists():
        write_bytes(path, json.dumps([asdict(row) for row in rows_of(scenario, seed, given)]).encode())
    return [Row(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def table(seeds: Sequence[Sequence[Row]]) -> str:
    """Means and 95 % intervals over seeds, and the paired difference to the better parent after as many epochs."""
    lines = [
        "| model | BLEU | over the better parent | chrF | NLL a token | parameters |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for about in zip(*seeds, strict=True):
        over = [row.bleu - _better(rows, row) for row, rows in zip(about, seeds, strict=True)]
        bleu, chrf = _percent([row.bleu for row in about]), _percent([row.chrf for row in about])
        nll = f"{np.mean([row.nll for row in about]):.3f}"
        size = f"{about[0].parameters / 1e6:.2f} M"
        lines.append(f"| {about[0].name} | {bleu} | {_percent(over, sign=True)} | {chrf} | {nll} | {size} |")
    return "\n".join(lines)


def _better(rows: Sequence[Row], fused: Row) -> float:
    """BLEU of the better parent, of those that trained for as many epochs as a model did."""
    later = fused.name.endswith(AFTER)
    return max(row.bleu for row in rows if row.name.startswith("parent") and row.name.endswith(AFTER) == later)


def _percent(values: Sequence[float], *, sign: bool = False) -> str:
    return interval([value / 100 for value in values], sign=sign)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Fusion of encoder-decoders.")
    parser.add_argument("--scenario", type=Path, default=Path("scenarios/translation.yaml"))
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N")
    parser.add_argument("--split", choices=["validation", "test"], default="validation")
    parser.add_argument("--most", type=int, default=1_000_000, help="rows of each client")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--methods", nargs="+", choices=FUSIONS, default=list(FUSIONS), metavar="NAME")
    parser.add_argument("--shared", action="store_true", help="also FedAvg from a shared start, which trains anew")
    parser.add_argument("--further", type=float, default=0.0, metavar="LR", help="one more local epoch at this rate")
    given = parser.parse_args()
    scenario = load_scenario(given.scenario, given.set)
    torch.set_num_threads(1)
    print(table([kept_rows(scenario, seed, given) for seed in given.seeds]))


if __name__ == "__main__":
    main()
