"""A run that goes on in the middle of a seed: what the clients have answered is kept until the seed is finished.

The server's own arithmetic is a function of the clients' answers alone, and costs little beside their training. So
each exchange becomes a folder, with a file for each reply; a run that goes on gets the same answers to the same
questions from there, comes to the same global model to the bit, whatever the strategy keeps from round to round, and
asks the clients for what is left. A question is known by the hash of everything in it, weights included, and of what
the clients told about themselves: after a change of settings or data nothing old is taken for an answer. Every file is
held against its checksum; where one is damaged, the clients are asked again.
"""

import base64
import hashlib
import json
import logging
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from safetensors import safe_open
from torch import Tensor

from fedot.errors import FedotError
from fedot.federation.grids.passthrough import PassingGrid
from fedot.storage.atomic import write_bytes
from fedot.storage.checksum import KEY, checksum
from fedot.storage.tensor_file import write_tensors
from fedot.terminal.stopwatch import timed
from fedot.text.outside import parse_json, told
from fedot.wire.flower_private import come_from
from fedot.wire.messages import unpack_description
from fedot.wire.records import as_tensor

log = logging.getLogger("fedot.server")

FOLDER, COMPLETE = ".checkpoint", "complete"
MOST_BYTES = 8 * 2**30
"""A seed's answers are kept up to so many bytes; what is beyond is asked for again."""

MOST_TOLD = 2**27
"""Bytes of what an answer says besides its arrays."""

EXCHANGE = re.compile(r"[0-9a-f]{32}-[0-9]+")
"""Name of an exchange's folder."""

NOT_ASKED = {"cache"}  # where models are kept decides nothing
LOST = -1  # Flower tells of a lost node under its own id


class CheckpointedGrid(PassingGrid):
    """Pass questions on to `grid` and keep the answers in a folder; answer from there what was asked before.

    An exchange in which nobody answered well is not kept, so that it is tried again. Who is behind each node is learnt
    from what the clients tell about themselves; `places`, partitions by node, is what is known before.
    """

    def __init__(
        self, grid: Grid, folder: Path, most_bytes: int = MOST_BYTES, places: Mapping[int, int] | None = None
    ) -> None:
        super().__init__(grid)
        self.folder, self.most_bytes, self.kept_bytes = folder, most_bytes, 0
        self._full = False
        self._seen: Counter[str] = Counter()
        self._places = dict(places or {})
        self._about: dict[int, str] = {}

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Answer from the folder, or else ask the clients and keep what they say."""
        sent = list(messages)
        if not sent:
            return []
        if sent[0].metadata.message_type.startswith("query"):
            replies = list(self._grid.send_and_receive(sent, timeout=timeout))
            self._learn(replies)
            return replies
        if any(message.metadata.dst_node_id not in self._places for message in sent):
            return self._grid.send_and_receive(sent, timeout=timeout)  # nobody has said who that is
        folder = self.folder / self._key(sent)
        answers = _kept_in(folder)
        if answers is not None:
            return self._repeated(answers, sent)
        return self._kept(folder, self._grid.send_and_receive(sent, timeout=timeout))

    def _kept(self, folder: Path, replies: Iterable[Message]) -> Iterator[Message]:
        """Write each reply to a file before it is handed on; an exchange counts once all are there."""
        number, answered, writing = 0, False, True
        for reply in replies:
            answered = answered or reply.has_content()
            writing = writing and self._keep(folder / f"{number}.safetensors", reply)
            number += 1
            yield reply
        if answered and writing:
            _could(partial(write_bytes, folder / COMPLETE, _completed(folder, number)))

    def _repeated(self, answers: list[Path], sent: list[Message]) -> Iterator[Message]:
        by_place = {self._place(message.metadata.dst_node_id): message for message in sent}
        for path in answers:
            place, content = _answer_in(path)
            reply = Message(content, reply_to=by_place.get(place, sent[0]))
            if place == LOST:
                come_from(reply, 1)
            yield reply

    def _learn(self, replies: Iterable[Message]) -> None:
        """Note who is behind each node: the same client may come back under another id."""
        for reply in replies:
            if reply.has_content():
                node = reply.metadata.src_node_id
                try:
                    self._places[node] = unpack_description(reply.content).partition_id
                except FedotError:
                    continue  # whoever asked will say what is wrong
                self._about[node] = digest(reply.content)

    def _place(self, node: int) -> int:
        return self._places.get(node, LOST)

    @timed("writing")
    def _key(self, sent: list[Message]) -> str:
        """Hash of the question, and how often it was asked before."""
        known: dict[int, str] = {}
        parts = []
        for message in sent:
            node = message.metadata.dst_node_id
            told = digest(message.content, known)
            parts.append((self._place(node), message.metadata.message_type, self._about.get(node, ""), told))
        key = hashlib.sha256(json.dumps(sorted(parts)).encode()).hexdigest()[:32]
        self._seen[key] += 1
        return f"{key}-{self._seen[key]}"

    @timed("writing")
    def _keep(self, path: Path, reply: Message) -> bool:
        """Write a reply; tell whether it could be."""
        tensors: dict[str, Tensor] = {}
        answer = json.dumps({"place": self._place(reply.metadata.src_node_id), **_written(reply, tensors)})
        self.kept_bytes += sum(tensor.numel() for tensor in tensors.values())
        if self.kept_bytes > self.most_bytes:
            if not self._full:
                log.warning("the checkpoint is full; a run that goes on will repeat what comes from here")
            self._full = True
            return False
        known = {"answer": answer, KEY: checksum(tensors, _name(path), answer)}
        return _could(partial(write_tensors, path, tensors, known))


def _could(write: Callable[[], None]) -> bool:
    """Whether something could be written; the run itself does not need it."""
    try:
        write()
    except FedotError as error:
        log.warning("no checkpoint: %s", error)
        return False
    return True


def forget(folder: Path) -> None:
    """Remove what is kept: the seed is finished, or the run starts again. What else is in the folder stays.

    Raises
    ------
    FedotError
        If it cannot be removed.
    """
    try:
        for each in list(folder.iterdir()):
            if EXCHANGE.fullmatch(each.name):
                shutil.rmtree(each)
        if not any(folder.iterdir()):
            folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise FedotError(f"{folder} cannot be removed ({error.strerror})") from None


def _kept_in(folder: Path) -> list[Path] | None:
    """Files of the replies of a complete exchange; None if there is none, or any of it is damaged."""
    complete = folder / COMPLETE
    try:
        if not complete.exists():
            return None
        with told(f"{complete} cannot be read"):
            said = complete.read_bytes()
            count = int(said.split()[0])
            if said != _completed(folder, count):
                raise FedotError(f"{complete} is damaged")
        paths = [folder / f"{k}.safetensors" for k in range(count)]
        for path in paths:  # all before the first is handed out
            _answer_in(path)
    except (FedotError, OSError) as error:
        log.warning("%s; the clients are asked again", error)
        return None
    return paths


def _completed(folder: Path, count: int) -> bytes:
    """What says that so many replies are all of an exchange."""
    return f"{count} {checksum({}, folder.name, str(count))}".encode()


def _name(path: Path) -> str:
    """Whose answer to what a file holds: it is none under another name."""
    return f"{path.parent.name}/{path.name}"


def _answer_in(path: Path) -> tuple[int, RecordDict | Error]:
    """The place of whoever answered, and the answer.

    Raises
    ------
    FedotError
        If the file is damaged.
    """
    with told(f"{path} is damaged"), safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata[KEY] != checksum(tensors, _name(path), metadata["answer"]):
            raise FedotError(f"{path} is damaged (it does not fit its checksum)")
        answer = parse_json(metadata["answer"], str(path), MOST_TOLD)
        return int(answer["place"]), _read_back(answer, tensors)


def digest(content: RecordDict, known: dict[int, str] | None = None) -> str:
    """Hash of all in a message that decides its answer, the order of its records aside.

    `known` holds hashes of arrays by identity, for messages that share them.
    """
    known = {} if known is None else known
    found = hashlib.sha256()
    for name in sorted(content):
        record = content[name]
        if id(record) not in known:
            known[id(record)] = _record_digest(record)
        found.update(json.dumps([name, known[id(record)]]).encode())
    return found.hexdigest()


def _record_digest(record: ArrayRecord | MetricRecord | ConfigRecord) -> str:
    found = hashlib.sha256(type(record).__name__.encode())
    for key in sorted(record.keys() - NOT_ASKED):
        value = record[key]
        if isinstance(value, Array):
            found.update(json.dumps([key, value.dtype, list(value.shape)]).encode())
            found.update(value.data)
        else:
            found.update(json.dumps([key, _plain(value)]).encode())
    return found.hexdigest()


def _written(reply: Message, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Write a reply as plain values; the bytes of its arrays go into `tensors`."""
    if reply.has_error():
        return {"error": [reply.error.code, reply.error.reason]}
    records = []
    for i, (name, record) in enumerate(reply.content.items()):
        if isinstance(record, ArrayRecord):
            items: list[Any] = []
            for j, (key, array) in enumerate(record.items()):
                items.append([key, array.dtype, list(array.shape), array.stype])
                tensors[f"{i}.{j}"] = as_tensor(np.frombuffer(array.data, dtype=np.uint8))
        else:
            items = [[key, _plain(value)] for key, value in record.items()]
        records.append([name, type(record).__name__, items])
    return {"records": records}


def _read_back(answer: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> RecordDict | Error:
    """Read what `_written` wrote."""
    if "error" in answer:
        return Error(*answer["error"])
    content = RecordDict()
    for i, (name, kind, items) in enumerate(answer["records"]):
        if kind == "ArrayRecord":
            content[name] = ArrayRecord(
                {
                    key: Array(dtype, tuple(shape), stype, tensors[f"{i}.{j}"].numpy().tobytes())
                    for j, (key, dtype, shape, stype) in enumerate(items)
                }
            )
        else:
            values = {key: _typed(value) for key, value in items}
            content[name] = MetricRecord(values) if kind == "MetricRecord" else ConfigRecord(values)
    return content


def _plain(value: Any) -> Any:
    """Write a record's value for JSON: bytes in base 64."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list) and value and isinstance(value[0], bytes):  # a list holds values of one type
        return [_plain(item) for item in value]
    return value


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["bytes"])
    return [_typed(item) for item in value] if isinstance(value, list) else value
