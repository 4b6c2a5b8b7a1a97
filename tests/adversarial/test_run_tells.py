"""A whole run on Chinese files of two clients that code their classes differently, printed in ASCII."""

import json
import os
import subprocess
import sys

import numpy as np

SCENARIO = """
name: x
clients:
  - {dataset: files, name: north, train: a.csv, test: t.csv, text: text, label: label,
     labels: [neg, pos], label_map: {0: neg, 1: pos}}
  - {dataset: files, name: south, train: b.tsv, test: u.tsv, text: text, label: label, labels: [neg, pos]}
tokenizer: {vocab_size: 300}
model: {d_model: 16, n_layer: 1, n_head: 2, d_ff: 32, max_length: 12}
train: {epochs: 3, batch_size: 16, lr: 5.0e-3}
strategies: [fedavg]
references: [parents]
seeds: [0]
"""


def rows(count, seed):
    generator = np.random.default_rng(seed)
    words = [["难看", "无聊", "糟糕"], ["好看", "有趣", "感人"]]
    days = ["".join(generator.choice(list("一二三四五六七八九"), 3)) for _ in range(count)]
    return [(f"第{day}次看电影{generator.choice(words[i % 2])}", i % 2) for i, day in enumerate(days)]


def test_a_run_on_scripts_without_spaces_learns_and_tells_what_was_cut(tmp_path):
    (tmp_path / "s.yaml").write_text(SCENARIO)
    for name, count in (("a.csv", 120), ("t.csv", 40)):
        lines = [f"{text},{label}" for text, label in rows(count, count)]
        (tmp_path / name).write_text("\n".join(["text,label", *lines, ""]), encoding="utf-8")
    for name, count in (("b.tsv", 120), ("u.tsv", 40)):
        lines = [f"{text}\t{['neg', 'pos'][label]}" for text, label in rows(count, count + 1)]
        (tmp_path / name).write_text("\n".join(["text\tlabel", *lines]), encoding="utf-8")
    with (tmp_path / "t.csv").open("a", encoding="utf-8") as file:
        file.write("很" * 13 + ",1\n")
    command = [sys.executable, "-m", "fedot.simulate", "s.yaml", "--out", "out", "--no-cache", "--workers", "0"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, timeout=170)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert results["provenance"]["command"].startswith("python -m fedot.simulate s.yaml --out out ")
    accuracy = {(row["strategy"], row["split"]): row["metrics"]["accuracy"] for row in results["rows"]}
    assert accuracy["parent:north", "all"] > 0.9
    assert results["provenance"]["data"]["south"]["labels"] == ["neg", "pos"]
    assert all(row["unknown"] < 0.1 for row in results["training"])
    notices = results["provenance"]["notices"]
    assert any(line.startswith("north: 1 of 41 test texts are longer than the 12 tokens") for line in notices)
