"""Settings of every method that the benchmarks try: the authors' own first, then as many others for each, up to three.

Which of them a row is of is chosen on validation data, without a look at the test. A table shows both, the row at the
authors' settings and the row at the best ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]

CHOICES: dict[str, tuple[Settings, ...]] = {
    "vanilla": ({}, {"count_rows": False}),
    "singh-jaggi": ({}, {"support": "activations"}, {"heads": "canonical"}, {"residual": "latest"}),
    "imfeld": ({}, {"support": "activations"}, {"heads": "canonical"}, {"flow_reg": 0.2}),
    "git-rebasin": ({}, {"heads": "canonical"}, {"scheme": "universe"}, {"count_rows": False}),
    "c2m3": ({}, {"heads": "canonical"}, {"count_rows": False}),
    "verma": (
        {},
        {"residual": "identity"},
        {"heads": "canonical"},
        {"residual": "identity", "heads": "canonical"},
    ),
    "zhang": ({}, {"heads": "canonical"}, {"scheme": "universe"}, {"count_rows": False}),
    "theus": ({}, {"circuits": False}, {"sweeps": 1}, {"count_rows": False}),
    "fisher": ({}, {"token_power": 0.25}, {"position_rows": True}, {"count_rows": False}),
    "regmean": ({}, {"token_power": 0.25}, {"position_rows": True}, {"count_rows": False}),
    "aligned": ({}, {"token_power": 0.25}, {"position_rows": True}, {"scheme": "universe"}),
    "merged": ({},),
}


def best(accuracies: Sequence[float]) -> int:
    """Place of the highest accuracy, the first of several."""
    return accuracies.index(max(accuracies))
