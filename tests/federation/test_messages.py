"""Packing and unpacking is the identity, and what is malformed is told in one line."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from fedot.errors import FedotError
from fedot.evaluation.metrics import tally
from fedot.evaluation.request import EvaluationItem, EvaluationRequest
from fedot.models import EncoderConfig
from fedot.tasks.classification import CLASSIFICATION
from fedot.wire.evaluations import (
    pack_evaluations,
    pack_tallies,
    unpack_evaluation,
    unpack_tallies,
)
from fedot.wire.messages import (
    CLIENT,
    METRICS,
    UPDATE,
    ClientDescription,
    ClientUpdate,
    Settings,
    pack_description,
    pack_update,
    unpack_description,
    unpack_update,
)
from fedot.wire.records import PackedState, pack_state, record_bytes, unpack_state

words = st.text(max_size=20)
numbers = st.floats(allow_nan=False, width=64)
counts = st.integers(0, 2**40)
losses = st.lists(numbers, max_size=4).map(tuple)


@st.composite
def states(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=1, max_size=3))
    kinds = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.int64]))
    return {f"t{i}": torch.from_numpy(generator.normal(size=shape)).to(kinds) for i, shape in enumerate(shapes)}


@st.composite
def updates(draw: st.DrawFn) -> ClientUpdate:
    size = draw(st.integers(2, 9))
    return ClientUpdate(
        client=draw(words),
        partition_id=draw(st.integers(0, 999)),
        state=draw(states()),
        config=EncoderConfig(vocab_size=size, n_class=2),
        num_examples=draw(counts),
        token_counts=torch.tensor(draw(st.lists(counts, min_size=size, max_size=size))),
        tokenizer=draw(st.none() | words.filter(bool)),
        train_loss=draw(numbers),
        train_losses=draw(losses),
        validation_losses=draw(losses),
        validation_loss=draw(numbers),
        seconds=draw(numbers),
        truncated=draw(counts),
        class_counts=draw(st.none() | st.lists(counts, min_size=2, max_size=2).map(torch.tensor)),
    )


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and torch.equal(a[k], b[k]) for k in a)


@settings(deadline=None, max_examples=40)
@given(updates())
def test_an_update_survives_the_wire(update: ClientUpdate) -> None:
    found = unpack_update(pack_update(update))
    assert same(found.state, update.state)
    assert torch.equal(found.token_counts, update.token_counts)
    assert (found.class_counts is None) == (update.class_counts is None)
    if found.class_counts is not None and update.class_counts is not None:
        assert torch.equal(found.class_counts, update.class_counts)
    nothing = {"state": {}, "token_counts": torch.zeros(0), "class_counts": None}
    assert replace(found, **nothing) == replace(update, **nothing)


@settings(deadline=None, max_examples=20)
@given(updates())
def test_flowers_strategies_find_what_they_look_for(update: ClientUpdate) -> None:
    content = pack_update(update)
    assert len(content.array_records) == 1
    assert len(content.metric_records) == 1
    assert content.metric_records[METRICS]["num-examples"] == update.num_examples


@settings(deadline=None, max_examples=40)
@given(
    st.builds(
        ClientDescription,
        client=words,
        partition_id=st.integers(0, 99),
        num_examples=counts,
        num_validation=counts,
        num_test=counts,
        labels=st.lists(words).map(tuple),
        source=words,
        notices=st.lists(words).map(tuple),
        words=st.binary(max_size=50),
    )
)
def test_a_description_survives_the_wire(description: ClientDescription) -> None:
    assert unpack_description(pack_description(description)) == description


@given(
    st.builds(
        Settings,
        scenario=words,
        seed=st.integers(0, 2**31 - 1),
        tokenizer=st.none() | words.filter(bool),
        data_dir=st.none() | words.filter(bool),
        server_round=st.integers(1, 1000),
        proximal_mu=st.floats(0, 10),
    )
)
def test_settings_survive_the_wire_and_what_flower_adds(sent: Settings) -> None:
    record = sent.to_record()
    record["something-of-flowers"] = 3
    assert Settings.from_record(record) == sent


@settings(deadline=None, max_examples=20)
@given(states(), st.floats(-2, 2))
def test_an_evaluation_survives_the_wire(state: dict[str, torch.Tensor], coefficient: float) -> None:
    request = EvaluationRequest(
        (state, state),
        (EncoderConfig(vocab_size=3, n_class=2), EncoderConfig(vocab_size=4, n_class=2)),
        (None, "own"),
        (
            EvaluationItem("weights", ((0, 1.0),)),
            EvaluationItem("probabilities", ((0, coefficient), (1, 0.5))),
        ),
    )
    found = unpack_evaluation(pack_evaluations({0: request}, Settings("{}", 0))[0])
    assert all(same(a, b) for a, b in zip(found.states, request.states, strict=True))
    assert replace(found, states=()) == replace(request, states=())


def test_a_model_for_several_clients_is_written_once() -> None:
    state, other = {"x": torch.zeros(2)}, {"x": torch.ones(2)}
    about = (EncoderConfig(vocab_size=3, n_class=2),) * 2, (None, None), (EvaluationItem("weights", ((0, 1.0),)),)
    requests = {1: EvaluationRequest((state, other), *about), 2: EvaluationRequest((state, state), *about)}
    contents = pack_evaluations(requests, Settings("{}", 0))
    assert contents[2]["model.0"] is contents[2]["model.1"] is contents[1]["model.0"]
    assert same(unpack_evaluation(contents[1]).states[1], other)


def test_tallies_survive_the_wire_and_a_missing_one_is_told() -> None:
    sent = [tally(np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([1, k])) for k in range(2)]
    content = pack_tallies(sent)
    item = EvaluationItem("weights", ((0, 1.0),))
    request = EvaluationRequest((), (), (), (item,) * 2, calibrated=False)
    for a, b in zip(unpack_tallies(content, request, CLASSIFICATION), sent, strict=True):
        assert a.to_record() == b.to_record()
    with pytest.raises(FedotError, match="holds 2 results, but 3 were asked for"):
        unpack_tallies(content, replace(request, items=(item,) * 3), CLASSIFICATION)


def test_bfloat16_goes_as_float32() -> None:
    found = unpack_state(pack_state({"x": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}))
    assert torch.equal(found["x"], torch.tensor([1.5, -2.0]))


def test_a_packed_model_is_read_where_it_is_and_packs_to_itself() -> None:
    state = {"half": torch.tensor([1.5, -2.0], dtype=torch.float16), "matrix": torch.arange(6.0).reshape(2, 3)}
    record = pack_state(state)
    packed = PackedState(record)
    assert list(packed) == list(state)
    assert all(torch.equal(packed[name], tensor) for name, tensor in state.items())
    first, second = packed["matrix"], packed["matrix"]
    assert first.data_ptr() == second.data_ptr()
    assert pack_state(packed) is record


def test_unpacked_tensors_can_be_written_to() -> None:
    found = unpack_state(pack_state({"x": torch.zeros(2)}))
    found["x"] += 1
    assert found["x"].tolist() == [1.0, 1.0]


def _update() -> ClientUpdate:
    config = EncoderConfig(vocab_size=2, n_class=2)
    return ClientUpdate("a", 0, {"x": torch.zeros(1)}, config, 1, torch.zeros(2).long(), None, 0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("record", "key", "value"),
    [
        (METRICS, "num-examples", 1.5),
        (METRICS, "seconds", [1.0]),
        (UPDATE, "client", b"x"),
        (UPDATE, "model-config", "{}"),
        (UPDATE, "model-config", "no json"),
        (UPDATE, "model-config", "[" * 100_000),
        (UPDATE, "model-config", '{"architecture": "encodr"}'),
        (UPDATE, "token-counts", b"123"),
        (UPDATE, "token-counts", "text"),
        (UPDATE, "class-counts", b"123"),
        (UPDATE, "class-counts", 7),
    ],
)
def test_a_malformed_update_is_a_fedot_error(record: str, key: str, value: object) -> None:
    content = pack_update(_update())
    content[record][key] = value  # type: ignore[index]
    with pytest.raises(FedotError) as caught:
        unpack_update(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["arrays", METRICS, UPDATE])
def test_an_update_that_lacks_a_record_is_a_fedot_error(missing: str) -> None:
    content = pack_update(_update())
    del content[missing]
    with pytest.raises(FedotError, match=f"KeyError: '{missing}'"):
        unpack_update(content)


@pytest.mark.parametrize("data", [b"\x80garbage", b"", b"PK\x03\x04garbage", b"\x93NUMPY\x01\x00"])
def test_an_array_of_garbage_is_a_fedot_error(data: bytes) -> None:
    content = pack_update(_update())
    content["arrays"]["x"].data = data  # type: ignore[index,union-attr]
    with pytest.raises(FedotError, match="malformed"):
        unpack_update(content)


def test_a_malformed_description_is_a_fedot_error() -> None:
    content = pack_description(ClientDescription("a", 0, 1, 1, 1, ("x",), "hub", (), b""))
    del content[CLIENT]["labels"]  # type: ignore[attr-defined]
    with pytest.raises(FedotError, match="description is malformed"):
        unpack_description(content)


def test_bytes_are_counted_by_content() -> None:
    content = pack_update(_update())
    array = sum(len(a.data) for a in content.array_records["arrays"].values())
    assert record_bytes(content) > array > 4
    content["extra"] = ConfigRecord({"text": "ää", "bytes": b"123", "list": ["a", "b"]})
    content["more"] = MetricRecord({"one": 1, "list": [1.0, 2.0]})
    content["empty"] = ArrayRecord()
    assert record_bytes(content) == record_bytes(pack_update(_update())) + 4 + 3 + 2 + 8 + 16
