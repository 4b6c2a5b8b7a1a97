"""Where a run's time went, as `results.json` has it where that was asked for."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=1e12)]
Bytes = Annotated[int, Field(ge=0, le=2**60)]
Short = Annotated[str, Field(min_length=1, max_length=200)]


class Timing(BaseModel):
    """One step of a seed: a round of a strategy, or what is done once."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    seed: Annotated[int, Field(ge=0)]
    step: Short
    round: Annotated[int, Field(ge=0)]
    clock: Seconds
    processor: Seconds
    seconds: dict[Short, Seconds]
    peak_bytes: dict[Short, Bytes] = {}
