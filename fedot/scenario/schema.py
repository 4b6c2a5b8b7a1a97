"""The scenario: what a YAML file may say, checked.

Unknown keys are refused with their path and the nearest valid key, values out of range with the range.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    model_serializer,
    model_validator,
)

from fedot.errors import FedotError
from fedot.scenario.defaults import known_task, with_task_defaults
from fedot.scenario.file_keys import HUB_KEYS, OWN, Encoding, HubName, HubPath, LabelMap, Labels, Quote, Separator
from fedot.scenario.in_words import explain, shown
from fedot.tasks import DEFAULT, TASK_FACTS
from fedot.text.names import LONGEST_FOLDER, PLAIN, check_clients, check_titles
from fedot.text.tokenizer_kinds import TokenizerKind


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PartitionSpec(_Strict):
    """How one corpus is shared out over `count` clients."""

    kind: Literal["iid", "dirichlet", "by-size"] = "iid"
    count: int = Field(ge=2, le=1000)
    alpha: float | None = Field(default=None, gt=0)
    sizes: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _complete(self) -> "PartitionSpec":
        if self.kind == "dirichlet" and self.alpha is None:
            raise ValueError("kind dirichlet needs alpha, for example alpha: 0.1")
        if self.kind == "by-size" and (self.sizes is None or len(self.sizes) != self.count):
            raise ValueError(f"kind by-size needs sizes, a list of {self.count} positive numbers")
        if self.sizes is not None and min(self.sizes, default=0) <= 0:
            raise ValueError("sizes must be positive")
        return self


FaultName = Literal["flipped-labels", "nan", "scaled", "stale", "random"]


class ClientSpec(_Strict):
    """One client's private data set, and what it may have of its own."""

    dataset: str
    name: str | None = None
    lang: str | None = None
    labels: Labels | None = None
    examples: int | None = Field(default=None, ge=1)
    test_examples: int | None = Field(default=None, ge=1)
    model: dict[str, Any] | None = None
    tokenizer: dict[str, Any] | None = None
    train: str | None = None
    test: str | None = None
    text: str | None = None
    label: str | None = None
    label_map: LabelMap | None = None
    separator: Separator | None = None
    quote: Quote | None = None
    encoding: Encoding | None = None
    source: str | None = None
    target: str | None = None
    fault: FaultName | None = None
    path: HubPath | None = None
    subset: HubName | None = None
    split: HubName | None = None
    test_split: HubName | None = None
    revision: HubName | None = None

    @model_serializer(mode="wrap")
    def _short(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what few clients have, so that it costs no bytes on the wire."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if value is not None or key not in HUB_KEYS}

    @property
    def finds_classes(self) -> bool:
        """Whether the classes are what is found in the files, if the task has any."""
        return self.dataset in OWN and self.labels is None and self.label_map is None


class CorpusSpec(ClientSpec):
    """One corpus, shared out over many clients; `models` gives each its own keys of `model`, `faults` some a fault."""

    partition: PartitionSpec
    models: tuple[dict[str, Any], ...] | None = None
    faults: dict[int, FaultName] | None = None

    @model_validator(mode="after")
    def _one_model_each(self) -> "CorpusSpec":
        if self.models is not None and len(self.models) != self.partition.count:
            raise ValueError(
                f"models has {len(self.models)} entries for {self.partition.count} clients; give one for each"
            )
        odd = [number for number in self.faults or {} if not 0 <= number < self.partition.count]
        if odd:
            raise ValueError(f"faults names client {odd[0]}, but there are clients 0 to {self.partition.count - 1}")
        return self


class TokenizerSpec(_Strict):
    """The sub-word tokenizer; `scope` tells whether all clients use the same one."""

    kind: TokenizerKind = "wordpiece"
    vocab_size: int = Field(default=8000, ge=32)
    scope: Literal["shared", "per-client"] = "shared"


class TrainSpec(_Strict):
    """Local training, the same at every client.

    `loss: logit-adjusted` is for clients whose labels are skewed: each learns what its texts say beyond how often it
    has a class (`fedot.training.train`).
    """

    epochs: int = Field(default=4, ge=1)
    batch_size: int = Field(default=64, ge=1)
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    clip: float = Field(default=1.0, gt=0)
    patience: int = Field(default=1, ge=1)
    validation: float = Field(default=0.1, gt=0, lt=0.9)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    loss: Literal["cross-entropy", "logit-adjusted"] = "cross-entropy"


class DecodingSpec(_Strict):
    """How a translation is searched for; `length_penalty` is the exponent of Wu et al. (2016, equation 14)."""

    beam: int = Field(default=4, ge=1, le=100)
    length_penalty: float = Field(default=0.6, ge=0)


class PrivacySpec(_Strict):
    """Local differential privacy: each client's step is clipped to a norm, and Gaussian noise is added to it.

    Two steps of that norm differ by at most twice of it, which is the sensitivity. `repeatable` draws the noise from
    the run's seed, for studies; whoever knows the seed can take it off again.
    """

    clip: float = Field(gt=0)
    epsilon: float = Field(gt=0)
    delta: float = Field(default=1e-5, gt=0, lt=1)
    repeatable: bool = False


class DataSpec(_Strict):
    """Where data come from; only `auto` may fall back."""

    source: Literal["auto", "directory", "hub", "stand-in"] = "auto"


class StrategySpec(_Strict):
    """A strategy's name and its options."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """Name in tables: the strategy's name, with `as` where one scenario runs it twice."""
        return str(self.options.get("as", self.name))

    @model_validator(mode="after")
    def _named(self) -> "StrategySpec":
        if not isinstance(self.options.get("as", ""), str):
            raise ValueError(f"as needs a text, in quotes where YAML reads something else{shown(self.options['as'])}")
        return self


def _strategy(value: object) -> object:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, Mapping) and "options" not in value:
        options = {str(key): item for key, item in value.items() if key != "name"}
        return {"name": value.get("name"), "options": options}
    return value


def _clients_kind(value: object) -> str:
    return "corpus" if isinstance(value, Mapping | CorpusSpec) else "list"


Clients = Annotated[
    Annotated[tuple[ClientSpec, ...], Tag("list")] | Annotated[CorpusSpec, Tag("corpus")],
    Discriminator(_clients_kind),
]


class Scenario(_Strict):
    """A whole experiment: who has which data, what they train, how it is fused, what it is compared with."""

    name: str = Field(pattern=rf"^{PLAIN}$", max_length=LONGEST_FOLDER)
    question: str = ""
    task: Annotated[str, BeforeValidator(known_task)] = DEFAULT
    clients: Clients
    tokenizer: TokenizerSpec = TokenizerSpec()
    model: dict[str, Any] = Field(default_factory=dict)
    train: TrainSpec = TrainSpec()
    decoding: DecodingSpec = DecodingSpec()
    init: Literal["independent", "shared"] = "independent"
    rounds: int = Field(default=1, ge=1, le=1000)
    transfer: Literal["float32", "float16"] = "float32"
    privacy: PrivacySpec | None = None
    strategies: tuple[Annotated[StrategySpec, BeforeValidator(_strategy)], ...] = Field(
        default=(StrategySpec(name="fedavg"), StrategySpec(name="ot-fusion")), min_length=1
    )
    references: tuple[Literal["parents", "ensemble", "centralised", "fedavg-shared-init"], ...] = (
        "parents",
        "ensemble",
        "centralised",
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(default=(0, 1, 2), min_length=1)
    data: DataSpec = DataSpec()
    base_dir: Path | None = Field(default=None, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _of_its_task(cls, values: Any) -> Any:
        return with_task_defaults(values) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _consistent(self) -> "Scenario":
        wrong = [*self._clients_wrong()]
        if len(set(self.seeds)) != len(self.seeds):
            wrong.append("seeds must differ from each other")
        if not TASK_FACTS[self.task].has_classes and self.train.loss == "logit-adjusted":
            wrong.append(f"train.loss: logit-adjusted needs classes, and the task is {self.task}; use cross-entropy")
        if self.privacy and self.init != "shared":
            wrong.append("privacy clips the step from a common start; set init: shared")
        try:
            check_titles([strategy.title for strategy in self.strategies], self.client_names())
        except FedotError as error:
            wrong.append(str(error))
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _clients_wrong(self) -> Iterator[str]:
        """What is wrong with the clients together."""
        if len(self.client_specs()) < 2:
            yield "clients must be at least 2, or one data set with a partition"
        for number in range(len(self.client_specs())):
            try:
                self.tokenizer_spec(number)
            except ValidationError as error:
                yield from (f"clients.{number}.tokenizer.{line}" for line in explain(error, TokenizerSpec))
        try:
            check_clients(self.client_names())
        except FedotError as error:
            yield str(error)

    @property
    def partition(self) -> PartitionSpec | None:
        """The partition, if one corpus is shared out."""
        return self.clients.partition if isinstance(self.clients, CorpusSpec) else None

    def client_specs(self) -> tuple[ClientSpec, ...]:
        """One spec per client; a partitioned corpus gives as many equal ones as it has clients."""
        if isinstance(self.clients, CorpusSpec):
            values = self.clients.model_dump(exclude={"partition", "models", "faults", "fault"})
            base = values.pop("model") or {}
            own = self.clients.models or ({},) * self.clients.partition.count
            faults = [(self.clients.faults or {}).get(k, self.clients.fault) for k in range(len(own))]
            return tuple(
                ClientSpec(**values, model={**base, **model} or None, fault=fault)
                for model, fault in zip(own, faults, strict=True)
            )
        return self.clients

    def finds_classes(self, partition_id: int) -> bool:
        """Whether a client's classes are those that are found in its files."""
        return TASK_FACTS[self.task].has_classes and self.client_specs()[partition_id].finds_classes

    def client_names(self) -> tuple[str, ...]:
        """Each client's name: its own, or data set and language, made unique by a number."""
        plain = [
            spec.name or (f"{spec.dataset}-{spec.lang}" if spec.lang else spec.dataset) for spec in self.client_specs()
        ]
        total, seen, names = Counter(plain), Counter[str](), []
        for name in plain:
            while total[name] > 1 and f"{name}-{seen[name]}" in total:  # somebody is called that already
                seen[name] += 1
            names.append(f"{name}-{seen[name]}" if total[name] > 1 else name)
            seen[name] += 1
        return tuple(names)

    def model_settings(self, partition_id: int) -> dict[str, Any]:
        """The `model` mapping of one client: the scenario's, with the client's own keys on top."""
        return {**self.model, **(self.client_specs()[partition_id].model or {})}

    def tokenizer_spec(self, partition_id: int) -> TokenizerSpec:
        """The tokenizer settings of one client; a client with settings of its own has a tokenizer of its own."""
        own = self.client_specs()[partition_id].tokenizer
        if not own:
            return self.tokenizer
        return TokenizerSpec(**{**self.tokenizer.model_dump(), "scope": "per-client", **own})
