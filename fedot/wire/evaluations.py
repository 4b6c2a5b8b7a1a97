"""What is asked of clients in an evaluation, and the sums that they answer with."""

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

from flwr.app import ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from fedot.errors import FedotError
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.models import config_from_json, config_to_json
from fedot.tasks import AnyTally, AnyTask
from fedot.terminal.stopwatch import timed
from fedot.wire.messages import CONFIG, EVALUATION, Settings
from fedot.wire.records import arrays_in, as_text, as_texts, pack_state, unpack_state


@timed("packing")
def pack_evaluations(requests: Mapping[int, EvaluationRequest], settings: Settings) -> dict[int, RecordDict]:
    """Write the evaluation message of every node; what several are to have is written once."""
    about, arrays = settings.to_record(), dict[int, ArrayRecord]()
    for state in (state for request in requests.values() for state in request.states):
        if id(state) not in arrays:
            arrays[id(state)] = pack_state(state)
    whole = {
        id(request): _message(request, [arrays[id(state)] for state in request.states], about)
        for request in requests.values()
    }
    return {node: whole[id(request)] for node, request in requests.items()}


def _message(request: EvaluationRequest, models: Sequence[ArrayRecord], about: ConfigRecord) -> RecordDict:
    content = RecordDict({f"model.{k}": record for k, record in enumerate(models)})
    content[CONFIG] = about
    content[EVALUATION] = ConfigRecord(
        {
            "items": json.dumps([[item.combine, item.members] for item in request.items]),
            "model-configs": [config_to_json(config) for config in request.configs],
            "tokenizers": [tokenizer or "" for tokenizer in request.tokenizers],
            "translated": request.translated,
            "calibrated": request.calibrated,
        }
    )
    return content


@timed("packing")
def unpack_evaluation(content: RecordDict) -> EvaluationRequest:
    """Read an evaluation message."""
    about = content.config_records[EVALUATION]
    configs = as_texts(about["model-configs"])
    return EvaluationRequest(
        states=tuple(unpack_state(arrays_in(content)[f"model.{k}"]) for k in range(len(configs))),
        configs=tuple(config_from_json(text) for text in configs),
        tokenizers=tuple(tokenizer or None for tokenizer in as_texts(about["tokenizers"])),
        items=tuple(
            EvaluationItem(combine, tuple((int(k), float(c)) for k, c in members))
            for combine, members in json.loads(as_text(about["items"]))
        ),
        translated=bool(about["translated"]),
        calibrated=bool(about["calibrated"]),
    )


def pack_tallies(tallies: Sequence[AnyTally]) -> RecordDict:
    """Write the answer to an evaluation message: sums only."""
    return RecordDict({f"item.{i}": MetricRecord(dict(tally.to_record())) for i, tally in enumerate(tallies)})


def unpack_tallies(content: RecordDict, request: EvaluationRequest, task: AnyTask) -> tuple[AnyTally, ...]:
    """Read one tally for each item of a request.

    Raises
    ------
    FedotError
        If one is missing or malformed.
    """
    count = len(request.items)
    records: Mapping[str, MetricRecord] = content.metric_records
    if any(f"item.{i}" not in records for i in range(count)):
        raise FedotError(f"an evaluation reply holds {len(records)} results, but {count} were asked for")
    return tuple(task.read_tally(dict(records[f"item.{i}"]), request) for i in range(count))


def sum_tallies(tallies: Sequence[AnyTally]) -> AnyTally:
    """Add up tallies of one task."""
    return reduce(add, tallies)
