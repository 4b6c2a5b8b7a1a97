"""Models of clients with vocabularies of their own, scored where all data are in one place: in a simulation.

In a federation no client may be sent another's tokens, so nobody could run them all. Here the server process reads the
rows that each client reads, and nothing goes over the wire.
"""

from collections.abc import Iterable

from fedot.data import Corpora, load_client
from fedot.data.join_classes import renumbered
from fedot.evaluation.request import EvaluationRequest
from fedot.federation.experiment.run_settings import RunSettings
from fedot.hf.checkpoint import tokenizer_in
from fedot.tasks import TASKS, AnyTally, Examples
from fedot.tasks.task import EvaluationRows
from fedot.text.readable import cut_notice
from fedot.training.client_checkpoint import model_folders
from fedot.wire.evaluations import sum_tallies
from fedot.wire.messages import ClientDescription, ClientUpdate


def pooled_tallies(
    run: RunSettings, seed: int, clients: Iterable[ClientDescription], request: EvaluationRequest
) -> tuple[dict[str, AnyTally], ...]:
    """Evaluate on every client's test split; for each item the tallies by client and, added up, by ``all``.

    Parameters
    ----------
    request
        With the tokenizer of every model, none left out.
    """
    corpora = Corpora()
    answers = {client.client: _at(run, seed, client, corpora, request) for client in clients}
    return tuple(
        {"all": sum_tallies(tallies), **dict(zip(answers, tallies, strict=True))}
        for tallies in zip(*answers.values(), strict=True)
    )


def tests_cut(run: RunSettings, seed: int, parents: Iterable[ClientUpdate], shared: str | None) -> list[str]:
    """One line for each client of whose test texts some are longer than its model reads.

    Parameters
    ----------
    shared
        The tokenizer of clients that have none of their own.
    """
    task, lines, corpora = TASKS[run.scenario.task], [], Corpora()
    folders = model_folders(run.scenario.base_dir)
    for parent in parents:
        data = load_client(run.scenario, parent.partition_id, seed, run.data_dir, corpora)
        length = parent.config.max_length
        tokenizer = tokenizer_in(parent.tokenizer or shared or "", folders, task.name)
        tests = task.encode([data.test], tokenizer, length)
        if tests.truncated:
            lines.append(cut_notice(parent.client, tests.truncated, tests.num_texts, length))
    return lines


def _at(
    run: RunSettings, seed: int, client: ClientDescription, corpora: Corpora, request: EvaluationRequest
) -> list[AnyTally]:
    task, data = TASKS[run.scenario.task], load_client(run.scenario, client.partition_id, seed, run.data_dir, corpora)
    if run.scenario.finds_classes(client.partition_id):
        data = renumbered(data, client.labels)
    folders = model_folders(run.scenario.base_dir)
    tokenizers = [tokenizer_in(text or "", folders, task.name) for text in request.tokenizers]

    def read(split: str) -> list[Examples]:
        return [
            task.encode([getattr(data, split)], tokenizer, config.max_length)
            for tokenizer, config in zip(tokenizers, request.configs, strict=True)
        ]

    decoding = run.scenario.decoding
    about = EvaluationRows(read, tokenizers, data.test, decoding.beam, decoding.length_penalty, run.device)
    return list(task.evaluate(request, about))
