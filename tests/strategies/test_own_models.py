"""OT fusion of a model and an app of one's own: plain replies in, arrays of the same names and order out."""

import math

import pytest
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from torch import nn

from fedot.errors import FedotError
from fedot.fusion import FusionConfig
from fedot.strategies import OTFusion
from fedot.symmetry import SpecBuilder
from tests.strategies.fake_clients import FakeGrid, crash, silence

STEPS = 3


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))


def net_spec():
    spec = SpecBuilder()
    spec.group("input", 5, "labels")
    spec.group("hidden", 8, "permutation")
    spec.group("class", 3, "labels")
    spec.linear("0", reads="input", writes="hidden")
    spec.linear("2", reads="hidden", writes="class")
    return spec.build()


def replying(change, key="arrays", **metrics):
    """A client whose model is what `change` makes of the one that it was sent."""

    def reply(message):
        state = change(message.content[key].to_torch_state_dict())
        content = {"model": ArrayRecord(state), "told": MetricRecord({"num-examples": 10, **metrics})}
        return Message(RecordDict(content), reply_to=message)

    return reply


def moved(by):
    return lambda state: {name: tensor + by for name, tensor in state.items()}


def same(arrays, state):
    found = arrays.to_torch_state_dict()
    assert list(found) == list(state)
    for name, tensor in state.items():
        assert found[name].dtype == tensor.dtype
        torch.testing.assert_close(found[name], tensor)


def start(strategy, nodes, state, rounds=1, **options):
    grid = FakeGrid(nodes)
    return strategy.start(grid, ArrayRecord(state), num_rounds=rounds, **options), grid


def own(**options):
    options = {"spec": net_spec(), "fraction_evaluate": 0.0, **options}
    strategy = OTFusion(**options)
    strategy.quorum = type(strategy.quorum)(connect_seconds=0.0)
    return strategy


def test_initial_arrays_are_sent_as_they_are_and_rounds_go_on_from_what_was_fused():
    state = net().state_dict()
    result, grid = start(own(), {1: replying(moved(0.1)), 2: replying(moved(0.3))}, state, rounds=STEPS)
    for message in grid.sent[:2]:
        assert message.content["arrays"].to_torch_state_dict().keys() == state.keys()
        same(message.content["arrays"], state)
    same(grid.sent[2].content["arrays"], {name: tensor + 0.2 for name, tensor in state.items()})
    same(result.arrays, {name: tensor + 0.2 * STEPS for name, tensor in state.items()})
    assert grid.sent[-1].content["config"]["server-round"] == STEPS


def test_models_are_weighted_by_examples_and_metrics_come_back():
    state = net().state_dict()
    strategy = own()
    nodes = {1: replying(moved(0.0), loss=1.0), 2: replying(moved(0.4), loss=2.0, own=3.0)}
    nodes[2] = replying(moved(0.4), **{"num-examples": 30, "loss": 2.0, "own": 3.0})
    result, _ = start(strategy, nodes, state)
    same(result.arrays, {name: tensor + 0.3 for name, tensor in state.items()})
    assert result.train_metrics_clientapp[1] == {"loss": 1.75, "clients": 2, "dropped": 0}
    assert [update.num_examples for update in strategy.replies] == [10.0, 30.0]


def shuffled(state, order):
    return {"0.weight": state["0.weight"][order], "0.bias": state["0.bias"][order],
            "2.weight": state["2.weight"][:, order], "2.bias": state["2.bias"]}  # fmt: skip


def test_neurons_that_a_client_has_in_another_order_are_brought_back():
    state = net().state_dict()
    order = torch.tensor([3, 1, 0, 2, 7, 6, 5, 4])
    nodes = {1: replying(dict), 2: replying(lambda sent: shuffled(sent, order))}
    result, _ = start(own(), nodes, state)
    same(result.arrays, state)
    plain, _ = start(own(fusion=FusionConfig(method="vanilla")), nodes, state)
    assert not torch.allclose(plain.arrays.to_torch_state_dict()["0.weight"], state["0.weight"])


def test_clients_that_start_apart_are_aligned_to_the_one_with_most_examples():
    state, first = net().state_dict(), net(1).state_dict()
    order = torch.tensor([3, 1, 0, 2, 7, 6, 5, 4])
    nodes = {1: replying(lambda _: shuffled(first, order)), 2: replying(lambda _: first, **{"num-examples": 11})}
    strategy = own()
    result, grid = start(strategy, nodes, state, train_config=ConfigRecord({"init": "independent"}))
    same(grid.sent[0].content["arrays"], state)
    same(result.arrays, first)
    assert strategy.latest.anchor == "node 2"


def without(name):
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


def broken(name, value):
    return lambda state: {**state, name: value}


def raw(content):
    return lambda message: Message(content, reply_to=message)


BAD = {
    "crashed": (crash("ValueError"), "ValueError"),
    "silent": (silence, "no answer before the deadline"),
    "lacks": (replying(without("2.bias")), "lacks tensor 2.bias"),
    "unknown": (replying(broken("extra", torch.zeros(1))), "unknown tensor extra"),
    "shape": (replying(broken("2.bias", torch.zeros(3, 8))), r"2\.bias has shape \(3, 8\), not \(3,\)"),
    "nan": (replying(broken("2.bias", torch.full((3,), math.nan))), "2.bias holds NaN"),
    "integers": (replying(broken("2.bias", torch.zeros(3, dtype=torch.int64))), "not a float"),
    "huge": (replying(broken("2.bias", torch.full((3,), 1e9))), "no number beyond 10000"),
    "no examples": (replying(dict, **{"num-examples": 0}), "'num-examples', a number above 0"),
    "nan examples": (replying(dict, **{"num-examples": math.nan}), "'num-examples', a number above 0"),
    "list of examples": (replying(dict, **{"num-examples": [1]}), "'num-examples', a number above 0"),
    "classes": (replying(dict, **{"class-counts": [1, 2]}), "class-counts are not 3 counts"),
    "less than none": (replying(dict, **{"class-counts": [1, 2, -1]}), "class-counts are not 3 counts"),
    "tokens of none": (replying(dict, **{"token-counts": [1, 2]}), "no neuron group 'vocab'"),
    "loss": (replying(dict, **{"validation-loss": math.inf}), "validation-loss is inf"),
    "nothing": (raw(RecordDict()), "0 ArrayRecords and 0 MetricRecords"),
    "no bytes": (
        raw(RecordDict({"a": ArrayRecord({"0.weight": Array("float32", (8, 5), "numpy.ndarray", b"x")}),
                        "m": MetricRecord({"num-examples": 1})})),
        "malformed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_reply_is_dropped_by_name_and_the_rest_is_fused(kind):
    bad, reason = BAD[kind]
    state, strategy = net().state_dict(), own()
    result, _ = start(strategy, {1: replying(moved(0.1)), 2: bad, 3: replying(moved(0.1))}, state)
    same(result.arrays, {name: tensor + 0.1 for name, tensor in state.items()})
    [(name, told)] = strategy.dropped
    assert name == "node 2"
    with pytest.raises(ValueError, match=reason):
        raise ValueError(told)
    assert result.train_metrics_clientapp[1]["dropped"] == 1


def test_too_few_usable_replies_end_the_run_and_are_told():
    nodes = {1: replying(without("0.bias")), 2: crash("OSError"), 3: replying(dict)}
    with pytest.raises(FedotError, match="1 of 3 clients") as told:
        start(own(), nodes, net().state_dict())
    for each in ("node 2: OSError", "node 1: its model lacks tensor 0.bias"):  # in the order that Flower drew
        assert each in str(told.value)


def test_flower_s_own_arguments_are_kept():
    strategy = own(min_available_nodes=3)
    with pytest.raises(FedotError, match="round 1: 2 clients are connected after 0 seconds, and 3 are needed"):
        start(strategy, {1: replying(dict), 2: replying(dict)}, net().state_dict())
    keys = {"arrayrecord_key": "weights", "configrecord_key": "c", "weighted_by_key": "n"}
    nodes = {k: replying(moved(0.1 * k), "weights", n=k) for k in (1, 2)}
    result, grid = start(own(**keys), nodes, net().state_dict())
    assert set(grid.sent[0].content) == {"weights", "c"}
    same(result.arrays, {name: tensor + 0.5 / 3 for name, tensor in net().state_dict().items()})
    half = own(fraction_train=0.5, min_train_nodes=1, min_available_nodes=4)
    _, grid = start(half, {k: replying(dict) for k in range(1, 5)}, net().state_dict(), rounds=2)
    assert len(grid.sent) == 4


def test_clients_evaluate_as_flower_has_them():
    def node(message):
        if message.metadata.message_type == "train":
            return replying(dict)(message)
        metrics = MetricRecord({"accuracy": 0.5, "num-examples": 4})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    result, _ = start(own(fraction_evaluate=1.0), {1: node, 2: node}, net().state_dict())
    assert result.evaluate_metrics_clientapp[1] == {"accuracy": 0.5}


def test_types_and_numbers_that_are_no_floats_go_along():
    state = {"steps": torch.tensor(7), **{name: tensor.half() for name, tensor in net().state_dict().items()}}
    nodes = {k: replying(lambda sent: {**sent, "2.bias": sent["2.bias"] + 1}) for k in (1, 2)}
    result, _ = start(own(), nodes, state)
    same(result.arrays, {**state, "2.bias": state["2.bias"] + 1})


@pytest.mark.parametrize(
    ("state", "told"),
    [(without("0.bias"), r"it lacks 0\.bias"), (broken("0.bias", torch.zeros(9)), r"0\.bias has shape \(9,\)")],
)
def test_initial_arrays_that_the_spec_does_not_describe_are_refused_before_anybody_trains(state, told):
    with pytest.raises(FedotError, match=f"initial arrays are no model that the spec describes: .*{told}"):
        start(own(), {1: silence, 2: silence}, state(net().state_dict()))


class Reader(nn.Module):
    """A text classifier with what makes canonical forms: a tied and normed stream, attention, a scaled embedding."""

    def __init__(self, seed=0):
        torch.manual_seed(seed)
        super().__init__()
        self.words = nn.Embedding(11, 8)
        self.ln = nn.LayerNorm(8)
        self.q, self.k, self.v, self.o = (nn.Linear(8, 8) for _ in range(4))
        self.norm = nn.LayerNorm(8)
        self.up, self.down = nn.Linear(8, 12), nn.Linear(12, 8)
        self.last = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, ids):
        x = self.words(ids) * 2.0
        y = self.ln(x)
        q, k, v = (each(y).unflatten(-1, (2, 4)).transpose(1, 2) for each in (self.q, self.k, self.v))
        x = x + self.o(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = x + self.down(torch.relu(self.up(self.norm(x))))
        return self.head(self.last(x).mean(1))


def reader_spec(kept=True):
    spec = SpecBuilder()
    for name, size, kind, within in (
        ("vocab", 11, "labels", None),
        ("class", 3, "labels", None),
        ("stream", 8, "orthogonal", None),
        ("heads", 2, "permutation", None),
        ("qk", 4, "linear", "heads"),
        ("vo", 4, "linear", "heads"),
        ("ffn", 12, "permutation", None),
    ):
        spec.group(name, size, kind, within)
    spec.embedding("words", reads="vocab", writes="stream", scale=2.0)
    spec.norm("ln", "layer", feeds=["q", "k", "v"], kept=kept)
    spec.linear("q", reads="stream", writes="heads qk")
    spec.linear("k", reads="stream", writes="heads qk", dual=True)
    spec.linear("v", reads="stream", writes="heads vo")
    spec.linear("o", reads="heads vo", writes="stream")
    spec.attention("q", "k", "v", "o")
    spec.norm("norm", "layer", feeds=["up"], kept=kept)
    spec.linear("up", reads="stream", writes="ffn")
    spec.linear("down", reads="ffn", writes="stream")
    spec.norm("last", "layer", feeds=["head"], kept=kept)
    spec.linear("head", reads="stream", writes="class")
    return spec.build()


IDS = torch.randint(1, 11, (6, 5), generator=torch.Generator().manual_seed(0))


def test_a_transformer_of_one_s_own_comes_back_into_its_class_and_is_the_same_function():
    model = Reader()
    result, _ = start(own(spec=reader_spec()), {1: replying(dict), 2: replying(dict)}, model.state_dict(), rounds=2)
    again = Reader(1)
    again.load_state_dict(result.arrays.to_torch_state_dict())
    torch.testing.assert_close(again(IDS), model(IDS), atol=1e-5, rtol=1e-4)
    assert list(result.arrays) == list(model.state_dict())


def test_token_counts_say_whose_row_of_a_table_counts():
    spec = SpecBuilder()
    spec.group("vocab", 4, "labels")
    spec.group("hidden", 3, "permutation")
    spec.group("class", 2, "labels")
    spec.embedding("words", reads="vocab", writes="hidden")
    spec.linear("head", reads="hidden", writes="class", bias=False)
    draw = torch.Generator().manual_seed(0)
    state = {"words.weight": torch.randn(4, 3, generator=draw), "head.weight": torch.randn(2, 3, generator=draw)}

    def plus(by):
        return lambda sent: {**sent, "words.weight": sent["words.weight"] + by}

    counted = {
        1: replying(plus(0.1), **{"token-counts": [0, 5, 0, 3]}),
        2: replying(plus(0.3), **{"token-counts": [0, 0, 5, 1]}),
    }
    for nodes, steps in (
        (counted, [0.2, 0.1, 0.3, 0.15]),
        ({1: replying(plus(0.1)), 2: counted[2]}, [0.2] * 4),  # one has not told, so that all rows count alike
    ):
        result, _ = start(own(spec=spec.build()), nodes, state)
        words = state["words.weight"] + torch.tensor(steps)[:, None]
        same(result.arrays, {**state, "words.weight": words})


def test_class_counts_set_the_shares_of_classes_where_there_is_a_module_to_run():
    model = Reader()
    told = {"token-counts": [0, *range(1, 11)], "class-counts": [8, 1, 1]}
    nodes = {k: replying(dict, **told) for k in (1, 2)}
    plain, _ = start(own(spec=reader_spec()), nodes, model.state_dict())
    result, _ = start(own(spec=reader_spec(), model=model), nodes, model.state_dict())
    before, after = (each.arrays.to_torch_state_dict()["head.bias"] for each in (plain, result))
    assert after[0] - before[0] > 0.1
    off = own(spec=reader_spec(), model=model, fusion=FusionConfig(class_shares=False))
    result, _ = start(off, nodes, model.state_dict())
    same(result.arrays, plain.arrays.to_torch_state_dict())


def sinusoidal():
    spec = SpecBuilder()
    spec.group("position", 4, "labels")
    spec.group("stream", 4, "orthogonal")
    spec.embedding("places", reads="position", writes="stream", sinusoidal=True)
    return spec.build()


def tied():
    spec = SpecBuilder()
    spec.group("vocab", 4, "labels")
    spec.group("stream", 4, "orthogonal")
    spec.embedding("words", reads="vocab", writes="stream")
    spec.norm("norm", "rms", feeds=["out"])
    spec.linear("out", reads="stream", writes="vocab", bias=False)
    spec.tie("out.weight", "words.weight")
    return spec.build()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (lambda: reader_spec(kept=False), "LayerNorm ln would be folded away.*kept=True"),
        (tied, r"out\.weight is tied to words\.weight.*untie"),
        (sinusoidal, r"computes places\.weight by itself"),
    ],
)
def test_what_the_clients_module_could_not_hold_is_refused_at_once(spec, told):
    with pytest.raises(FedotError, match=told):
        OTFusion(spec=spec())
