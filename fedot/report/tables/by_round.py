"""The headline metric after every round, as Markdown."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fedot.errors import FedotError
from fedot.report.analysis.entries import DASH, Entry, marked
from fedot.report.analysis.indexed_run import Run
from fedot.report.analysis.standing import MARK
from fedot.report.analysis.statistics import Scores, paired_difference
from fedot.report.analysis.titles import base_names, kind_of, label_of
from fedot.report.tables.differences import NAMES, comparable, compared, headline_of
from fedot.report.tables.summary import markdown_notes, markdown_row
from fedot.text.outside import printable


def rounds_markdown(results: Mapping[str, Any], split: str) -> str:
    """Write one line a strategy and one column a round: mean over seeds ± half the 95 % interval (Student t).

    Parameters
    ----------
    split
        ``all`` or the name of a client.

    Raises
    ------
    FedotError
        If the run has no such client.
    """
    metric = headline_of(Scores.of_results(results))

    def figure(scores: Scores, entry: Entry) -> str:
        return marked(metric.estimate(scores.estimate(entry.members, split, metric.key)), scores, entry, split, metric)

    return _table(results, split, "", figure)


def round_differences_markdown(results: Mapping[str, Any], split: str, strategy: str) -> str:
    """Write the same of the differences to one strategy, paired by seed; to a reference, which has one round, always.

    Parameters
    ----------
    split
        ``all`` or the name of a client.
    strategy
        What `paired_markdown` takes.

    Raises
    ------
    FedotError
        If the run has no such client or strategy.
    """
    whole = Scores.of_results(results)
    metric = headline_of(whole)
    theirs = compared(whole, metric, strategy, split)
    rounds = {row["round"] for row in results["rows"] if row["strategy"] == strategy}
    once = strategy in NAMES or (kind_of(strategy, base_names(results)) == "reference" and len(rounds) == 1)

    def difference(scores: Scores, entry: Entry) -> str:
        if entry.members == (strategy,):
            return DASH
        ours = comparable(scores, metric, strategy, entry.members, split)
        found = paired_difference(ours, theirs if once else scores.comparable(strategy, split, metric.key))
        text = metric.estimate(found, signed=True)
        return f"{text}{MARK}" if found and found.n < len(whole.seeds) else text

    return _table(results, split, f" over {NAMES.get(strategy, label_of(strategy, results))}", difference)


def _table(results: Mapping[str, Any], split: str, over: str, figure: Callable[[Scores, Entry], str]) -> str:
    run = Run.of(results)
    whole, metric = run.scores, headline_of(run.scores)
    if split not in whole.splits:
        raise FedotError(f"no client is called {printable(split)}; choose from {printable(', '.join(whole.splits))}")
    by_round = {
        number: replace(Scores.of(row for row in results["rows"] if row["round"] == number), seeds=whole.seeds)
        for number in sorted({row["round"] for row in results["rows"]})
    }
    where = "over all clients" if split == "all" else f"on {split}"
    lines = [
        markdown_row([f"{metric.label}{over} {where}", *(f"round {number}" for number in by_round)]),
        markdown_row([":---", *["---:"] * len(by_round)], plain=True),
    ]
    notes: dict[str, None] = {}
    for entry in run.measured:
        if len(entry.members) == 1:
            lines.append(markdown_row([entry.label, *(figure(scores, entry) for scores in by_round.values())]))
            said = whole.missing(entry.members, split, metric.key)
            told = {number: scores.missing(entry.members, split, metric.key) for number, scores in by_round.items()}
            each = [f"round {n}: {text}" for n, text in told.items() if text and (not said or "without" in text)]
            if said or each:
                notes[f"{MARK} {entry.label}: {'; '.join(filter(None, [said, *each]))}."] = None
    return "\n".join([*lines, *markdown_notes(list(notes))]) + "\n"
