"""Models of clients with vocabularies of their own, scored where all data are in one place: in a simulation.

In a federation no client may be sent another's tokens, so nobody could run them all. Here the server process reads the
rows that each client reads, and nothing goes over the wire.
"""

from collections.abc import Iterable

from fedot.data import Corpora, load_client
from fedot.federation.client.classify import tally_classes
from fedot.federation.client.translate import tally_item
from fedot.federation.experiment.run_settings import RunSettings
from fedot.tasks import examples_of
from fedot.text.readable import cut_notice
from fedot.tokenizer import read_tokenizer
from fedot.training import Labelled
from fedot.translation import Pairs
from fedot.wire.evaluations import AnyTally, EvaluationRequest, sum_tallies
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
    answers = {client.client: _at(run, seed, client.partition_id, corpora, request) for client in clients}
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
    lines, corpora = [], Corpora()
    for parent in parents:
        data = load_client(run.scenario, parent.partition_id, seed, run.data_dir, corpora)
        length = parent.config.max_length
        tests = examples_of([data.test], read_tokenizer(parent.tokenizer or shared or ""), length)
        if tests.truncated:
            total = len(tests) * (2 if isinstance(tests, Pairs) else 1)
            lines.append(cut_notice(parent.client, tests.truncated, total, length))
    return lines


def _at(run: RunSettings, seed: int, partition_id: int, corpora: Corpora, request: EvaluationRequest) -> list[AnyTally]:
    data = load_client(run.scenario, partition_id, seed, run.data_dir, corpora)
    tokenizers = [read_tokenizer(text or "") for text in request.tokenizers]

    def read(split: str) -> list[Labelled | Pairs]:
        rows = getattr(data, split)
        return [
            examples_of([rows], tokenizer, config.max_length)
            for tokenizer, config in zip(tokenizers, request.configs, strict=True)
        ]

    tests = read("test")
    pairs = [rows for rows in tests if isinstance(rows, Pairs)]
    if pairs:
        about = (request, pairs, tokenizers, list(data.test["target"]), run.scenario.decoding, run.device)
        return [tally_item(item, *about) for item in request.items]
    labelled, known = ([rows for rows in each if isinstance(rows, Labelled)] for each in (tests, read("validation")))
    return [*tally_classes(request, labelled, known, run.device)]
