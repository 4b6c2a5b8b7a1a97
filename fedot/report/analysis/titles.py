"""What strategies are called: every title says which method of fusion ran."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["baseline", "ot", "reference"]
SECTIONS: dict[Kind, str] = {"baseline": "Baselines", "ot": "OT fusion", "reference": "References"}
NO_TRANSPORT = {"reduce", "vanilla"}
"""Stages that make one model of many and match nothing: what has one of them is fusion, but not by transport."""

LABELS = {
    "fedavg": "FedAvg",
    "fedavg-token-rows": "FedAvg, token rows",
    "fedavg-class-shares": "FedAvg, class shares",
    "fedavgm": "FedAvgM",
    "fedadam": "FedAdam",
    "fedyogi": "FedYogi",
    "fedadagrad": "FedAdagrad",
    "fedprox": "FedProx",
    "fedmedian": "FedMedian",
    "fedtrimmedavg": "FedTrimmedAvg",
    "krum": "Krum",
    "multikrum": "MultiKrum",
    "bulyan": "Bulyan",
    "ot-fusion": "OT fusion",
    "parent": "Parents",
    "ensemble": "Ensemble",
    "centralised": "Centralised",
    "fedavg-shared-init": "FedAvg, shared init",
}
REFERENCES = ("ensemble", "centralised", "fedavg-shared-init")


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan of fusion, the seeds and rounds that it was run in if there are other plans too, and its stages."""

    label: str
    when: str
    stages: tuple[tuple[str, str], ...]


def base_names(results: Mapping[str, Any]) -> dict[str, str]:
    """Map each strategy's title to its registered name; they differ where the scenario says `as`."""
    names = {}
    for item in results.get("scenario", {}).get("strategies") or []:
        spec: Mapping[str, Any] = {"name": item} if isinstance(item, str) else item
        chosen = {**spec, **(spec.get("options") or {})}.get("as")
        names[str(chosen or spec["name"])] = str(spec["name"])
    return names


def kind_of(strategy: str, bases: Mapping[str, str]) -> Kind:
    """Tell baselines, fusion and references apart."""
    if strategy.startswith("parent:") or (strategy in REFERENCES and strategy not in bases):
        return "reference"
    return "ot" if bases.get(strategy, strategy).startswith("ot") else "baseline"


def section_titles(results: Mapping[str, Any]) -> dict[Kind, str]:
    """Title of each section; only what transports is called optimal transport."""
    bases = base_names(results)
    fused = [each for each in results.get("plans", []) if kind_of(each["strategy"], bases) == "ot"]
    moved = all(stage["stage"] not in NO_TRANSPORT for each in fused for stage in each["plan"]["stages"])
    return SECTIONS if moved else {**SECTIONS, "ot": "Fusion"}


def label_of(strategy: str, results: Mapping[str, Any]) -> str:
    """Write a strategy's name for people, with the method of fusion that ran.

    A name given by the user stays as it is, unless it begins with the registered name of its strategy, as
    ``ot-fusion-distilled`` does: that part is written for people, too.

    Examples
    --------
    >>> fused = {"seed": 0, "strategy": "ot-fusion"}
    >>> plans = [{**fused, "round": 1, "method": "merged"}, {**fused, "round": 2, "method": "aligned"}]
    >>> label_of("ot-fusion", {"plans": plans})
    'OT fusion (merged, then aligned)'
    >>> named = {"name": "krum", "options": {"as": "krum-aligned"}}
    >>> label_of("krum-aligned", {"scenario": {"strategies": [named]}})
    'Krum, aligned'
    """
    if strategy.startswith("parent:"):
        return f"Parent {strategy.removeprefix('parent:')}"
    methods = methods_of(strategy, results)
    plain = strategy.removesuffix(f"-{methods[0][0]}") if len(methods) == 1 == len(methods[0]) else strategy
    label = LABELS.get(plain) or _spelt_out(strategy, results)  # "ot-fusion-aligned" is OT fusion (aligned)
    known = set(_words(label))
    if all(known.issuperset(_words(method)) for each in methods for method in each):
        return label
    return f"{label} ({' or '.join(', then '.join(each) for each in methods)})"


def _spelt_out(title: str, results: Mapping[str, Any]) -> str:
    """Write a title that is a registered name and more: the name as people know it, and the rest in words."""
    base = base_names(results).get(title, "")
    if base not in LABELS or not title.startswith(f"{base}-"):
        return title
    return f"{LABELS[base]}, {title.removeprefix(f'{base}-').replace('-', ' ')}"


def methods_of(strategy: str, results: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Methods of a strategy's fusions in the order of its rounds, as often as seeds differ in them."""
    found: dict[int, dict[str, None]] = {}
    mine = [each for each in results.get("plans", []) if each["strategy"] == strategy]
    for each in sorted(mine, key=lambda each: (each["seed"], each["round"])):
        found.setdefault(each["seed"], {})[each["method"]] = None
    return tuple(dict.fromkeys(tuple(methods) for methods in found.values()))


def plan_lines(results: Mapping[str, Any]) -> tuple[PlanLine, ...]:
    """Every plan that was run, once for each strategy."""
    places: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in results.get("plans", []):
        places.setdefault((each["strategy"], json.dumps(each["plan"]["stages"])), []).append(each)
    several = [strategy for strategy, _ in places]
    lines = []
    for (strategy, _), found in places.items():
        when = f"{_numbers('seed', found)}, {_numbers('round', found)}" if several.count(strategy) > 1 else ""
        stages = ((stage["stage"], _options(stage)) for stage in found[0]["plan"]["stages"])
        lines.append(PlanLine(label_of(strategy, results), when, tuple(stages)))
    return tuple(lines)


def _options(stage: Mapping[str, Any]) -> str:
    """Write whatever options a stage has, as a scenario would."""
    pairs = [(key, value) for key, value in stage.items() if key != "stage"]
    return ", ".join(f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in pairs)


def _numbers(key: str, found: Sequence[Mapping[str, Any]]) -> str:
    numbers = sorted({each[key] for each in found})
    return f"{key}{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
