"""Typed values to Flower records and back. Keys on the wire are kebab-case."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from torch import Tensor

from fedot.errors import FedotError
from fedot.metrics import Tally
from fedot.models import Config, State, config_from_json, config_to_json

ARRAYS, CONFIG, METRICS, UPDATE, CLIENT, EVALUATION, ALIGN = (
    "arrays",
    "config",
    "metrics",
    "update",
    "client",
    "evaluation",
    "align",
)

PATHS = ("data-dir", "base-dir")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server tells a client with every message.

    `data_dir` and `base_dir` are set in simulations only, where clients share the server's file system; `base_dir`,
    the scenario's folder, only if a client's data are `files`.
    `model_config` is the global model's shape where that is not the scenario's: a fused model is in canonical
    form, and has its anchor's widths.
    """

    scenario: str
    seed: int
    tokenizer: str = ""
    data_dir: str = ""
    base_dir: str = ""
    device: str = "cpu"
    init: str = "independent"
    server_round: int = 1
    proximal_mu: float = 0.0
    model_config: str = ""

    def to_record(self) -> ConfigRecord:
        """Write the settings as a `ConfigRecord`."""
        return ConfigRecord({name.replace("_", "-"): getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_record(cls, record: ConfigRecord) -> "Settings":
        """Read settings; keys that Flower's strategies add are left alone."""
        values = {name: record[name.replace("_", "-")] for name in cls.__slots__ if name.replace("_", "-") in record}
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ClientUpdate:
    """One client's trained model and what the server needs to know of it."""

    client: str
    partition_id: int
    state: State
    config: Config
    num_examples: int
    token_counts: Tensor
    tokenizer: str
    train_loss: float
    validation_loss: float
    seconds: float
    truncated: int


@dataclass(frozen=True, slots=True)
class Directive:
    """What a client does with its trained model before it answers, in a federation that aligns on the client.

    Attributes
    ----------
    step
        ``hold``: tell how the training went and keep the model. ``show``: send it in canonical form, as the anchor of
        the others. ``align``: bring it into the basis of the model that came with the message, the anchor.
    fusion
        `FusionConfig` as JSON.
    anchor
        Partition of the client whose model the anchor is; -1 for a global model.
    anchor_config
        Configuration of the anchor; empty where it is that of the client's own model.
    anchor_counts
        Token counts of the anchor, int64; empty for a global model, which has seen all that any client has.
    canonicalise
        Whether the anchor has yet to be brought into canonical form.
    summed
        Send what the model contributes to a sum (`fedot.fusion.sums`), not the model itself.
    """

    step: str
    fusion: str = "{}"
    anchor: int = -1
    anchor_config: str = ""
    anchor_counts: bytes = b""
    canonicalise: bool = False
    summed: bool = False

    def to_record(self) -> ConfigRecord:
        """Write the directive as a `ConfigRecord`."""
        return ConfigRecord({name.replace("_", "-"): getattr(self, name) for name in self.__slots__})

    @classmethod
    def from_record(cls, record: ConfigRecord) -> "Directive":
        """Read a directive."""
        return cls(**{name: record[name.replace("_", "-")] for name in cls.__slots__})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class HeldUpdate:
    """How a training went whose model stays at the client."""

    client: str
    partition_id: int
    num_examples: int
    validation_loss: float


@dataclass(frozen=True, slots=True)
class ClientDescription:
    """Who is behind a node: its name, its data in numbers, and its word counts if the tokenizer is shared."""

    client: str
    partition_id: int
    num_examples: int
    num_validation: int
    num_test: int
    labels: tuple[str, ...]
    source: str
    notices: tuple[str, ...]
    words: bytes


@dataclass(frozen=True, slots=True)
class EvaluationItem:
    """One thing to evaluate: a weighted sum of models' weights or of their probabilities.

    `members` pairs the index of a model in the message with its coefficient.
    """

    combine: str
    members: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """Models, the tokenizer of each ("" for the shared one), and what to evaluate of them."""

    states: tuple[State, ...]
    configs: tuple[Config, ...]
    tokenizers: tuple[str, ...]
    items: tuple[EvaluationItem, ...]


def pack_state(state: State) -> ArrayRecord:
    """Write tensors as arrays; bfloat16, which NumPy lacks, goes as float32."""
    return ArrayRecord(
        {
            name: Array((t.float() if t.dtype == torch.bfloat16 else t).detach().cpu().numpy())
            for name, t in state.items()
        }
    )


def unpack_state(record: ArrayRecord) -> State:
    """Read tensors; the copies are writable."""
    return {name: torch.from_numpy(np.array(array.numpy())) for name, array in record.items()}


def pack_update(update: ClientUpdate) -> RecordDict:
    """Write a training reply: one ArrayRecord and one MetricRecord, as Flower's strategies want it."""
    return RecordDict(
        {
            ARRAYS: pack_state(update.state),
            METRICS: MetricRecord(
                {
                    "num-examples": update.num_examples,
                    "train-loss": update.train_loss,
                    "validation-loss": update.validation_loss,
                    "seconds": update.seconds,
                    "truncated": update.truncated,
                }
            ),
            UPDATE: ConfigRecord(
                {
                    "client": update.client,
                    "partition-id": update.partition_id,
                    "model-config": config_to_json(update.config),
                    "tokenizer": update.tokenizer,
                    "token-counts": pack_counts(update.token_counts),
                }
            ),
        }
    )


def unpack_update(content: RecordDict) -> ClientUpdate:
    """Read a training reply.

    Raises
    ------
    FedotError
        If a record or a field is missing or of the wrong type.
    """
    try:
        metrics, about = content.metric_records[METRICS], content.config_records[UPDATE]
        return ClientUpdate(
            client=_text(about["client"]),
            partition_id=_whole(about["partition-id"]),
            state=unpack_state(content.array_records[ARRAYS]),
            config=config_from_json(_text(about["model-config"])),
            num_examples=_whole(metrics["num-examples"]),
            token_counts=unpack_counts(_bytes(about["token-counts"])),
            tokenizer=_text(about["tokenizer"]),
            train_loss=_number(metrics["train-loss"]),
            validation_loss=_number(metrics["validation-loss"]),
            seconds=_number(metrics["seconds"]),
            truncated=_whole(metrics["truncated"]),
        )
    except FedotError:
        raise
    except Exception as error:  # a client's bytes can make NumPy, zipfile and json raise nearly anything
        told = " ".join(str(error).split())
        raise FedotError(f"a training reply is malformed ({type(error).__name__}: {told})") from error


def pack_held(update: ClientUpdate) -> RecordDict:
    """Write how a training went, without the model or anything counted in the texts."""
    return RecordDict(
        {
            METRICS: MetricRecord({"num-examples": update.num_examples, "validation-loss": update.validation_loss}),
            UPDATE: ConfigRecord({"client": update.client, "partition-id": update.partition_id}),
        }
    )


def unpack_held(content: RecordDict) -> HeldUpdate:
    """Read how a training went.

    Raises
    ------
    FedotError
        If a field is missing or of the wrong type.
    """
    try:
        metrics, about = content.metric_records[METRICS], content.config_records[UPDATE]
        return HeldUpdate(
            _text(about["client"]),
            _whole(about["partition-id"]),
            _whole(metrics["num-examples"]),
            _number(metrics["validation-loss"]),
        )
    except (KeyError, TypeError) as error:
        raise FedotError(f"a training reply is malformed ({type(error).__name__}: {error})") from error


def pack_counts(counts: Tensor) -> bytes:
    """Write token counts (V,) as little-endian int64."""
    data: bytes = counts.numpy().astype("<i8").tobytes()
    return data


def unpack_counts(data: bytes) -> Tensor:
    """Read token counts."""
    return torch.from_numpy(np.frombuffer(data, dtype="<i8").copy())


def pack_description(description: ClientDescription) -> RecordDict:
    """Write a client's answer to ``query.describe``."""
    return RecordDict(
        {
            CLIENT: ConfigRecord(
                {
                    "client": description.client,
                    "partition-id": description.partition_id,
                    "num-examples": description.num_examples,
                    "num-validation": description.num_validation,
                    "num-test": description.num_test,
                    "labels": list(description.labels),
                    "source": description.source,
                    "notices": list(description.notices),
                    "words": description.words,
                }
            )
        }
    )


def unpack_description(content: RecordDict) -> ClientDescription:
    """Read a client's answer to ``query.describe``.

    Raises
    ------
    FedotError
        If a field is missing or of the wrong type.
    """
    try:
        about = content.config_records[CLIENT]
        return ClientDescription(
            client=_text(about["client"]),
            partition_id=_whole(about["partition-id"]),
            num_examples=_whole(about["num-examples"]),
            num_validation=_whole(about["num-validation"]),
            num_test=_whole(about["num-test"]),
            labels=_texts(about["labels"]),
            source=_text(about["source"]),
            notices=_texts(about["notices"]),
            words=_bytes(about["words"]),
        )
    except (KeyError, TypeError) as error:
        raise FedotError(f"a client's description is malformed ({type(error).__name__}: {error})") from error


def pack_evaluation(request: EvaluationRequest, settings: Settings) -> RecordDict:
    """Write an evaluation message."""
    content = RecordDict({f"model.{k}": pack_state(state) for k, state in enumerate(request.states)})
    content[CONFIG] = settings.to_record()
    content[EVALUATION] = ConfigRecord(
        {
            "items": json.dumps([[item.combine, item.members] for item in request.items]),
            "model-configs": [config_to_json(config) for config in request.configs],
            "tokenizers": list(request.tokenizers),
        }
    )
    return content


def unpack_evaluation(content: RecordDict) -> EvaluationRequest:
    """Read an evaluation message."""
    about = content.config_records[EVALUATION]
    configs = _texts(about["model-configs"])
    return EvaluationRequest(
        states=tuple(unpack_state(content.array_records[f"model.{k}"]) for k in range(len(configs))),
        configs=tuple(config_from_json(text) for text in configs),
        tokenizers=_texts(about["tokenizers"]),
        items=tuple(
            EvaluationItem(combine, tuple((int(k), float(c)) for k, c in members))
            for combine, members in json.loads(_text(about["items"]))
        ),
    )


def pack_tallies(tallies: Sequence[Tally]) -> RecordDict:
    """Write the answer to an evaluation message: sums only."""
    return RecordDict({f"item.{i}": MetricRecord(dict(tally.to_record())) for i, tally in enumerate(tallies)})


def unpack_tallies(content: RecordDict, count: int) -> tuple[Tally, ...]:
    """Read `count` tallies.

    Raises
    ------
    FedotError
        If one is missing or malformed.
    """
    records: Mapping[str, MetricRecord] = content.metric_records
    if any(f"item.{i}" not in records for i in range(count)):
        raise FedotError(f"an evaluation reply holds {len(records)} results, but {count} were asked for")
    return tuple(Tally.from_record(dict(records[f"item.{i}"])) for i in range(count))


def record_bytes(content: RecordDict) -> int:
    """Size of a message's payload in bytes: arrays as they are serialised, texts and numbers as such.

    Paths do not count; they go along in simulations only, and a run's figures must not hang on where it ran.
    """
    total = 0
    for record in content.values():
        if isinstance(record, ArrayRecord):
            total += sum(len(array.data) for array in record.values())
        elif isinstance(record, MetricRecord | ConfigRecord):
            total += sum(_value_bytes(value) for key, value in record.items() if key not in PATHS)
    return total


def _value_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, list):
        return sum(_value_bytes(item) for item in value)
    return 8


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is needed")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes are needed")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is needed")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError("a number is needed")
    return float(value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return tuple(_text(item) for item in value)
