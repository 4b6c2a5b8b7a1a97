"""What a model's file says of itself, besides its tensors."""

import json
from collections.abc import Sequence

from torch import Tensor

from fedot.fusion.plan import FusionPlan
from fedot.models import Config, config_to_json

PLAN = "fusion-plan"
"""Key of a fused file's metadata: the plan it was made by (`FusionPlan.as_dict`), as JSON."""


def model_metadata(
    config: Config,
    *,
    tokenizer: str | None = None,
    vocabulary: Sequence[str] | None = None,
    token_counts: Tensor | None = None,
    classes: Sequence[str] = (),
    class_counts: Tensor | None = None,
    plan: FusionPlan | None = None,
) -> dict[str, str]:
    """Write what `fedot.from_disk.sources.open_source` reads; what is not known is left out."""
    out = {"config": config_to_json(config)}
    if plan is not None:
        out[PLAN] = json.dumps(plan.as_dict())
    if tokenizer:
        out["tokenizer"] = tokenizer
    if vocabulary is not None:
        out["vocabulary"] = json.dumps(list(vocabulary), ensure_ascii=False)
    if token_counts is not None:
        out["token-counts"] = json.dumps(token_counts.long().tolist())
    if classes:
        out["classes"] = json.dumps(list(classes))
    if class_counts is not None:
        out["class-counts"] = json.dumps(class_counts.long().tolist())
    return out
