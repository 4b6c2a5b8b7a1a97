"""What is kept of results, and the pages that are made of it."""

import doctest
import importlib
import json
import re
import shutil
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks import fusion_scores, hf_scores
from benchmarks.results import __main__ as commands
from benchmarks.results import of_hf_scores, of_run, of_scores, store
from benchmarks.results.collect import collect
from benchmarks.results.packed import pack, unpack
from benchmarks.results.pages import FIGURE, PAGES, RESULTS, ROOT, differing, pages, read_all
from benchmarks.results.placeholders import fill
from benchmarks.results.stamp import Stamp
from benchmarks.results.studies import STUDIES
from benchmarks.results.summary import COLUMNS, figures_of
from fedot.errors import FedotError
from fedot.report import summary_markdown
from fedot.report.analysis.statistics import Scores
from tests.report.conftest import make_results

STAMP = Stamp("0123456789ab", "2026-01-31", "python -m fedot.simulate scenarios/bilingual.yaml")
PLAN = {"method": "merged", "stages": [{"stage": "basis", "anchor": "global"}, {"stage": "reduce", "size": 1.0}]}


def run_results(**changes):
    results = make_results(seeds=(0, 1, 2, 3, 4))
    results["plans"] = [
        {"seed": s, "strategy": "ot-fusion", "round": 1, "method": "merged", "plan": PLAN} for s in (0, 1)
    ]
    results["provenance"] |= changes
    return results


def written(folder, results):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    return folder


def scores():
    of_two = {"parent 0": (0.7, 0.5), "parent 1": (0.4, 0.8), "ensemble": (0.6, 0.7), "merged": (0.7, 0.75)}
    of_two |= {"vanilla": (0.5, 0.5), "merged + distilled": (0.71, 0.76)}
    return [
        fusion_scores.Score(
            "imdb-4", seed, name, tuple(round(each + seed / 100, 4) for each in accuracies), 1.5, {"a": 1}, 0.6
        )
        for seed in (0, 1, 2)
        for name, accuracies in of_two.items()
    ]


def write_scores(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def kept(tmp_path):
    """A folder of results with two studies."""
    for study, source in (
        ("bilingual", written(tmp_path / "run", run_results())),
        ("fusion-clients", write_scores(tmp_path / "cache" / "scores.jsonl", scores()).parent),
    ):
        for each in collect(source, study, code=ROOT, dirty=True):
            store.write(tmp_path / "results" / study / f"{each.name}.json", each.stamp, each.values)
    return tmp_path / "results"


def test_the_pages_are_what_the_data_say():
    assert differing(RESULTS, PAGES) == [], "run python -m benchmarks.results pages"


def test_a_changed_figure_is_noticed(kept, tmp_path):
    made = tmp_path / "pages"
    made.mkdir()
    for name, content in pages(kept).items():
        (made / name).write_bytes(content)
    assert differing(kept, made) == []

    path = kept / "bilingual" / "bilingual.json"
    values = store.read(path)
    record = next(each for each in values["rows"] if (each["strategy"], each["split"]) == ("fedavg", "all"))
    record["accuracy"][0] += 0.01
    store.write(path, Stamp(**values["stamp"]), {k: v for k, v in values.items() if k not in ("format", "stamp")})
    assert differing(kept, made) == ["bilingual.md", "index.md", FIGURE]

    (made / "of-nobody.md").write_text("?", encoding="utf-8")
    (made / "fusion-clients.md").unlink()
    assert differing(kept, made) == ["bilingual.md", "fusion-clients.md", "index.md", "of-nobody.md", FIGURE]


def test_what_is_committed_is_small_and_of_one_commit_and_names_no_machine():
    found = read_all(RESULTS)
    assert found
    for study, files in found.items():
        assert sum(path.stat().st_size for path in (RESULTS / study).glob("*.json")) < 200_000, study
        assert len({values["stamp"]["commit"] for values in files.values()}) == 1, study
        assert not any(values["stamp"]["commit"].endswith("-dirty") for values in files.values()), study
    texts = [path.read_text(encoding="utf-8") for folder in (RESULTS, PAGES) for path in folder.rglob("*.*")]
    assert not [text for text in texts if re.search(r"(?<![\w.])/(home|tmp|work|root|Users)/", text)]


def test_a_run_is_kept_whole_but_for_what_no_table_shows(tmp_path):
    results = run_results()
    [each] = collect(written(tmp_path, results), "bilingual", code=ROOT)
    again = of_run.results_of(each.values)
    before, after = Scores.of_results(results), Scores.of_results(again)

    assert before.strategies == after.strategies
    assert before.seeds == after.seeds
    for name in before.strategies:
        for split in before.splits:
            ours, theirs = (scores.values(name, split, "accuracy") for scores in (after, before))
            assert ours == pytest.approx(theirs, abs=1e-6)
    told = [[row.split(" | ")[:4] for row in summary_markdown(each).splitlines()[2:13]] for each in (results, again)]
    assert told[0] == told[1]
    assert each.stamp == Stamp(
        "0123456789abcdef0123456789abcdef01234567", "2026-01-31", "python -m fedot.simulate scenarios/bilingual.yaml"
    )
    assert len(again["plans"]) == 1  # of both seeds, since both did the same
    assert len(json.dumps(each.values)) < 0.2 * len(json.dumps(results))


def test_every_round_and_each_seed_that_did_something_else_is_kept(tmp_path):
    results = make_results(seeds=(0, 1), rounds=3)
    other = {**PLAN, "method": "aligned"}
    results["plans"] = [
        {"seed": s, "strategy": "ot-fusion", "round": 1, "method": plan["method"], "plan": plan}
        for s, plan in ((0, PLAN), (1, other))
    ]
    [each] = collect(written(tmp_path, results), "bilingual", code=ROOT)
    assert len(each.values["plans"]) == 2
    text = "\n".join(of_run.markdown(each.values, STUDIES["bilingual"]))
    assert "round 3" in text
    assert "OT fusion (merged or aligned)" in text
    assert "Each parent on its own client" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commit": "0123456789ab-dirty"}, "in no commit"),
        ({"commit": None}, "does not say which commit"),
        ({"complete": False}, "--resume"),
        ({"stand_in": True}, "made-up data"),
    ],
)
def test_a_run_that_says_too_little_is_refused(tmp_path, changes, said):
    with pytest.raises(FedotError, match=said):
        collect(written(tmp_path, run_results(**changes)), "bilingual", code=ROOT)


def test_what_nobody_committed_is_kept_if_asked_for(tmp_path):
    folder = written(tmp_path, run_results(commit="0123456789ab-dirty"))
    assert collect(folder, "bilingual", code=ROOT, dirty=True)[0].stamp.commit == "0123456789ab-dirty"


def test_variants_are_files_of_one_study(tmp_path):
    for variant in ("2-clients", "16-clients"):
        written(tmp_path / "run" / variant, run_results())
    for each in collect(tmp_path / "run", "parallel", code=ROOT):
        store.write(tmp_path / "results" / "parallel" / f"{each.name}.json", each.stamp, each.values)
    assert list(read_all(tmp_path / "results")["parallel"]) == ["2-clients", "16-clients"]
    page = pages(tmp_path / "results")["parallel.md"].decode()
    assert page.index("## 2 clients") < page.index("## 16 clients")
    one, other = page[page.index("## 2 clients") :].split("## 16 clients")
    assert one.count("paired by seed:") == other.count("paired by seed:") > 0  # also where all figures are the same
    assert page.count("| its stages and their options |") <= 1


def test_scores_give_the_table_of_their_benchmark(tmp_path):
    path = write_scores(tmp_path / "scores.jsonl", scores())
    [each] = collect(path, "fusion-clients", code=ROOT, command="python -m x --cache /tmp/c", dirty=True)
    assert each.name == "imdb-4"
    assert each.stamp.command == "python -m x --cache CACHE"
    assert sorted(map(repr, of_scores.scores_of(each.values))) == sorted(map(repr, scores()))
    shown = "\n".join(of_scores.markdown(each.values, STUDIES["fusion-clients"]))
    assert "\n".join(fusion_scores.table(scores(), "imdb-4").splitlines()[2:]) in shown
    assert "| merged + distilled | basis, reduce, refit, distil, rescale |" in shown


def test_scores_of_transformers_give_the_table_of_their_benchmark(tmp_path):
    found = [
        hf_scores.Score("BERT", s, name, 0.7, 0.72, (0.1, 0.2), {}) for s in (0, 1) for name in ("aligned", "theus")
    ]
    path = write_scores(tmp_path / "hf_scores.jsonl", found)
    [each] = collect(path.parent, "hf-fusion", code=ROOT, dirty=True)
    assert each.name == "bert"
    shown = "\n".join(of_hf_scores.markdown(each.values, STUDIES["hf-fusion"]))
    assert "\n".join(hf_scores.table(found, "BERT").splitlines()[2:]) in shown
    assert figures_of(each.values).cells()[list(COLUMNS).index("aligned")] == "72.0 ± 0.0"


def test_scores_of_a_benchmark_that_goes_on_are_refused(tmp_path):
    path = write_scores(tmp_path / "scores.jsonl", scores()[:-1])
    with pytest.raises(FedotError, match="imdb-4 lacks merged \\+ distilled in seed 2"):
        collect(path, "fusion-clients", code=ROOT, dirty=True)


def test_code_that_is_in_no_checkout_is_refused(tmp_path):
    path = write_scores(tmp_path / "scores.jsonl", scores())
    with pytest.raises(FedotError, match="no git checkout"):
        collect(path, "fusion-clients", code=tmp_path)


def test_a_study_is_of_one_commit(kept):
    values = of_scores.keep(scores(), [])
    with pytest.raises(FedotError, match="collect all of a study from one commit"):
        store.write(kept / "fusion-clients" / "imdb-8.json", STAMP, values)


def test_the_summary_takes_the_lines_that_a_study_has(kept):
    bilingual, clients = (figures_of(next(iter(files.values()))) for files in read_all(kept).values())
    assert all(
        bilingual.figures[name] for name in ("FedAvg", "OT fusion, default", "best client", "trained on all data")
    )
    assert bilingual.figures["aligned"] is None
    assert clients.figures["FedAvg"].mean == pytest.approx(0.51)
    assert clients.figures["best client"].mean == pytest.approx(0.61)
    assert clients.figures["trained on all data"] is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{fusion-clients/accuracy: merged}", "73.5 ± 2.5"),
        ("{fusion-clients/imdb-4/accuracy@client 1: merged}", "76.0 ± 2.5"),
        ("{fusion-clients/accuracy: merged - vanilla}", "+22.5 ± 0.0"),
        ("{fusion-clients/accuracy: merged - own-parents}", "\u22122.5 ± 0.0"),
        ("{fusion-clients/accuracy: merged - best-parent}", "+12.5 ± 0.0"),
    ],
)
def test_placeholders_are_figures_of_the_data(kept, asked, said):
    assert fill(f"It has {asked} points.", read_all(kept)) == f"It has {said} points."
    assert fill(asked.replace("fusion-clients/", "").replace("imdb-4/", ""), read_all(kept), "fusion-clients") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It has 73.5 points.", "written by hand"),
        ("It has 73 %.", "written by hand"),
        ("{accuracy: merged}", "names no file"),
        ("{fusion-clients/imdb-5/accuracy: merged}", "names no file"),
        ("{fusion-clients/bleu: merged}", "asks for what fusion-clients has not"),
        ("{fusion-clients/accuracy@north: merged}", "asks for what fusion-clients has not"),
        ("{fusion-clients/accuracy: theus}", "has no line theus"),
    ],
)
def test_sentences_cannot_say_what_the_data_do_not(kept, text, said):
    with pytest.raises(FedotError, match=said):
        fill(text, read_all(kept))


def test_a_discussion_has_fifteen_lines_at_most(kept):
    path = kept / "bilingual" / "discussion.md"
    path.write_text("It is so: {accuracy: fedavg}.\n" * 15, encoding="utf-8")
    assert b"It is so: 6" in pages(kept)["bilingual.md"]
    path.write_text("It is so.\n" * 16, encoding="utf-8")
    with pytest.raises(FedotError, match="has 16 lines; at most 15"):
        pages(kept)


def test_a_folder_of_no_study_is_refused(kept):
    shutil.copytree(kept / "bilingual", kept / "trilingual")
    with pytest.raises(FedotError, match="trilingual is of no study"):
        pages(kept)


def test_a_file_that_was_edited_into_nonsense_is_refused(kept):
    path = kept / "bilingual" / "bilingual.json"
    path.write_text(re.sub(r'"accuracy": \[0\.\d+', '"accuracy": [7.5', path.read_text(encoding="utf-8"), count=1))
    with pytest.raises(FedotError, match=r"metrics\.accuracy is 7\.5"):
        pages(kept)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(FedotError, match="no collected result"):
        pages(kept)


def test_the_commands(tmp_path, monkeypatch):
    results, made = tmp_path / "results", tmp_path / "pages"
    for name, folder in {"ROOT": tmp_path, "RESULTS": results, "PAGES": made}.items():
        monkeypatch.setattr(commands, name, folder)
    call = CliRunner().invoke
    folder = written(tmp_path / "run", run_results())
    assert call(commands.cli, ["collect", "bilingual", str(folder)]).exit_code == 0
    assert call(commands.cli, ["pages", "--check"]).exit_code == 2
    assert call(commands.cli, ["pages"]).exit_code == 0
    assert call(commands.cli, ["pages", "--check"]).exit_code == 0
    assert sorted(path.name for path in made.iterdir()) == ["bilingual.md", "index.md", FIGURE]
    wrong = call(commands.cli, ["collect", "trilingual", str(folder)])
    assert wrong.exit_code == 2
    assert "no study is called trilingual" in wrong.output
    assert call(commands.cli, ["collect", "bilingual", str(tmp_path)]).exit_code == 0  # a run with one variant


figures = st.none() | st.floats(-1, 1).map(lambda x: float(f"{x:.6g}")) | st.integers(0, 10**9)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.integers(0, 4)),
        st.dictionaries(st.sampled_from("xyz"), figures),
        max_size=9,
    )
)
def test_packed_records_come_back(found):
    records = [{"name": name, "seed": seed, **values} for (name, seed), values in found.items()]
    told = [{key: value for key, value in each.items() if value is not None} for each in records]
    back = list(unpack(json.loads(json.dumps(pack(records, ["name"]))), ["name"]))
    places = [sorted(each, key=lambda record: (record["name"], record["seed"])) for each in (back, told)]
    assert places[0] == places[1]


@pytest.mark.parametrize("name", ["packed", "plans", "stamp"])
def test_examples_run(name):
    found = doctest.testmod(importlib.import_module(f"benchmarks.results.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
