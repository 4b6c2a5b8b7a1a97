"""Models of clients with vocabularies of their own, scored where all data are in one place: in a simulation.

In a federation no client may be sent another's tokens, so nobody could run them all. Here the server process reads the
rows that each client reads, and nothing goes over the wire.
"""

from collections.abc import Iterable

from fedot.data import load_client
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.experiment.settings import Plan
from fedot.tasks import TASKS, AnyTally, Examples
from fedot.tasks.task import EvaluationRows
from fedot.text.readable import cut_notice
from fedot.tokenizer import read_tokenizer
from fedot.wire.evaluations import sum_tallies
from fedot.wire.messages import ClientDescription, ClientUpdate


def pooled_tallies(
    plan: Plan, seed: int, clients: Iterable[ClientDescription], request: EvaluationRequest
) -> tuple[dict[str, AnyTally], ...]:
    """Evaluate on every client's test split; for each item the tallies by client and, added up, by ``all``.

    Parameters
    ----------
    request
        With the tokenizer of every model, none left out.
    """
    answers = {client.client: _at(plan, seed, client.partition_id, request) for client in clients}
    return tuple(
        {"all": sum_tallies(tallies), **dict(zip(answers, tallies, strict=True))}
        for tallies in zip(*answers.values(), strict=True)
    )


def tests_cut(plan: Plan, seed: int, parents: Iterable[ClientUpdate], shared: str) -> list[str]:
    """One line for each client of whose test texts some are longer than its model reads.

    Parameters
    ----------
    shared
        The tokenizer of clients that have none of their own.
    """
    task, lines = TASKS[plan.scenario.task], []
    for parent in parents:
        data = load_client(plan.scenario, parent.partition_id, seed, plan.data_dir)
        length = parent.config.max_length
        tests = task.encode([data.test], read_tokenizer(parent.tokenizer or shared), length)
        if tests.truncated:
            lines.append(cut_notice(parent.client, tests.truncated, tests.num_texts, length))
    return lines


def _at(plan: Plan, seed: int, partition_id: int, request: EvaluationRequest) -> list[AnyTally]:
    data, task = load_client(plan.scenario, partition_id, seed, plan.data_dir), TASKS[plan.scenario.task]
    tokenizers = [read_tokenizer(text) for text in request.tokenizers]

    def read(split: str) -> list[Examples]:
        return [
            task.encode([getattr(data, split)], tokenizer, config.max_length)
            for tokenizer, config in zip(tokenizers, request.configs, strict=True)
        ]

    decoding = plan.scenario.decoding
    rows = EvaluationRows(read, tokenizers, data.test, decoding.beam, decoding.length_penalty, plan.device)
    return list(task.evaluate(request, rows))
