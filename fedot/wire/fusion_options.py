"""The options of a fusion in a message to clients that align."""

import json
from dataclasses import asdict

from fedot.fusion import FusionConfig


def fusion_to_json(fusion: FusionConfig) -> str:
    """Write the options of a fusion for a `Directive`."""
    return json.dumps(asdict(fusion))


def fusion_from_json(text: str) -> FusionConfig:
    """Read what `fusion_to_json` wrote."""
    return FusionConfig.from_options(json.loads(text))
