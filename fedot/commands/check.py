"""``fedot check SCENARIO``: read the data of a scenario and say what they are, without training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedot.errors import FedotError
from fedot.terminal.command import command
from fedot.text.outside import printable

if TYPE_CHECKING:  # imported late, so that --help is quick
    from rich.table import Table

    from fedot.run.data_summary import ClientSummary

MOST_CLASSES = 20
"""So many classes of a client are listed, the most frequent first."""

READS = ("task", "clients", "tokenizer", "model", "data", "seeds", "train")
"""Keys that decide what is found: variants that agree in them are looked at once."""


def check(
    scenario: Annotated[Path, typer.Argument(help="A scenario file, or the name of one that comes with fedot.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of data sets, and of files.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change one key, for example model.max_length=64.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Check this edition, where the scenario has several.")] = "",
    variant: Annotated[str, typer.Option(help="Check this variant only, where the scenario has several.")] = "",
) -> None:
    """Read the data of SCENARIO and say what they are: rows, classes, lengths, unknown and cut tokens, overlaps."""
    from rich.console import Console

    with command("error: "):
        from fedot.run.data_summary import summarise
        from fedot.run.scenario_mistakes import check_settings, load_all
        from fedot.scenario.shipped import find_scenario
        from fedot.scenario.yaml_file import runs_of

        if data_dir is not None and not data_dir.is_dir():
            raise FedotError(f"--data-dir {data_dir} is no folder")
        console, seen = Console(), dict[str, str]()
        scenario = find_scenario(scenario)
        runs = runs_of(scenario, profile, variant, set_ or [])
        every = load_all(scenario, [run.overrides for run in runs], data_dir)
        check_settings(scenario, [(one, run.overrides) for one, run in zip(every, runs, strict=True)], data_dir)
        for run, loaded in zip(runs, every, strict=True):
            key = loaded.model_dump_json(include=set(READS))
            if key in seen:
                console.print(f"{run.title}: the same data as {seen[key]}", markup=False, highlight=False)
                continue
            seen[key] = run.title
            summary = summarise(loaded, data_dir)
            console.print(_rows(run.title, summary.clients))
            console.print(_texts(summary.clients))
            if any(client.classes for client in summary.clients):
                console.print(_classes(summary.clients))
            for line in (*_remarks(summary.clients), *summary.notices):
                console.print(f"note: {printable(line, 1000)}", highlight=False, markup=False)
        console.print(f"nothing stands in the way of: fedot simulate {scenario}", markup=False, soft_wrap=True)


def _table(title: str, *columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    return table


def _rows(title: str, clients: Sequence["ClientSummary"]) -> "Table":
    table = _table(f"{printable(title)}: rows", "client", "data", "training", "validation", "test")
    for each in clients:
        counts = (f"{count:,}" for count in (each.train, each.validation, each.test))
        table.add_row(printable(each.name), each.source, *counts)
    return table


def _texts(clients: Sequence["ClientSummary"]) -> "Table":
    columns = ("client", "median", "95 %", "unknown", "cut", "in own\ntraining", "in others'\ntraining")
    table = _table("texts: tokens, and test texts that are in training, too", *columns)
    for each in clients:
        cut = f"{each.cut:,} > {each.max_length}" if each.cut else "0"
        shared = (f"{count:,}" for count in (each.in_own, each.in_others))
        table.add_row(printable(each.name), str(each.median), str(each.long), f"{each.unknown:.1%}", cut, *shared)
    return table


def _classes(clients: Sequence["ClientSummary"]) -> "Table":
    table = _table("classes: rows", "client", "class", "training", "test")
    table.columns[1].justify = "left"
    for each in clients:
        ordered = sorted(each.classes.items(), key=lambda item: -sum(item[1]))
        shown = dict(ordered[:MOST_CLASSES])
        listed = [(name, counts) for name, counts in each.classes.items() if name in shown]
        for place, (name, (train, test)) in enumerate(listed):
            table.add_row("" if place else printable(each.name), printable(name), f"{train:,}", f"{test:,}")
        if rest := ordered[MOST_CLASSES:]:
            train, test = (sum(counts[split] for _, counts in rest) for split in (0, 1))
            table.add_row("", f"{len(rest)} more", f"{train:,}", f"{test:,}")
    return table


def _remarks(clients: Sequence["ClientSummary"]) -> Iterator[str]:
    """What the reader should not overlook."""
    from fedot.text.readable import ALARM, unknown_notice

    for each in clients:
        yield from (f"{each.name}: {notice}" for notice in each.notices)
        if each.unknown > ALARM:
            yield unknown_notice(each.name, each.unknown)
        if each.cut > ALARM * each.texts:
            yield (
                f"{each.name}: {each.cut:,} of {each.texts:,} texts are longer than the {each.max_length} tokens that "
                "the model reads, and are cut there (model: {max_length: ...})"
            )
