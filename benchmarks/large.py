"""Seconds and memory of fusing two models of the shape of BERT-base, from disk to disk.

`python -m benchmarks.large` makes two models with random weights, as files of fedot's own and as folders of
transformers' BERT, and fuses each pair in a process of its own. Memory is the largest resident set of that process
minus what it was when the libraries were loaded. It is read from /proc (Linux), since `getrusage` hands on the peak
of the process that started this one, and would make the difference too small.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from fedot.models import build_model, config_to_json, model_config, state_of

SHAPE: dict[str, object] = {"d_model": 768, "n_layer": 12, "n_head": 12, "d_ff": 3072, "max_length": 512}
VOCABULARY = 30522
MEASURED = """
import json, sys, tempfile, time
from pathlib import Path
import ot, scipy.optimize, torch
import fedot.hf
from benchmarks.memory import peak
from fedot.fusion import FusionConfig
from fedot.from_disk.jobs import make_job, run
from fedot.from_disk.sources import open_source
torch.set_num_threads(int(sys.argv[4]))
before, start, used = peak(), time.perf_counter(), time.process_time()
with tempfile.TemporaryDirectory() as scratch:
    sources = [open_source(Path(each), Path(scratch)) for each in sys.argv[1:3]]
    run(make_job(sources, FusionConfig(method="aligned")), Path(sys.argv[3]))
print(json.dumps([time.perf_counter() - start, time.process_time() - used, peak() - before]))
"""


def make_file(path: Path, seed: int) -> Path:
    """Write fedot's encoder, pre-norm with LayerNorm."""
    config = model_config({"name": "encoder", "norm": "layer", **SHAPE}, VOCABULARY, 2)
    save_file(state_of(build_model(config, seed)), path, metadata={"config": config_to_json(config)})
    return path


def make_folder(path: Path, seed: int) -> Path:
    """Write transformers' BERT with a classifier."""
    import transformers

    torch.manual_seed(seed)
    transformers.BertForSequenceClassification(transformers.BertConfig()).save_pretrained(path)
    return path


def size(path: Path) -> int:
    """Bytes of a model on disk."""
    return (path / "model.safetensors" if path.is_dir() else path).stat().st_size


def main() -> None:
    """Print the table."""
    threads = sys.argv[1] if len(sys.argv) > 1 else "2"
    print("| models | threads | seconds | processor seconds | memory, MiB | / one model |\n|---|---|---|---|---|---|")
    for title, make in (("fedot encoder", make_file), ("transformers BERT", make_folder)):
        with tempfile.TemporaryDirectory() as name:
            pair = [make(Path(name) / f"{seed}.safetensors", seed) for seed in (0, 1)]
            command = [sys.executable, "-c", MEASURED, *map(str, pair), str(Path(name) / "out.safetensors"), threads]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            wall, cpu, memory = json.loads(done.stdout.splitlines()[-1])
            ratio = memory / size(pair[0])
            print(f"| {title} | {threads} | {wall:.1f} | {cpu:.1f} | {memory / 2**20:.0f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
