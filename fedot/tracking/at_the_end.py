"""Which tools there are, whether they are installed, and writing for them when a run is over."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fedot.errors import FedotError

Write = Callable[[Mapping[str, Any], Path], str]

TOOLS = {
    "tensorboard": ("fedot.tracking.to_tensorboard", "write_tensorboard"),
    "mlflow": ("fedot.tracking.to_mlflow", "write_mlflow"),
}
"""The module and the function that write for each tool: results and output folder in, how to look at it out."""

NEEDED = {"tensorboard": ("tensorboard",), "mlflow": ("mlflow", "sqlalchemy", "alembic")}
"""What has to be installed for each: the extra of the same name."""


def check_tools(tools: Iterable[str]) -> None:
    """Refuse a tool that is not installed, before hours of training.

    Raises
    ------
    FedotError
        One line: what is missing, and how to install it.
    """
    for tool in tools:
        if tool not in TOOLS:
            raise FedotError(f"tracking: there is no tool {tool}; choose from {', '.join(TOOLS)}")
        needed = NEEDED[tool][:1] if tool == "mlflow" and os.environ.get("MLFLOW_TRACKING_URI") else NEEDED[tool]
        missing = [name for name in needed if find_spec(name) is None]
        if missing:
            raise FedotError(
                f"tracking: {tool} needs {', '.join(missing)}, not installed here; "
                f'run: pip install "fedot-fl[{tool}]", or leave {tool} out'
            )


@contextlib.contextmanager
def tracked_at_the_end(folder: Path, tools: Iterable[str], tell: Callable[[str], None]) -> Iterator[None]:
    """Write the ``results.json`` that the body leaves in a folder for some tools, however the body ends.

    A tool that cannot be written for ends no run: that is told, as is where to look where it went well.

    Parameters
    ----------
    tools
        Names in `TOOLS`; see `check_tools`.
    tell
        Called with one line for each tool.
    """
    from fedot.report.after_run import written_at

    file = folder / "results.json"
    before = written_at(file)
    try:
        yield
    finally:
        if written_at(file) not in (None, before):
            for tool in tools:
                tell(f"{tool}: {_write(tool, file)}")


def _write(tool: str, file: Path) -> str:
    from fedot.results import load_results

    module, name = TOOLS[tool]
    try:
        write: Write = getattr(import_module(module), name)
        return write(load_results(file), file.parent)
    except FedotError as error:
        return f"not written ({error}); the results themselves are in {file.parent}"
