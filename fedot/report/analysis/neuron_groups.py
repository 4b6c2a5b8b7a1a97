"""Couplings and fits of neuron groups: which are shown, and what families of them have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedot.report.analysis.entries import DASH
from fedot.report.analysis.statistics import Estimate, estimate
from fedot.report.analysis.titles import label_of

MOST_GROUPS = 36


@dataclass(frozen=True, slots=True)
class FitLine:
    """One line of the table: a family of groups over all seeds and clients."""

    family: str
    kind: str
    count: int
    fit: Estimate | None
    entropy: Estimate | None
    pinned: str


def matched_couplings(couplings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out the anchor's couplings with itself, which are the identity, and empty ones."""
    return [item for item in couplings if item["plan"] and item["client"] != item["anchor"]]


def choose_couplings(couplings: Sequence[Mapping[str, Any]], limit: int) -> list[Mapping[str, Any]]:
    """Pick couplings of the first seed and strategy: each kind of group, then more groups, then clients."""
    if not couplings:
        return []
    first, strategy = min(item["seed"] for item in couplings), couplings[0].get("strategy")
    mine = [item for item in couplings if (item["seed"], item.get("strategy")) == (first, strategy)]
    clients, groups = (list(dict.fromkeys(item[key] for item in mine)) for key in ("client", "group"))
    families = list(dict.fromkeys(map(group_family, groups)))
    before = {group: [group_family(each) for each in groups[:place]] for place, group in enumerate(groups)}
    turn = {group: before[group].count(group_family(group)) for group in groups}

    def rank(item: Mapping[str, Any]) -> tuple[int, int, int]:
        return clients.index(item["client"]), turn[item["group"]], families.index(group_family(item["group"]))

    kept = sorted(mine, key=rank)[:limit]
    return sorted(kept, key=lambda item: (clients.index(item["client"]), groups.index(item["group"])))


def group_family(group: str) -> str:
    """Name what a group is, without its numbers: ``ffn.1`` is an ``ffn``."""
    return ".".join(part for part in group.split(".") if not part.isdigit()) or group


def coupling_summary(results: Mapping[str, Any]) -> list[tuple[str, str, int, Estimate | None, Estimate | None]]:
    """Summarise couplings by family: kind, how many, distance from the identity, transport cost."""
    couplings = matched_couplings(results.get("couplings", []))
    families = _families(results, [(item.get("strategy") or DASH, item) for item in couplings])
    moved = {key: estimate(i.get("distance_from_identity") for i in found) for key, found in families.items()}
    cost = {key: estimate(i.get("cost") for i in found) for key, found in families.items()}
    return [(*key, len(found), moved[key], cost[key]) for key, found in families.items()]


def fit_summary(results: Mapping[str, Any]) -> list[FitLine]:
    """Summarise groups by family and strategy: symmetry, fit, spread of the plan, and what holds them."""
    records = results.get("diagnostics", [])
    families = _families(results, [(item["strategy"], group) for item in records for group in item["groups"]])
    return [
        FitLine(
            name,
            kind,
            len(found),
            estimate(group["fit"] for group in found),
            estimate(group["entropy"] for group in found),
            "; ".join(dict.fromkeys(group["pinned"] for group in found if group["pinned"])),
        )
        for (name, kind), found in families.items()
    ]


def _families(
    results: Mapping[str, Any], groups: Sequence[tuple[str, Mapping[str, Any]]]
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Sort groups by family and symmetry, and by strategy where there are several."""
    several = len({strategy for strategy, _ in groups}) > 1
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for strategy, group in groups:
        name = group_family(group["group"]) + (f", {label_of(strategy, results)}" if several else "")
        found.setdefault((name, group["kind"]), []).append(group)
    return found


def fits_by_group(results: Mapping[str, Any]) -> dict[str, dict[str, list[float]]]:
    """Fits of each strategy's groups that have a plan, by the group's name; by family where there are too many."""
    records = results.get("diagnostics", [])
    found: dict[str, dict[str, list[float]]] = {}
    for strategy in dict.fromkeys(item["strategy"] for item in records):
        groups = [group for item in records if item["strategy"] == strategy for group in item["groups"]]
        matched = [group for group in groups if group["entropy"] is not None and group["fit"] is not None]
        many = len({group["group"] for group in matched}) > MOST_GROUPS
        rows = found.setdefault(label_of(strategy, results), {})
        for group in matched:
            rows.setdefault(group_family(group["group"]) if many else group["group"], []).append(group["fit"])
    return found
