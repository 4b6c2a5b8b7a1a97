"""The command line of a fusion: what it writes, and that the library still has its function."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.canonical.maps import apply_maps
from fedot.fusion.texts.probe import Probe
from fedot.models import canonical_config, config_from_json, load_model, symmetry
from fedot.tokenizer import train_tokenizer
from tests.fusion.disk import VOCAB, call, model, write
from tests.groups import random_symmetry


@pytest.fixture
def pair(tmp_path):
    return [write(tmp_path / f"{k}.safetensors", *model(k)) for k in (0, 1)]


def read(path):
    with safe_open(path, "pt") as file:
        return load_file(path), config_from_json(file.metadata()["config"]), file.metadata()


def test_writes_what_the_library_computes(pair, tmp_path):
    out = tmp_path / "out.safetensors"
    done = call(*pair, "-o", out, "--weights", "1,3", "--anchor", 1, "--method", "aligned", "--set", "token-power=1")
    assert done.exit_code == 0, done.output
    assert "residual" in done.output
    state, config, _ = read(out)
    options = FusionConfig(method="aligned", token_power=1)
    expected = fuse([model(0), model(1)], weights=[1, 3], anchor=1, config=options)
    assert config == expected.config
    assert set(state) == set(expected.state)
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected.state[name], rtol=1e-4, atol=1e-5)


def test_a_transformed_copy_gives_the_anchor(tmp_path):
    state, config = model(0)
    spec, plain = symmetry(canonical_config(config)), canonical_config(config)
    canonical = canonicalise(state, symmetry(config))
    copy = apply_maps(canonical, spec, random_symmetry(spec, 1))
    files = [write(tmp_path / f"{k}.safetensors", s, plain, torch.float64) for k, s in enumerate((canonical, copy))]
    assert call(*files, "-o", tmp_path / "out.safetensors").exit_code == 0
    fused, fused_config, _ = read(tmp_path / "out.safetensors")
    ids = torch.randint(1, VOCAB, (5, 9), generator=torch.Generator().manual_seed(0))
    logits = [load_model(fused_config, s)(ids) for s in (fused, canonical)]
    torch.testing.assert_close(*logits, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", ["vanilla", "auto"])
def test_other_methods(pair, tmp_path, method):
    counts = tmp_path / "counts.json"
    counts.write_text(str([0] + [3] * (VOCAB - 1)))
    out = tmp_path / "out.safetensors"
    done = call(*pair, "-o", out, "--method", method, "--counts", counts, "--counts", counts)
    assert done.exit_code == 0, done.output
    state, config, metadata = read(out)
    load_model(config, state)
    assert metadata["token-counts"] == str([0] + [6] * (VOCAB - 1))


def test_names_of_classes_stay_and_have_to_agree(tmp_path):
    names = ('["bad", "so-so", "good"]', '["good", "so-so", "bad"]')
    files = [write(tmp_path / f"{k}.safetensors", *model(k), classes=names[k]) for k in (0, 1)]
    out = tmp_path / "out.safetensors"
    done = call(*files, "-o", out)
    assert done.exit_code == 2
    assert "1.safetensors has the classes good, so-so, bad, but" in done.output
    assert not out.exists()
    unnamed = write(tmp_path / "2.safetensors", *model(2))
    assert call(unnamed, files[1], "-o", out).exit_code == 0
    assert read(out)[2]["classes"] == names[1]


def test_the_automatic_choice_is_that_of_the_library(pair, tmp_path):
    counts, seen = tmp_path / "counts.json", [0] + [3] * (VOCAB - 1)
    counts.write_text(str(seen))
    given = ["--counts", counts, "--counts", counts]
    assert "merged: 2 models" in call(*pair, "-o", tmp_path / "out.safetensors", *given, "--dry-run").output
    assert "aligned: 2 models" in call(*pair, "-o", tmp_path / "out.safetensors", "--dry-run").output
    assert call(*pair, "-o", tmp_path / "out.safetensors", *given).exit_code == 0
    state, config, _ = read(tmp_path / "out.safetensors")
    expected = fuse([model(0), model(1)], token_counts=[torch.tensor(seen)] * 2)
    assert config == expected.config
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected.state[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["auto", "aligned"])
def test_class_counts_in_the_files_are_used_and_added_up(tmp_path, method):
    seen, examples = [0] + [3] * (VOCAB - 1), ([1, 2, 30], [4, 5, 60])
    about = [{"token-counts": str(seen), "class-counts": str(each)} for each in examples]
    files = [write(tmp_path / f"{k}.safetensors", *model(k), **about[k]) for k in (0, 1)]
    out = tmp_path / "out.safetensors"
    assert call(*files, "-o", out, "--method", method).exit_code == 0
    state, _, metadata = read(out)
    assert metadata["class-counts"] == "[5, 7, 90]"
    expected = fuse(
        [model(0), model(1)],
        token_counts=[torch.tensor(seen)] * 2,
        class_counts=[torch.tensor(each) for each in examples],
        config=FusionConfig(method=method),
    )
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected.state[name], rtol=1e-4, atol=1e-4)
    assert call(*files, "-o", out, "--method", method, "--force", "--set", "class-shares=false").exit_code == 0
    assert "class-counts" not in read(out)[2]
    assert (read(out)[0]["classifier.bias"] - state["classifier.bias"]).abs().max() > 0.1


def test_class_counts_that_cannot_be_read_are_told(tmp_path):
    files = [write(tmp_path / f"{k}.safetensors", *model(k), **{"class-counts": "many"}) for k in (0, 1)]
    done = call(*files, "-o", tmp_path / "out.safetensors")
    assert done.exit_code == 2
    assert "0.safetensors has no class counts that can be read" in " ".join(done.output.split())


def test_a_probe_is_read_by_the_anchors_tokenizer(tmp_path):
    words = {"[PAD]": 0, "[UNK]": 1} | {f"w{i}": i for i in range(2, VOCAB)}
    settings = json.loads(train_tokenizer({"w": 2}).to_str())
    settings["model"]["vocab"] = words
    files = [write(tmp_path / f"{k}.safetensors", *model(k), tokenizer=json.dumps(settings)) for k in (0, 1)]
    probe = tmp_path / "probe.txt"
    probe.write_text("w2 w3 w4\n\nw5 w6\n")
    out = tmp_path / "out.safetensors"
    done = call(*files, "-o", out, "--method", "aligned", "--set", "support=activations", "--probe", probe)
    assert done.exit_code == 0, done.output
    state, _, _ = read(out)
    rows = torch.tensor([[2, 3, 4], [5, 6, 0]])
    names = tuple(sorted(words, key=words.__getitem__))
    config = FusionConfig(method="aligned", support="activations")
    expected = fuse([model(0), model(1)], vocabularies=[names, names], probe=Probe(((rows,),)), config=config)
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, expected.state[name], rtol=1e-4, atol=1e-5)
    assert "no tokenizer" in call(*_bare(tmp_path), "-o", tmp_path / "x.safetensors", "--probe", probe).output
    probe.write_text("\n")
    assert "holds no text" in call(*files, "-o", tmp_path / "x.safetensors", "--probe", probe).output


def _bare(tmp_path):
    return [write(tmp_path / f"bare-{k}.safetensors", *model(k)) for k in (0, 1)]


def test_vocabularies_are_united(tmp_path):
    files = [write(tmp_path / f"{k}.safetensors", *model(k, vocab=size)) for k, size in enumerate((20, 30))]
    words = [tmp_path / "a.txt", tmp_path / "b.txt"]
    words[0].write_text("\n".join(f"w{i}" for i in range(20)))
    words[1].write_text("\n".join(f"w{i}" for i in range(10, 40)) + "\n")
    out = tmp_path / "out.safetensors"
    args = [each for path in words for each in ("--vocabularies", path)]
    assert call(*files, "-o", out, *args).exit_code == 0
    state, config, metadata = read(out)
    assert state["tok_emb.weight"].shape[0] == config.vocab_size == 40
    assert metadata["vocabulary"] == "[" + ", ".join(f'"w{i}"' for i in range(40)) + "]"
    again = call(out, out, "-o", tmp_path / "again.safetensors")  # what was written can be fused
    assert again.exit_code == 0, again.output


def test_a_dry_run_tells_the_plan_and_writes_nothing(pair, tmp_path):
    done = call(*pair, "-o", tmp_path / "out.safetensors", "--dry-run")
    assert done.exit_code == 0
    for word in ("ffn.1", "exact, on circuits", f"{VOCAB} of {VOCAB} rows", "rotated within heads.0", "memory"):
        assert word in done.output
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_cannot_be_refined_is_refused_before_the_plan(pair, tmp_path, dry):
    counts = tmp_path / "counts.json"
    counts.write_text(str([0] + [3] * (VOCAB - 1)))
    given = [*pair, "-o", tmp_path / "out.safetensors", "--set", "learn_steps=5", *dry]
    done = call(*given, "--method", "merged", "--counts", counts, "--counts", counts)
    assert done.exit_code == 2
    assert "learn_steps is an option of the method aligned (" in done.output
    assert "but the method is merged; add method: aligned" in done.output
    given += ["--method", "aligned"]
    done = call(*given)
    assert done.exit_code == 2
    assert "learn_steps draws texts from token counts, but none were given" in done.output
    if dry:
        plan = call(*given, "--counts", counts, "--counts", counts)
        assert plan.exit_code == 0
        assert "aligned: 2 models" in plan.output


def test_nothing_is_overwritten_without_force(pair, tmp_path):
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"mine")
    done = call(*pair, "-o", out)
    assert done.exit_code == 2
    assert "--force" in done.output
    assert out.read_bytes() == b"mine"
    assert call(*pair, "-o", out, "--force").exit_code == 0
    read(out)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_double_and_written_back(tmp_path, dtype):
    files = [write(tmp_path / f"{k}.safetensors", *model(k), dtype) for k in (0, 1)]
    assert call(*files, "-o", tmp_path / "out.safetensors").exit_code == 0
    half = [{name: t.to(dtype).float() for name, t in model(k)[0].items()} for k in (0, 1)]
    expected = fuse([(half[k], model(k)[1]) for k in (0, 1)], config=FusionConfig(method="aligned")).state
    for name, tensor in read(tmp_path / "out.safetensors")[0].items():
        assert tensor.dtype == dtype
        torch.testing.assert_close(tensor, expected[name].to(dtype), rtol=0.02, atol=1e-4)
    assert call(*files, "-o", tmp_path / "wide.safetensors", "--dtype", "float32").exit_code == 0
    assert all(t.dtype == torch.float32 for t in read(tmp_path / "wide.safetensors")[0].values())


def test_the_command_does_not_hide_the_function():
    code = "from fedot import fuse; import fedot.from_disk.cli; import fedot; assert fuse is fedot.fuse; fuse([])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "FedotError: there is no model to fuse" in done.stderr


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "fedot.fuse", "--help"], capture_output=True, text=True, check=True)
    assert "--dry-run" in done.stdout
    assert "RuntimeWarning" not in done.stderr


@pytest.mark.parametrize("method", ["aligned", "vanilla", "auto"])
def test_every_step_that_was_announced_is_told_in_its_order(pair, tmp_path, method):
    from fedot.from_disk.job import steps_of
    from fedot.from_disk.jobs import make_job, run
    from fedot.from_disk.sources import open_source

    job = make_job([open_source(path, tmp_path) for path in pair], FusionConfig(method=method))
    told = []
    run(job, tmp_path / "out.safetensors", tell=told.append)
    steps = [step.phase for step in steps_of(job)]
    assert told == steps
    assert len(set(steps)) == len(steps) > 1


def test_a_long_fusion_says_what_it_does_and_a_short_one_nothing(pair, tmp_path, monkeypatch):
    from fedot.from_disk import cli

    quick = call(*pair, "-o", tmp_path / "a.safetensors", "--method", "aligned")
    monkeypatch.setattr(cli, "PATIENCE", 0.0)
    slow = call(*pair, "-o", tmp_path / "b.safetensors", "--method", "aligned")
    assert "fusing part" not in quick.stderr
    assert "fuse:" in slow.stderr
    assert "fusing part 1 of" in slow.stderr
