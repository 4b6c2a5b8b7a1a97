"""Typed values to Flower records and back. Keys on the wire are kebab-case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flwr.app import ConfigRecord, MetricRecord, RecordDict
from torch import Tensor

from fedot.models import Config, config_from_json, config_to_json
from fedot.terminal.stopwatch import timed
from fedot.wire.records import (
    arrays_in,
    as_bytes,
    as_number,
    as_numbers,
    as_text,
    as_texts,
    as_whole,
    malformed,
    pack_counts,
    pack_state,
    unpack_counts,
    unpack_state,
)

ARRAYS, CONFIG, METRICS, UPDATE = "arrays", "config", "metrics", "update"
CLIENT, EVALUATION, ALIGN = "client", "evaluation", "align"


OWN_CACHE = "own"

ABSENT: dict[str, str | bytes | int] = {
    **dict.fromkeys(("tokenizer", "data_dir", "base_dir", "model_config", "cache", "anchor_config", "classes"), ""),
    **{"anchor": -1, "anchor_counts": b""},
}
"""What stands in a record for None, which no record can hold, by field."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server tells a client with every message.

    `tokenizer` is the one that clients share, if they do. `data_dir` and `base_dir` are set in simulations only, where
    clients share the server's file system; `base_dir`, the scenario's folder, only if a client's data are `files`.
    `cache` is a folder in simulations, and `OWN_CACHE` where each client has its own.
    `model_config` is the global model's shape where that is not the scenario's: a fused model is in canonical
    form, and has its anchor's widths. `transfer` is the precision of the weights on the wire. `classes` is a JSON list
    of the classes of all clients, for those that have found theirs in their files.
    """

    scenario: str
    seed: int
    tokenizer: str | None = None
    data_dir: str | None = None
    base_dir: str | None = None
    device: str = "cpu"
    init: str = "independent"
    server_round: int = 1
    proximal_mu: float = 0.0
    model_config: str | None = None
    cache: str | None = None
    transfer: str = "float32"
    classes: str | None = None

    def to_record(self) -> ConfigRecord:
        """Write the settings as a `ConfigRecord`."""
        return _written(self)

    @classmethod
    def from_record(cls, record: ConfigRecord) -> "Settings":
        """Read settings; keys that Flower's strategies add are left alone."""
        return cls(**{name: _read(record, name) for name in cls.__slots__ if name.replace("_", "-") in record})


@dataclass(frozen=True, slots=True)
class ClientUpdate:
    """One client's trained model and what the server needs to know of it.

    The tokenizer is None where it is the one that all share, the round where it is not told. Class counts (C,) are None
    where there are no classes, or where a client keeps them to itself. The losses of each epoch, in nats, are told in
    simulations only; else they are empty.
    """

    client: str
    partition_id: int
    state: Mapping[str, Tensor]
    config: Config
    num_examples: int
    token_counts: Tensor
    tokenizer: str | None
    train_loss: float
    validation_loss: float
    seconds: float
    truncated: int
    server_round: int | None = None
    class_counts: Tensor | None = None
    train_losses: tuple[float, ...] = ()
    validation_losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Directive:
    """What a client does with its trained model before it answers, in a federation that aligns on the client.

    Attributes
    ----------
    step
        ``hold``: tell how the training went and keep the model. ``show``: send it in canonical form, as the anchor of
        the others. ``align``: bring it into the basis of the model that came with the message, the anchor.
    fusion
        `FusionPlan.as_dict` as JSON.
    anchor
        Partition of the client whose model the anchor is; None for a global model.
    anchor_config
        Configuration of the anchor; None where it is that of the client's own model.
    anchor_counts
        Token counts of the anchor, int64; None for a global model, which has seen all that any client has.
    canonicalise
        Whether the anchor has yet to be brought into canonical form.
    summed
        Send what the model contributes to a sum (`fedot.fusion.align.weighted_sums`), not the model itself.
    """

    step: str
    fusion: str = "{}"
    anchor: int | None = None
    anchor_config: str | None = None
    anchor_counts: bytes | None = None
    canonicalise: bool = False
    summed: bool = False

    def to_record(self) -> ConfigRecord:
        """Write the directive as a `ConfigRecord`."""
        return _written(self)

    @classmethod
    def from_record(cls, record: ConfigRecord) -> "Directive":
        """Read a directive."""
        return cls(**{name: _read(record, name) for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class HeldUpdate:
    """How a training went whose model stays at the client."""

    client: str
    partition_id: int
    num_examples: int
    validation_loss: float


@dataclass(frozen=True, slots=True)
class ClientDescription:
    """Who is behind a node: its name, its data in numbers, and its word counts if the tokenizer is shared.

    Of a checkpoint that it fine-tunes `model` is the configuration as JSON, before classes are known.
    """

    client: str
    partition_id: int
    num_examples: int
    num_validation: int
    num_test: int
    labels: tuple[str, ...]
    source: str
    notices: tuple[str, ...]
    words: bytes
    model: str = ""


def _written(message: Settings | Directive) -> ConfigRecord:
    values = {name: getattr(message, name) for name in message.__slots__}
    return ConfigRecord({name.replace("_", "-"): ABSENT[name] if v is None else v for name, v in values.items()})


def _read(record: ConfigRecord, name: str) -> Any:
    """A value of a record, of whatever type somebody has sent."""
    value, absent = record[name.replace("_", "-")], ABSENT.get(name)
    return None if type(value) is type(absent) and value == absent else value


@timed("packing")
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
                    "tokenizer": update.tokenizer or "",
                    "token-counts": pack_counts(update.token_counts),
                    "class-counts": b"" if update.class_counts is None else pack_counts(update.class_counts),
                    "server-round": update.server_round or 0,
                    "train-losses": list(update.train_losses),
                    "validation-losses": list(update.validation_losses),
                }
            ),
        }
    )


@timed("packing")
def unpack_update(content: RecordDict) -> ClientUpdate:
    """Read a training reply.

    Raises
    ------
    FedotError
        If a record or a field is missing or of the wrong type.
    """
    with malformed("a training reply"):
        metrics, about = content.metric_records[METRICS], content.config_records[UPDATE]
        classes = as_bytes(about.get("class-counts", b""))
        return ClientUpdate(
            client=as_text(about["client"]),
            partition_id=as_whole(about["partition-id"]),
            state=unpack_state(arrays_in(content)[ARRAYS]),
            config=config_from_json(as_text(about["model-config"])),
            num_examples=as_whole(metrics["num-examples"]),
            token_counts=unpack_counts(as_bytes(about["token-counts"])),
            tokenizer=as_text(about["tokenizer"]) or None,
            train_loss=as_number(metrics["train-loss"]),
            validation_loss=as_number(metrics["validation-loss"]),
            seconds=as_number(metrics["seconds"]),
            truncated=as_whole(metrics["truncated"]),
            server_round=as_whole(about.get("server-round", 0)) or None,
            class_counts=unpack_counts(classes) if classes else None,
            train_losses=as_numbers(about.get("train-losses", [])),
            validation_losses=as_numbers(about.get("validation-losses", [])),
        )


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
    with malformed("a training reply"):
        metrics, about = content.metric_records[METRICS], content.config_records[UPDATE]
        return HeldUpdate(
            as_text(about["client"]),
            as_whole(about["partition-id"]),
            as_whole(metrics["num-examples"]),
            as_number(metrics["validation-loss"]),
        )


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
                    "model": description.model,
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
    with malformed("a client's description"):
        about = content.config_records[CLIENT]
        return ClientDescription(
            client=as_text(about["client"]),
            partition_id=as_whole(about["partition-id"]),
            num_examples=as_whole(about["num-examples"]),
            num_validation=as_whole(about["num-validation"]),
            num_test=as_whole(about["num-test"]),
            labels=as_texts(about["labels"]),
            source=as_text(about["source"]),
            notices=as_texts(about["notices"]),
            words=as_bytes(about["words"]),
            model=as_text(about.get("model", "")),
        )
