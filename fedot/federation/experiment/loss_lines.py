"""Loss and accuracy along straight lines between models, evaluated where the data are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.fusion.by_part.large import is_large
from fedot.models import Config, symmetry
from fedot.strategies.ot_fusion import FusedRound
from fedot.tasks import AnyTally

POINTS, PAIRS = 11, 4

Evaluate = Callable[[EvaluationRequest], tuple[dict[str, AnyTally], ...]]


def lines_between(
    seed: int, title: str, fused: FusedRound, anchor: int, source: int, evaluate: Evaluate
) -> list[dict[str, Any]]:
    """Follow the line from the anchor's model to another client's, as it came and aligned; one entry each.

    Raises
    ------
    FedotError
        If the models are too large to be sent for that, or a client fails.
    """
    if is_large([symmetry(fused.result.config)]):
        raise FedotError("a model of this size is not sent to and fro for a picture")
    alphas = np.linspace(0.0, 1.0, POINTS)
    raw = [fused.updates[k] for k in (anchor, source)]
    ends: dict[str, tuple[Sequence[Mapping[str, Tensor]], Sequence[Config]]] = {
        "aligned": ([fused.result.aligned[k] for k in (anchor, source)], [fused.result.aligned_config] * 2)
    }
    if raw[0].config == raw[1].config:
        ends["unaligned"] = ([update.state for update in raw], [raw[0].config] * 2)
    # One message for all of them: in a deployment each is a process that starts anew.
    kinds = list(ends)
    states = [state for kind in kinds for state in ends[kind][0]]
    configs = [config for kind in kinds for config in ends[kind][1]]
    items = tuple(
        EvaluationItem("weights", ((2 * k, float(1 - a)), (2 * k + 1, float(a))))
        for k in range(len(kinds))
        for a in alphas
    )
    names = (None,) * len(states)
    request = EvaluationRequest(tuple(states), tuple(configs), names, items, translated=False, calibrated=False)
    everything = [by_split["all"] for by_split in evaluate(request)]
    found = []
    for k, kind in enumerate(kinds):
        tallies = everything[k * POINTS : (k + 1) * POINTS]
        told = [tally.metrics() for tally in tallies]
        found.append(
            {
                "seed": seed,
                "strategy": title,
                "client": fused.updates[source].client,
                "anchor": fused.updates[anchor].client,
                "kind": kind,
                "alpha": alphas.tolist(),
                "loss": [tally.nll_sum / tally.count for tally in tallies],
                "accuracy": [figures["accuracy"] for figures in told if "accuracy" in figures],
            }
        )
    return found
