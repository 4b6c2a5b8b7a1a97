"""The scenario: what a YAML file may say, checked.

Unknown keys are refused with their path and the nearest valid key, values out of range with the range.
"""

from collections.abc import Iterator, Mapping, Set
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationError,
    model_serializer,
    model_validator,
)

from fedot.errors import FedotError
from fedot.scenario.client_names import told_apart
from fedot.scenario.defaults import known_task, with_task_defaults
from fedot.scenario.file_keys import HUB_KEYS, OWN, Encoding, HubName, HubPath, LabelMap, Labels, Quote, Separator
from fedot.scenario.in_words import explain, shown
from fedot.scenario.sections import (
    DataSpec,
    DecodingSpec,
    PartitionSpec,
    PrivacySpec,
    Section,
    TokenizerSpec,
    TrainSpec,
)
from fedot.tasks import DEFAULT, TASK_FACTS
from fedot.text.names import LONGEST_FOLDER, PLAIN, check_clients, check_titles

FaultName = Literal["flipped-labels", "nan", "scaled", "stale", "random"]


class ClientSpec(Section):
    """One client's private data set, and what it may have of its own."""

    dataset: str
    """A public data set by its name (`xed`, `imdb`, ...), `files` for one's own, `hub` for any of the hub's."""
    name: str | None = None
    """The client's name in tables and files. Without it: data set and language."""
    lang: str | None = None
    """Language, or pair of languages, of a data set that has several."""
    labels: Labels | None = None
    """Which of a public data set's labels are wanted; of files all classes in their order: `[neg, pos]`."""
    examples: int | None = Field(default=None, ge=1)
    """At most so many training examples are used."""
    test_examples: int | None = Field(default=None, ge=1)
    """At most so many test examples are used."""
    model: dict[str, Any] | None = None
    """Keys of `model` that this client alone has."""
    tokenizer: dict[str, Any] | None = None
    """Keys of `tokenizer` that this client alone has; it then has a tokenizer of its own."""
    train: str | None = None
    """Of `files`: the file of training rows. A relative path is looked up beside the scenario, then in `--data-dir`."""
    test: str | None = None
    """Of `files`: the file of test rows. Without it some rows of the training file are held out."""
    text: str | None = None
    """Of `files` and `hub`: the column of texts. Without it: `text`."""
    label: str | None = None
    """Of `files` and `hub`: the column of labels. Without it: `label`."""
    label_map: LabelMap | None = None
    """Of `files`: the class of each label in the file, by number or by name."""
    separator: Separator | None = None
    """Of CSV and TSV files: what divides cells, one character or `tab`, `comma`, `semicolon`, `pipe`."""
    quote: Quote | None = None
    """Of CSV and TSV files: `none`, a double quote, a single quote, or `backslash`."""
    encoding: Encoding | None = None
    """Of text files: the encoding. Without it: UTF-8, or what the mark at the file's beginning says."""
    source: str | None = None
    """Of `files` for translation: the column of sentences to translate."""
    target: str | None = None
    """Of `files` for translation: the column of their translations."""
    fault: FaultName | None = None
    """For studies of faulty clients: what this client does wrong."""
    path: HubPath | None = None
    """Of `hub`: the data set's name on the hub, `OWNER/NAME`."""
    subset: HubName | None = None
    """Of `hub`: the data set's configuration, where it has several."""
    split: HubName | None = None
    """Of `hub`: the split of training rows. Without it: `train`."""
    test_split: HubName | None = None
    """Of `hub`: the split of test rows. Without it some rows of the training split are held out."""
    revision: HubName | None = None
    """Of `hub`: the branch, tag or commit that is read."""

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
    """How the corpus is shared out."""
    models: tuple[dict[str, Any], ...] | None = None
    """Keys of `model` for each client, one mapping a client."""
    faults: dict[int, FaultName] | None = None
    """The fault of some clients, by their number from 0."""

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

    def of_client(self, number: int) -> ClientSpec:
        """The spec of one client, which is that of all others but for its model and fault."""
        values = self.model_dump(exclude={"partition", "models", "faults", "fault"})
        model = {**(values.pop("model") or {}), **(self.models[number] if self.models else {})}
        return ClientSpec(**values, model=model or None, fault=(self.faults or {}).get(number, self.fault))


class StrategySpec(Section):
    """A strategy's name and its options."""

    name: str
    """Name of the strategy."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Its options. In a file they stand beside the name: `{name: ot-fusion, method: aligned}`."""

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


class Scenario(Section):
    """A whole experiment: who has which data, what they train, how it is fused, what it is compared with."""

    name: str = Field(pattern=rf"^{PLAIN}$", max_length=LONGEST_FOLDER)
    """Name of the experiment, and of its folder in `runs/`."""
    question: str = ""
    """What the experiment asks. In a file it is the comment on the first line."""
    task: Annotated[str, BeforeValidator(known_task)] = DEFAULT
    """What models learn: `classification`, `translation` or `language-model`."""
    clients: Clients
    """A list with one mapping for each client, or one mapping for a corpus that is shared out over many."""
    tokenizer: TokenizerSpec = TokenizerSpec()
    """The sub-word tokenizer."""
    model: dict[str, Any] = Field(default_factory=dict)
    """The architecture, `name`, and its sizes."""
    train: TrainSpec = TrainSpec()
    """Local training."""
    decoding: DecodingSpec = DecodingSpec()
    """How translations are searched for."""
    init: Literal["independent", "shared"] = "independent"
    """Whether the clients' models start from weights of their own, or all from the same."""
    rounds: int = Field(default=1, ge=1, le=1000)
    """How often models are sent, fused and sent back."""
    transfer: Literal["float32", "float16"] = "float32"
    """Precision of weights on their way; both ends compute in float32."""
    privacy: PrivacySpec | None = None
    """Local differential privacy; without it none."""
    strategies: tuple[Annotated[StrategySpec, BeforeValidator(_strategy)], ...] = Field(
        default=(StrategySpec(name="fedavg"), StrategySpec(name="ot-fusion")), min_length=1
    )
    """What the server does with the models. Each is a name, or a mapping of `name` and options."""
    references: tuple[Literal["parents", "ensemble", "centralised", "fedavg-shared-init"], ...] = (
        "parents",
        "ensemble",
        "centralised",
    )
    """Compared with: each client's model, all of them asked together, one model of all data, FedAvg from one start."""
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(default=(0, 1, 2), min_length=1)
    """The experiment is done once for each; intervals are over them."""
    data: DataSpec = DataSpec()
    """Where data come from."""
    tracking: tuple[Literal["tensorboard", "mlflow"], ...] = ()
    """Tools that the run is written to when it is over, besides its own report."""
    base_dir: Path | None = Field(default=None, exclude=True)
    """Folder of the scenario file; not a key of it."""

    def __repr__(self) -> str:
        clients, names = len(self.client_specs()), ", ".join(str(each.title) for each in self.strategies)
        seeds = ", ".join(map(str, self.seeds))
        return f"Scenario({self.name}: {self.task}, {clients} clients, {names}, seeds {seeds})"

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
        return self._specs

    @cached_property
    def _specs(self) -> tuple[ClientSpec, ...]:
        if isinstance(self.clients, CorpusSpec):
            return tuple(map(self.clients.of_client, range(self.clients.partition.count)))
        return self.clients

    def finds_classes(self, partition_id: int) -> bool:
        """Whether a client's classes are those that are found in its files."""
        return TASK_FACTS[self.task].has_classes and self._specs[partition_id].finds_classes

    def client_names(self) -> tuple[str, ...]:
        """Each client's name: its own, or data set and language, made unique by a number."""
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return told_apart([s.name or (f"{s.dataset}-{s.lang}" if s.lang else s.dataset) for s in self._specs])

    def model_settings(self, partition_id: int) -> dict[str, Any]:
        """The `model` mapping of one client: the scenario's, with the client's own keys on top."""
        return {**self.model, **(self._specs[partition_id].model or {})}

    @cached_property
    def _checkpoints(self) -> Set[object]:
        found = (self.model_settings(k).get("pretrained") for k in range(len(self._specs)))
        return {name if isinstance(name, str) else None for name in found}

    def checkpoint_names(self) -> Set[object]:
        """Names of the checkpoints that clients fine-tune, and None if some have none."""
        return self._checkpoints

    def tokenizer_spec(self, partition_id: int) -> TokenizerSpec:
        """The tokenizer settings of one client; a client with settings of its own has a tokenizer of its own."""
        own = self._specs[partition_id].tokenizer
        if not own:
            return self.tokenizer
        return TokenizerSpec(**{**self.tokenizer.model_dump(), "scope": "per-client", **own})
