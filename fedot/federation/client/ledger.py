"""What a run has asked a client for so far, in the state that Flower keeps for a node between messages.

Sums are harmless one by one. Many of them, of models that the server makes up, or of rows that differ by one, tell of
single rows; so a client counts.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flwr.app import ConfigRecord, RecordDict
from torch import Tensor

from fedot.errors import FedotError
from fedot.federation.client.policy import Policy
from fedot.scenario import Scenario
from fedot.wire.records import as_text, as_texts, as_whole

LEDGER = "fedot-ledger"

NOT_OF_ROWS = {"name", "model", "tokenizer", "fault"}
"""Keys of a client that do not decide which rows it has, or of which class; any other may."""


def spend(
    ledger: RecordDict,
    policy: Policy,
    client: str,
    rows: str,
    seed: int,
    models: Sequence[Mapping[str, Tensor]] = (),
    evaluations: int = 0,
) -> None:
    """Note what is about to be answered, if it is within what the client allows a run.

    Parameters
    ----------
    rows
        Hash of all that decides which rows the client has (`rows_key`); one run, one choice of them.
    models
        Those that the server sent; one that it sent before costs nothing.
    evaluations
        Sums over the rows of a split that are asked for, trainings included.

    Raises
    ------
    FedotError
        If it is not; nothing is noted then.
    """
    known = _read(ledger)
    if known.rows not in ("", rows):
        raise FedotError(
            f"this run has asked for sums of other rows of client {client} before, and the difference of two sums may "
            "be a single row; one run, one choice of data, examples, test_examples and train.validation"
        )
    found = _Asked(
        rows,
        tuple(dict.fromkeys([*known.seeds, str(seed)])),
        tuple(dict.fromkeys([*known.models, *map(_digest_of_model, models)])),
        known.evaluations + evaluations,
    )
    for count, most, what, key in (
        (len(found.seeds), policy.most_seeds, "seeds", "most-seeds"),
        (len(found.models), policy.most_models, "different models", "most-models"),
        (found.evaluations, policy.most_evaluations, "evaluations and trainings", "most-evaluations"),
    ):
        if count > most:
            raise FedotError(
                f"client {client} answers at most {most} {what} of a run, and this would be {count}; "
                f"whoever runs it can raise {key} in its --node-config"
            )
    ledger[LEDGER] = ConfigRecord(
        {
            "rows": found.rows,
            "seeds": list(found.seeds),
            "models": list(found.models),
            "evaluations": found.evaluations,
        }
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a run has asked for: a hash of the rows, all seeds, a hash of each model, how many sums."""

    rows: str = ""
    seeds: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    evaluations: int = 0


def _read(ledger: RecordDict) -> _Asked:
    if LEDGER not in ledger.config_records:
        return _Asked()
    record = ledger.config_records[LEDGER]
    return _Asked(
        as_text(record["rows"]), as_texts(record["seeds"]), as_texts(record["models"]), as_whole(record["evaluations"])
    )


def rows_key(scenario: Scenario, partition_id: int) -> str:
    """Hash of all that decides which rows a client has, apart from the seed."""
    partition = scenario.partition
    decisive = [
        scenario.task,
        scenario.data.source,
        scenario.train.validation,
        partition.model_dump(mode="json") if partition else None,
        scenario.client_specs()[partition_id].model_dump(mode="json", exclude=NOT_OF_ROWS),
    ]
    return hashlib.blake2b(json.dumps(decisive, sort_keys=True).encode(), digest_size=16).hexdigest()


def _digest_of_model(state: Mapping[str, Tensor]) -> str:
    """Hash of a model's arrays, whatever their order."""
    found = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(state.items()):
        array = tensor.detach().cpu().contiguous().numpy()
        found.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        found.update(array.tobytes())
    return found.hexdigest()
