"""What a benchmark's methods do, as plans, without the models that they did it with."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from benchmarks.choices import CHOICES, Settings
from fedot.fusion import FusionConfig
from fedot.fusion.plan import plan_fusion
from fedot.fusion.problem.prepare import frame
from fedot.fusion.texts.probe import Probe
from fedot.models import model_config, symmetry


def plans_of(rows: Iterable[str], named: Mapping[str, tuple[str, Settings]]) -> list[dict[str, Any]]:
    """Stages of every row of a table that is a method of fedot, at the authors' settings or those of its name.

    Token counts and a probe are given, class counts are not, as in the benchmarks.

    Parameters
    ----------
    rows
        Names of rows; parents, ensembles and others' packages have no plan.
    named
        Method and options of what is no plain method.

    Examples
    --------
    >>> [plan] = plans_of(["ensemble", "both"], {"both": ("merged", {"distil_steps": 100})})
    >>> plan["method"], [stage["stage"] for stage in plan["stages"]]
    ('both', ['basis', 'reduce', 'refit', 'distil', 'rescale'])
    """
    asked = {name: named.get(name, (name, {})) for name in rows if name in CHOICES or name in named}
    return [{"method": name, "stages": _stages(method, options)} for name, (method, options) in asked.items()]


def _stages(method: str, options: Settings) -> list[dict[str, Any]]:
    config, ones = model_config({"name": "encoder"}, vocab_size=8, n_class=2), torch.ones(1, 1, dtype=torch.int64)
    probe = Probe(((ones,),), labels=(ones[0],))
    problem = frame([config] * 2, [symmetry(config)] * 2, token_counts=[torch.ones(8)] * 2, probe=probe)
    return list(plan_fusion(FusionConfig(method=method, **options), problem).as_dict()["stages"])
