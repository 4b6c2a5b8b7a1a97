"""The pages of `docs/results/`, made of `results/` alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.results.figure import digest, figure
from benchmarks.results.placeholders import Files, fill
from benchmarks.results.store import KINDS, read_study
from benchmarks.results.studies import STUDIES, Study
from benchmarks.results.summary import COLUMNS, figures_of
from fedot.errors import FedotError
from fedot.report.tables.summary import markdown_row

ROOT = Path(__file__).parent.parent.parent
RESULTS, PAGES = ROOT / "results", ROOT / "docs" / "results"
FIGURE = "summary.svg"
MOST_LINES, LONGEST = 15, 200
TOLD = (
    "Mean ± half the 95 % interval over seeds (Student t). Clients start from initialisations of their own and send "
    "their weights once, unless the study says otherwise. The best client is the best of each seed on all test texts."
)
KEPT = {
    "best": "Of each training the epoch of the lowest validation loss was kept.",
    "last": "Of each training the last epoch was kept.",
}
MADE = "<!-- Made by `python -m benchmarks.results pages` from {}; do not edit. -->"


def read_all(folder: Path) -> dict[str, Files]:
    """Read every study that has results, in the order of the summary page.

    Raises
    ------
    FedotError
        If a folder is of no study.
    """
    there = {path.name for path in folder.iterdir() if path.is_dir()}
    if strange := sorted(there - set(STUDIES)):
        raise FedotError(f"{folder / strange[0]} is of no study; add a line to benchmarks/results/studies.py")
    found = {name: read_study(folder / name) for name in STUDIES if name in there}
    return {name: files for name, files in found.items() if files}


def pages(folder: Path) -> dict[str, bytes]:
    """Make every page and the figure of the summary, by the file's name.

    Parameters
    ----------
    folder
        With a folder for each study, and `findings.md`.

    Raises
    ------
    FedotError
        If what is written by hand is too long, or names figures that are not there.
    """
    studies = read_all(folder)
    texts = {"index.md": _index(studies, folder)}
    texts |= {f"{name}.md": _page(name, files, studies, folder) for name, files in studies.items()}
    return {**{name: text.encode() for name, text in texts.items()}, FIGURE: figure(studies)}


def differing(folder: Path, made_before: Path) -> list[str]:
    """Name the pages that are not what the data say, that are missing, or that no study has.

    A figure is compared by the digest in it, since its bytes also depend on the version of matplotlib.
    """
    wanted = pages(folder)
    there = {path.name: path.read_bytes() for path in made_before.iterdir()} if made_before.is_dir() else {}
    told = digest(read_all(folder)).encode()
    same = {name for name, content in there.items() if wanted.get(name) == content}
    same |= {FIGURE} if told in there.get(FIGURE, b"") else set()
    return sorted((wanted.keys() | there.keys()) - same)


def _page(name: str, files: Files, studies: Mapping[str, Files], folder: Path) -> str:
    study = STUDIES[name]
    parts = [
        MADE.format(f"results/{name}/"),
        f"# {study.title}",
        *_question(files),
        f"    {study.command}",
        fill(_by_hand(folder / name / "discussion.md"), studies, name),
    ]
    for each, values in files.items():
        parts += [f"## {values['title']}"] if len(files) > 1 else []
        *told, plans = KINDS[values["kind"]].markdown(values, study)
        parts += [_stamp(name, each, values), *told]
        parts += [plans] if plans not in parts else []  # mostly the same in every file
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _question(files: Files) -> Iterator[str]:
    questions = [values.get("scenario", {}).get("question") for values in files.values()]
    yield from dict.fromkeys(f"*{question}*" for question in questions if question)


def _by_hand(path: Path) -> str:
    """Read what somebody wrote: at most fifteen lines."""
    if not path.exists():
        return ""
    text = path.read_text(encoding="utf-8").strip()
    lines = text.splitlines()
    if len(lines) > MOST_LINES or any(len(line) > LONGEST for line in lines):
        raise FedotError(f"{path} has {len(lines)} lines; at most {MOST_LINES} of {LONGEST} characters are wanted")
    return text


def _stamp(study: str, name: str, values: Mapping[str, Any]) -> str:
    stamp, provenance = values["stamp"], values.get("provenance", {})
    versions = ", ".join(f"{key} {provenance[key]}" for key in ("fedot", "torch", "flwr", "pot") if key in provenance)
    sizes = "; ".join(
        f"{client} {each['train']:,} training and {each['test']:,} test examples ({each['source']})"
        for client, each in list(provenance.get("data", {}).items())[:4]
    )
    seeds = {seed for record in values["rows"] for seed in record["seeds"]}
    told = f"{len(seeds)} seeds. Commit `{stamp['commit']}`, {stamp['date']}, `{stamp['command']}`. "
    told += f"{versions}. " if versions else ""
    told += f"{sizes}{' and so on' if len(provenance.get('data', {})) > 4 else ''}. " if sizes else ""
    if "scenario" in values:
        told += f"{KEPT[values['scenario']['train'].get('keep', 'best')]} "
    return f"{told}[Figures by seed](../../results/{study}/{name}.json)."


def _index(studies: Mapping[str, Files], folder: Path) -> str:
    lines = [
        markdown_row(["study", "metric", *COLUMNS, "seeds"]),
        markdown_row([":---", ":---", *["---:"] * (len(COLUMNS) + 1)], plain=True),
    ]
    for name, files in studies.items():
        for values in files.values():
            row = figures_of(values)
            title = f"[{STUDIES[name].title}]({name}.md){_also(values, files)}"
            cells = [f"{row.metric.label}{row.metric.unit.replace(' ', ', ')}", *row.cells(), str(row.seeds)]
            lines.append(markdown_row([title, *cells], plain=True))
    rest = [study for name, study in STUDIES.items() if name not in studies]
    parts = [
        MADE.format("results/"),
        "# Results",
        fill(_by_hand(folder / "summary.md"), studies),
        "\n".join(lines),
        TOLD,
        f"![Figures of the studies]({FIGURE})",
        "## Findings",
        fill(_by_hand(folder / "findings.md"), studies),
        "## Not collected yet",
        "[Tables of earlier versions](../results.md) have the figures of these studies:",
        "\n".join(_missing(study) for study in rest),
    ]
    return "\n\n".join(part.strip("\n") for part in (parts if rest else parts[:-3]) if part) + "\n"


def _also(values: Mapping[str, Any], files: Files) -> str:
    return f", {values['title']}" if len(files) > 1 else ""


def _missing(study: Study) -> str:
    return f"- {study.title}: `{study.command}`"
