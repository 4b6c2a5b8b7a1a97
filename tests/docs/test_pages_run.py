"""Every bash and python block of the start page and the tutorials runs, and prints what the page says.

Blocks of one page are one bash script, in a folder of its own, as a reader would type them in one terminal. A `text`
block that follows is what has to be printed; `...` stands for anything. What needs the network or Docker is a `console`
block.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fedot.federation.engines.flower_cli import free_port

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [DOCS / "start.md", *sorted((DOCS / "tutorials").glob("*.md"))]
MARK = "-- block {} of this page --"
NEEDS = {"checkpoints.md": "transformers", "fine_tune.md": "peft"}
SLOW = {"several_hosts.md"}  # whose federation the default tests bring up in another way (tests/e2e)
PORTS = ("8000", "8001", "8002")


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and content."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def script(text: str) -> str:
    """The blocks that run, each after a line that says which it is."""
    parts = ["set -euo pipefail"]
    for number, (language, body) in enumerate(blocks(text)):
        parts.append(f"echo '{MARK.format(number)}'")
        if language == "bash":
            parts.append(body)
        elif language == "python":
            parts.append(f"python - <<'END_OF_BLOCK'\n{body}END_OF_BLOCK")
    return "\n".join(parts)


def with_free_ports(text: str) -> str:
    """Another port for each that a page has, since several tests may run on one machine."""
    for port in PORTS:
        text = re.sub(rf"\b{port}\b", str(free_port()), text)
    return text


def said(output: str, number: int) -> str:
    """What the block of a number has printed."""
    _, _, rest = output.partition(MARK.format(number) + "\n")
    return rest.split("-- block ")[0]


def shows(got: str, wanted: str) -> bool:
    """Whether an output has what is wanted in it, whatever stands for `...` and however wide spaces are."""
    pieces = [r"\s+".join(map(re.escape, piece.split())) for piece in wanted.split("...")]
    return re.search(".*".join(pieces), got, re.S) is not None


def prepare(folder: Path) -> dict[str, str]:
    """A folder with the scenarios, and an environment in which `fedot` and `python` are those of this tree."""
    (folder / "scenarios").symlink_to(ROOT / "scenarios")
    programs = folder / ".programs"
    programs.mkdir()
    for name, command in (("python", ""), ("fedot", "-W ignore::FutureWarning -m fedot")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {command} "$@"\n')
        (programs / name).chmod(0o755)
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / ".cache"),
        "FLWR_HOME": str(folder / ".flwr"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page.name in SLOW else []) for page in PAGES],
    ids=[page.stem for page in PAGES],
)
def test_blocks_run_and_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    if page.name in NEEDS:
        pytest.importorskip(NEEDS[page.name])
    text = page.read_text(encoding="utf-8")
    if "127.0.0.2" in text and sys.platform != "linux":
        pytest.skip("loopback addresses are Linux's")
    text = with_free_ports(text)
    log = tmp_path / ".output"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["bash", "-c", script(text)],
            cwd=tmp_path,
            env=prepare(tmp_path),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(800)
        finally:
            end_group(process.pid)
    printed = log.read_text(encoding="utf-8", errors="replace")
    logs = "".join(path.read_text(errors="replace")[-1500:] for path in tmp_path.glob("*.log"))
    assert code == 0, printed[-4000:] + logs
    found = blocks(text)
    for number, (language, wanted) in enumerate(found):
        if language == "text" and found[number - 1][0] in ("bash", "python"):
            got = said(printed, number - 1)
            assert shows(got, wanted), f"wanted:\n{wanted}\ngot:\n{got}"


def end_group(group: int) -> None:
    """End what a page has left running."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return


def test_pages_have_blocks_that_run() -> None:
    for page in PAGES:
        languages = [language for language, _ in blocks(page.read_text(encoding="utf-8"))]
        assert {"bash", "python"} <= set(languages), page.name
        assert not set(languages) - {"bash", "python", "text", "console", "yaml"}, page.name


def test_an_output_is_held_against_the_page() -> None:
    assert shows("note: x\na\t0.98\tThe film.\nb 0.9  Film.\n", "a...The film.\nb...Film.\n")
    assert not shows("b 0.98 The film.", "a...The film.\n")
    page = "```bash\necho one\n```\n\n```text\none\n```\n\n```python\nprint(2)\n```\n"
    done = subprocess.run(["bash", "-c", script(page)], capture_output=True, text=True, check=True)
    assert (said(done.stdout, 0), said(done.stdout, 2)) == ("one\n", "2\n")
