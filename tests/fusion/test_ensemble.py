"""The gated ensemble: who is heard on which text, and what it says."""

import torch

from fedot.fusion.problem import ensemble
from fedot.fusion.problem.ensemble import gated_ensemble, posterior
from fedot.fusion.problem.prepare import prepare
from fedot.models import load_model
from tests.fusion.small import VOCAB, make


def test_a_text_is_told_to_come_from_where_its_words_do():
    seen = torch.zeros(2, 10, dtype=torch.float64)
    seen[0, 1:5], seen[1, 5:] = 100.0, 100.0
    gate = posterior(torch.tensor([[1, 2, 3, 0], [6, 7, 8, 9], [1, 6, 0, 0]]), seen)
    torch.testing.assert_close(gate.sum(1), torch.ones(3, dtype=torch.float64))
    assert gate[0, 0] > 0.99
    assert gate[1, 1] > 0.99
    assert 0.2 < gate[2, 0] < 0.8


def test_it_is_the_mean_of_log_probabilities_weighed_by_who_is_likely_to_know_the_text():
    seen = torch.rand(3, VOCAB, generator=torch.Generator().manual_seed(0)).double()
    weights = [1.0, 2.0, 0.0]
    problem = prepare([make(k) for k in range(3)], weights=weights, token_counts=list(seen))
    ids = torch.tensor([[1, 2, 3, 0], [6, 7, 8, 9]])
    gate = posterior(ids, seen[:2]) * torch.tensor([1.0, 2.0])
    gate /= gate.sum(1, keepdim=True)
    each = [load_model(*reversed(make(k)))(ids).log_softmax(-1).double() for k in range(2)]
    wanted = sum(share[:, None] * own for share, own in zip(gate.T, each, strict=True))
    torch.testing.assert_close(gated_ensemble(problem)(ids).double(), wanted, atol=1e-5, rtol=0)


def test_a_model_is_run_only_on_texts_that_may_be_its_own(monkeypatch):
    seen = torch.full((2, VOCAB), 1e-3, dtype=torch.float64)
    seen[0, 1:10], seen[1, 10:] = 1000.0, 1000.0
    ids = torch.tensor([[1, 2, 3, 4], [11, 12, 13, 14], [12, 15, 16, 0], [1, 11, 0, 0]])
    rows = []

    def counted(*arguments):
        module = load_model(*arguments)
        module.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
        return module

    problem = prepare([make(0), make(1)], token_counts=list(seen), build=counted)
    given = gated_ensemble(problem)(ids)
    assert rows == [2, 3]
    monkeypatch.setattr(ensemble, "NEGLIGIBLE", -1.0)
    torch.testing.assert_close(given, gated_ensemble(problem)(ids), atol=1e-5, rtol=0)
    assert rows[2:] == [4, 4]


def test_a_text_of_one_model_alone_is_left_to_it():
    seen = torch.full((2, VOCAB), 1e-3, dtype=torch.float64)
    seen[0, 1:10], seen[1, 10:] = 1000.0, 1000.0
    state, config = make(0)
    problem = prepare([(state, config), make(1)], token_counts=list(seen))
    ids = torch.tensor([[1, 2, 3, 4]])
    own = load_model(config, state)(ids).log_softmax(-1)
    torch.testing.assert_close(gated_ensemble(problem)(ids).double(), own, atol=1e-4, rtol=0)
