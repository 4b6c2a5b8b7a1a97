"""What a scenario says of a checkpoint that is fine-tuned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedot.errors import FedotError
from fedot.text.did_you_mean import did_you_mean

KEYS = ("pretrained", "revision", "max_length", "lora")
"""Keys of ``model`` that go with a checkpoint."""


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """What a scenario says of a checkpoint.

    Attributes
    ----------
    name
        A folder, or a name on the hub.
    revision
        Of the hub: the branch, tag or commit.
    max_length
        Tokens of the longest text; None for what the checkpoint can read, `LONGEST` at most.
    lora_rank, lora_alpha
        Of the adapters; rank 0 where all weights are trained.
    """

    name: str
    revision: str | None = None
    max_length: int | None = None
    lora_rank: int = 0
    lora_alpha: float = 0.0

    @classmethod
    def of(cls, model: Mapping[str, Any], lora: Mapping[str, Any] | None = None) -> "CheckpointSpec | None":
        """Read the keys of a scenario's ``model``, and ``train.lora``; None where no checkpoint is named.

        Raises
        ------
        FedotError
            Naming the key that is wrong.
        """
        if "pretrained" not in model:
            return None
        for key in model:
            if key not in (*KEYS, "name"):
                hint = did_you_mean(key, KEYS, f"choose from {', '.join(KEYS)}", form="model.{}".format)
                raise FedotError(
                    f"model.{key} does not go with model.pretrained, whose sizes are the checkpoint's; {hint}"
                )
        name, length, revision = model["pretrained"], model.get("max_length"), model.get("revision")
        if not isinstance(name, str) or not name:
            raise FedotError(f"model.pretrained is {name!r}, but a folder, or a name on the hub, is needed")
        if length is not None and (type(length) is not int or length < 2):
            raise FedotError(f"model.max_length is {length!r}, but a whole number of at least 2 is needed")
        if revision is not None and not isinstance(revision, str):
            raise FedotError(f"model.revision is {revision!r}, but a text is needed; put it into quotes")
        rank, alpha = _lora({**(lora or {}), **_mapping(model.get("lora"))})
        return cls(name, revision, length, rank, alpha)


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise FedotError(f"model.lora is {value!r}, but a mapping is needed, as in lora: {{rank: 8, alpha: 16}}")
    return value or {}


def _lora(values: Mapping[str, Any]) -> tuple[int, float]:
    if not values:
        return 0, 0.0
    for key in values:
        if key not in ("rank", "alpha"):
            raise FedotError(f"lora.{key} is no key of an adapter; choose from rank, alpha")
    rank = values.get("rank", 8)
    alpha = values.get("alpha") or 2 * rank
    if type(rank) is not int or rank < 1:
        raise FedotError(f"lora.rank is {rank!r}, but a whole number of at least 1 is needed")
    if type(alpha) not in (int, float) or alpha <= 0:
        raise FedotError(f"lora.alpha is {alpha!r}, but a number above 0 is needed")
    return rank, float(alpha)
