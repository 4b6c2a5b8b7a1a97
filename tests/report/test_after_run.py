"""The app writes numbers and models; a command draws."""

import json
import subprocess
import sys

import pytest

from fedot.errors import FedotError
from fedot.report import write_results
from fedot.report.after_run import report_at_the_end


@pytest.mark.usefixtures("undrawn")
def test_what_the_run_wrote_is_drawn_when_it_is_over(results, tmp_path):
    with report_at_the_end(tmp_path):
        write_results(results, tmp_path)
        assert not (tmp_path / "report.html").exists()
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("end", [KeyboardInterrupt, FedotError("no reply"), SystemExit(3)])
@pytest.mark.usefixtures("undrawn")
def test_what_was_written_before_it_ended_early_is_drawn(results, tmp_path, end):
    results["provenance"]["complete"] = False
    with pytest.raises(BaseException) as raised, report_at_the_end(tmp_path):  # noqa: PT011, PT012
        write_results(results, tmp_path)
        raise end
    assert raised.type in (end, type(end))
    assert "This run is incomplete." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_it_did_not_write_is_not_drawn(results, tmp_path):
    with report_at_the_end(tmp_path / "missing"):
        pass
    write_results(results, tmp_path)
    with report_at_the_end(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.usefixtures("undrawn")
def test_an_error_in_drawing_hides_nothing(results, tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(FedotError, match="no reply"), report_at_the_end(tmp_path):  # noqa: PT012
        write_results(results, tmp_path)
        raise FedotError("no reply")
    with pytest.raises(FedotError, match="cannot be written"), report_at_the_end(tmp_path):
        write_results(results, tmp_path)


RUN = """
import sys, warnings
warnings.simplefilter("ignore")
from flwr.app import Context, RecordDict
from fedot.federation.engines.inprocess import InProcessGrid
from server.app import app
config = {"scenario": "tiny.yaml", "out-dir": "out", "pooled": True, "device": "cpu"}
nodes = [{"partition-id": k, "num-partitions": 2} for k in range(2)]
with InProcessGrid(nodes, config, 0) as grid:
    app(grid, Context(1, 1, {}, RecordDict(), dict(config)))
print([name for name in sys.modules if name.startswith(("fedot.report", "matplotlib"))])
"""
TINY = """name: tiny
clients:
  - {dataset: xed, lang: en, examples: 60, test_examples: 20}
  - {dataset: xed, lang: fi, examples: 60, test_examples: 20}
tokenizer: {vocab_size: 120}
model: {name: encoder, d_model: 8, n_layer: 1, n_head: 2, d_ff: 16, max_length: 12}
train: {epochs: 1, batch_size: 32}
strategies: [fedavg, ot-fusion]
references: []
seeds: [0]
data: {source: stand-in}
"""


def test_the_app_writes_numbers_and_models_and_loads_nothing_that_draws(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize(
    "code", ["import fedot.report", "import fedot.commands.simulate, fedot.status, fedot.deploy.__main__"]
)
def test_what_does_not_draw_does_not_load_matplotlib(code):
    tables = "from fedot.report import load_results, summary_table, summary_markdown, write_csv, write_latex"
    check = f"import sys; {code}; {tables}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], timeout=60, check=False).returncode == 0
