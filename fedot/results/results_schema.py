"""What a `results.json` of schema 1 may say, checked before anything is made of it.

Keys that are not listed are let through: nobody here reads them. What is listed has its type, its range and its size.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from fedot.errors import FedotError
from fedot.results.timings_schema import Timing
from fedot.text.outside import printable

MOST = 1e150
"""So large may a number be that sums and squares of many of it stay finite."""

SLACK = 1e-6
RANGES = {
    **dict.fromkeys(("accuracy", "token_accuracy", "f1_weighted", "f1_macro", "ece", "ece_scaled"), (0.0, 1.0)),
    **dict.fromkeys(("brier", "brier_scaled"), (0.0, 2.0)),
    **dict.fromkeys(("bleu", "chrf"), (0.0, 100.0)),
    **dict.fromkeys(("nll", "nll_scaled", "temperature", "bits_per_byte", "perplexity"), (0.0, MOST)),
}
"""What each metric can be."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)


def _shown(name: str) -> str:
    if not name or printable(name) != name:
        raise ValueError("a name must be text that can be shown, on one line and not too long")
    return name


Name = Annotated[str, AfterValidator(_shown)]
Size = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Measured = float | None
Many = Annotated[list[Measured], Field(max_length=1000)]
Bins = Annotated[list[Annotated[float, Field(ge=0)] | None], Field(max_length=1000)]


class _OfSeed(_Part):
    seed: Count


class _OfStrategy(_OfSeed):
    strategy: Name


class _OfPair(_OfSeed):
    strategy: Name | None = None
    client: Name
    anchor: Name


class _Row(_OfStrategy):
    round: Count
    split: Name
    metrics: dict[Name, Measured]
    bytes_up: Size | None = None
    bytes_down: Size | None = None
    seconds: Size | None = None
    without: list[Name] = []

    @model_validator(mode="after")
    def _in_range(self) -> "_Row":
        for name, value in self.metrics.items():
            low, high = RANGES.get(name, (-MOST, MOST))
            if value is not None and not low - SLACK <= value <= high + SLACK:
                raise ValueError(f"metrics.{name} is {value:g}, but it must be from {low:g} to {high:g}")
        return self


class _Failure(_OfStrategy):
    reason: str


class _Line(_OfPair):
    strategy: Name
    kind: str
    alpha: Annotated[list[float], Field(max_length=1000)]
    loss: Many
    accuracy: Many = []

    @model_validator(mode="after")
    def _one_figure_a_place(self) -> "_Line":
        if len(set(self.alpha)) != len(self.alpha):
            raise ValueError("alpha has a place twice")
        if len(self.loss) != len(self.alpha) or len(self.accuracy) not in (0, len(self.alpha)):
            raise ValueError(f"loss and accuracy need a figure for each of the {len(self.alpha)} places of alpha")
        return self


class _Reliability(_OfStrategy):
    split: Name
    bin_count: Bins
    bin_confidence: Bins
    bin_correct: Bins
    scaled_bin_count: Bins = []
    scaled_bin_confidence: Bins = []
    scaled_bin_correct: Bins = []

    @property
    def sizes(self) -> set[int]:
        """Numbers of bins."""
        return {len(getattr(self, name)) for name in self.model_fields_set if "bin_" in name}


class _Confusion(_OfStrategy):
    counts: Annotated[list[Annotated[list[Count], Field(max_length=1000)]], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _square(self) -> "_Confusion":
        if {len(row) for row in self.counts} != {len(self.counts)}:
            raise ValueError("counts must be a square: a row and a column for each class")
        return self


class _Coupling(_OfPair):
    group: Name
    kind: str
    plan: Annotated[list[Many], Field(max_length=1000)]
    distance_from_identity: Measured = None
    cost: Measured = None

    @model_validator(mode="after")
    def _rectangular(self) -> "_Coupling":
        if len({len(row) for row in self.plan}) > 1 or [] in self.plan:
            raise ValueError("plan must be a list of rows of one length")
        return self


class _Group(_Part):
    group: Name
    kind: str
    entropy: Measured
    fit: Measured
    pinned: str | None


class _Diagnostics(_OfPair):
    strategy: Name
    fit: Measured = None
    groups: list[_Group]


class _Training(_OfStrategy):
    round: Count
    client: Name
    num_examples: Size | None = None
    train_loss: Measured = None
    validation_loss: Measured = None
    seconds: Size | None = None
    truncated: Size | None = None


class _Epochs(_OfStrategy):
    round: Annotated[int, Field(ge=1, le=10**6)]
    client: Name
    train: Many
    validation: Many

    @model_validator(mode="after")
    def _one_figure_an_epoch(self) -> "_Epochs":
        if len(self.train) != len(self.validation):
            raise ValueError("train and validation need one loss for each epoch")
        return self


class _Stage(_Part):
    stage: Name


class _FusionPlan(_Part):
    stages: list[_Stage]


class _Plan(_OfStrategy):
    round: Count
    method: Name
    plan: _FusionPlan


class _Strategy(_Part):
    name: Name
    options: dict[str, Any] | None = None


Strategy = Annotated[
    Annotated[Name, Tag("<name>")] | Annotated[_Strategy, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, Mapping) else "<name>"),
]


class _Scenario(_Part):
    name: Name = "results"
    question: str | None = None
    task: str | None = None
    init: str | None = None
    rounds: Annotated[int, Field(ge=1, le=10**6)] = 1
    model: dict[str, Any] | None = None
    tokenizer: dict[str, Any] | None = None
    strategies: list[Strategy] = []


class _Data(_Part):
    source: str
    train: Count | None = None
    validation: Count | None = None
    test: Count | None = None
    labels: list[str] | None = None


class _Finished(_Part):
    seeds: list[Count]
    notices: Count


class _Provenance(_Part):
    data: dict[Name, _Data] = {}
    checkpoints: dict[Name, dict[str, str]] = {}
    notices: list[str] = []
    seconds: Size = 0.0
    complete: bool = True
    stand_in: bool = False
    finished: _Finished = _Finished(seeds=[], notices=0)
    cpu_count: Count | None = None
    fedot: str = ""
    python: str = ""
    torch: str = ""
    flwr: str = ""
    pot: str = ""
    numpy: str = ""
    platform: str | None = None
    commit: str | None = None
    command: str | None = None
    started: str | None = None
    engine: str | None = None


class _Results(_Part):
    scenario: _Scenario
    provenance: _Provenance
    rows: list[_Row]
    failures: list[_Failure] = []
    lines: list[_Line] = []
    reliability: list[_Reliability] = []
    confusions: list[_Confusion] = []
    couplings: list[_Coupling] = []
    diagnostics: list[_Diagnostics] = []
    training: list[_Training] = []
    epochs: list[_Epochs] = []
    plans: list[_Plan] = []
    timings: list[Timing] = []


def check_results(values: Mapping[str, Any], where: str) -> None:
    """Check a whole file.

    Parameters
    ----------
    where
        The file, for the error.

    Raises
    ------
    FedotError
        One line: the path of the first field that is wrong, what it is and what was wanted.
    """
    if odd := _odd_leaf(values):
        raise FedotError(f"{where}: {_dotted(odd[0])} {odd[1]}")
    try:
        results = _Results.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        got, place = first["input"], _dotted(first["loc"])
        shown = f" (got {printable(repr(got), 80)})" if isinstance(got, str | int | float | bool | None) else ""
        message = "it is missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise FedotError(f"{where}: {place}: {printable(message, 200)}{shown}") from None
    rows: dict[tuple[int, str, int, str], int] = {}
    for number, row in enumerate(results.rows):
        key = (row.seed, row.strategy, row.round, row.split)
        if rows.setdefault(key, number) != number:
            raise FedotError(f"{where}: rows.{number} and rows.{rows[key]} are of one seed, strategy, round and split")
    if len({len(record.counts) for record in results.confusions}) > 1:
        raise FedotError(f"{where}: confusions: all counts need the same number of classes")
    if len({size for record in results.reliability for size in record.sizes}) > 1:
        raise FedotError(f"{where}: reliability: all lists need the same number of bins")


def _odd_leaf(values: Any) -> tuple[tuple[str | int, ...], str] | None:
    """Find what no field can be: a number out of bounds, or text that is no Unicode."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), values)]
    while waiting:
        path, part = waiting.pop()
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        for key, value in pairs:
            problem = _problem(value) or (_problem(key) if isinstance(key, str) else "")
            if problem:
                return (*path, key), problem
            if isinstance(value, dict | list):
                waiting.append(((*path, key), value))
    return None


def _problem(value: object) -> str:
    if isinstance(value, str):
        halved = not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
        return "is no Unicode text (it has half of a surrogate pair)" if halved else ""
    if isinstance(value, int | float) and not abs(value) <= MOST:
        return f"is no finite number up to {MOST:g}"
    return ""


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(printable(part, 60) for part in path if part not in ("<name>", "<mapping>"))
