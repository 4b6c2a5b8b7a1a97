"""Half precision on the wire: half the bytes, float32 at both ends."""

from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, RecordDict

from fedot.errors import FedotError
from fedot.federation.grids.metered import MeteredGrid
from fedot.models import build_model, load_model, model_config, state_of
from fedot.scenario import parse_scenario
from fedot.wire.half_precision import narrow, widen
from fedot.wire.messages import CONFIG
from fedot.wire.records import pack_state, record_bytes, unpack_state
from tests.federation.test_run import run

STATE = {"a": torch.randn(7, 5, generator=torch.Generator().manual_seed(0)), "b": torch.tensor([1e-3, 2.0])}


def message(state: dict[str, torch.Tensor]) -> RecordDict:
    return RecordDict({"arrays": pack_state(state), CONFIG: ConfigRecord({"seed": 1})})


def test_there_and_back_is_the_nearest_half() -> None:
    content = message(STATE)
    narrow([content])
    assert {array.dtype for array in content.array_records["arrays"].values()} == {"float16"}
    widen(content)
    found = unpack_state(content.array_records["arrays"])
    assert list(found) == list(STATE)
    for name, tensor in STATE.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor.half().float())


@pytest.mark.parametrize("odd", [7e4, -1e30, float("inf")])
def test_what_half_precision_cannot_hold_is_sent_whole(odd: float) -> None:
    content = message({**STATE, "b": torch.tensor([odd, 2.0])})
    narrow([content])
    assert content.array_records["arrays"]["b"].dtype == "float32"
    assert content.array_records["arrays"]["a"].dtype == "float16"
    widen(content)
    assert torch.equal(unpack_state(content.array_records["arrays"])["b"], torch.tensor([odd, 2.0]))


def test_nan_is_not_hidden_and_other_types_are_left_alone() -> None:
    record = ArrayRecord({"whole": Array(np.arange(3)), "nan": Array(np.array([np.nan, 1.0], dtype=np.float32))})
    content = RecordDict({"arrays": record})
    narrow([content])
    widen(content)
    found = unpack_state(content.array_records["arrays"])
    assert found["whole"].dtype == torch.int64
    assert bool(found["nan"][0].isnan())


def test_a_record_that_messages_share_is_narrowed_once() -> None:
    record = pack_state(STATE)
    contents = [RecordDict({"arrays": record}) for _ in range(3)]
    narrow(contents)
    assert contents[0]["arrays"] is contents[1]["arrays"] is contents[2]["arrays"]
    together = [message(STATE)] * 3
    narrow(together)
    narrowed = together[0]["arrays"]
    narrow(together)
    assert {array.dtype for array in narrowed.values()} == {"float16"}


def test_bfloat16_and_tied_weights_come_back() -> None:
    config = model_config(
        {"name": "seq2seq", "d_model": 8, "n_layer": 1, "n_head": 2, "d_ff": 8, "max_length": 6}, 20, 0
    )
    state = {name: tensor.bfloat16() for name, tensor in state_of(build_model(config, 0)).items()}
    content = message(state)
    narrow([content])
    widen(content)
    model = load_model(config, unpack_state(content.array_records["arrays"]))
    assert model.output.weight is model.tok_emb.weight
    assert torch.allclose(model.tok_emb.weight, state["tok_emb.weight"].float(), rtol=1e-3, atol=1e-6)


def test_a_run_sends_half_the_bytes_and_reaches_the_same(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    real = MeteredGrid.send_and_receive

    def spy(self: MeteredGrid, *args: Any, **kwargs: Any) -> Any:
        replies = list(real(self, *args, **kwargs))
        for reply in replies:
            for record in reply.content.array_records.values():
                seen.append({array.dtype for array in record.values()})
        return replies

    monkeypatch.setattr(MeteredGrid, "send_and_receive", spy)
    whole, half = run(tiny(references=[])), run(tiny(references=[], transfer="float16"))
    assert all(dtypes == {"float32"} for dtypes in seen)  # strategies never see half precision
    assert seen
    for strategy in ("fedavg", "ot-fusion"):
        (a,), (b,) = (outcome.rows(strategy=strategy, split="all") for outcome in (whole, half))
        assert b["metrics"]["nll"] == pytest.approx(a["metrics"]["nll"], abs=5e-3)
        sizes = [sum(t.numel() for t in whole.models["fedavg", 0][0].values())]
        assert a["bytes_up"] - b["bytes_up"] == pytest.approx(2 * 2 * sizes[0], rel=0.02)  # two clients, two bytes less


def test_an_unknown_precision_is_refused(tiny: Any) -> None:
    values = tiny().model_dump()
    with pytest.raises(FedotError, match="transfer"):
        parse_scenario({**values, "transfer": "int8"})


def test_counted_bytes_are_those_on_the_wire() -> None:
    content = message(STATE)
    before = record_bytes(content)
    narrow([content])
    saved = before - record_bytes(content)
    assert saved == sum(2 * tensor.numel() for tensor in STATE.values())
