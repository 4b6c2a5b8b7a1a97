from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fedot.data import DATASETS, read_corpus
from fedot.data.types import Splits
from fedot.errors import FedotError
from fedot.scenario import ClientSpec
from fedot.tasks import TASKS

FRENCH = ClientSpec(dataset="multi30k", source="en", target="fr")
IMDB = ClientSpec(dataset="imdb")


def _reviews(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts, "label": [i % 2 for i in range(len(texts))]}), path)


def _in_hub_cache(tmp_path: Path) -> None:
    """Lay out a data set as the hub's client library does after a download."""
    for file in DATASETS["imdb"].hub_files(IMDB).values():
        folder = f"datasets--{file.repo.replace('/', '--')}"
        _reviews(tmp_path / "hub" / folder / "snapshots" / file.revision / file.path, ["from the cache", "b"])


def test_directory(tmp_path: Path) -> None:
    for split in ("train", "test"):
        _reviews(tmp_path / "imdb" / f"{split}.parquet", [split, "b"])
    splits = read_corpus.read_directory("imdb", IMDB, tmp_path)
    assert (splits.train["text"][0], splits.test["text"][0]) == ("train", "test")


def test_directory_without_the_set_or_with_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FedotError, match=r"has no imdb/train\.parquet"):
        read_corpus.read_directory("imdb", IMDB, tmp_path)
    with pytest.raises(FedotError, match="does not exist"):
        read_corpus.read_directory("imdb", IMDB, tmp_path / "nowhere")
    with pytest.raises(FedotError, match="give it with --data-dir"):
        read_corpus.read_directory("imdb", IMDB, None)
    (tmp_path / "imdb").mkdir()
    (tmp_path / "imdb" / "train.parquet").write_text("no parquet")
    with pytest.raises(FedotError, match=r"train\.parquet cannot be read as Parquet"):
        read_corpus.read_directory("imdb", IMDB, tmp_path)
    for split in ("train", "test"):
        pq.write_table(pa.table({"words": ["a"]}), tmp_path / "imdb" / f"{split}.parquet")
    with pytest.raises(FedotError, match="imdb lacks the column or file"):
        read_corpus.read_directory("imdb", IMDB, tmp_path)


def test_hub_offline_without_a_copy_says_so_in_one_line() -> None:
    with pytest.raises(FedotError, match="HF_HUB_OFFLINE is set, and it is not in the local cache") as caught:
        read_corpus.read_hub("imdb", IMDB, None)
    assert "\n" not in str(caught.value)


def test_hub_offline_reads_an_earlier_download(tmp_path: Path) -> None:
    _in_hub_cache(tmp_path)
    assert read_corpus.read_hub("imdb", IMDB, None).test["text"][:] == ["from the cache", "b"]


def test_hub_without_network_asks_once_and_then_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    class Session:
        def head(self, _: str, timeout: float) -> None:
            asked.append(timeout)
            raise httpx.ConnectError("no route")

    download = huggingface_hub.hf_hub_download

    def cache_only(*args: Any, local_files_only: bool, **settings: Any) -> str:
        assert local_files_only, "a silent hub must not be asked again"
        return str(download(*args, local_files_only=True, **settings))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", cache_only)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "get_session", Session)
    with pytest.raises(FedotError, match=r"no answer within 3 s \(ConnectError\), and it is not in the local cache"):
        read_corpus.read_hub("imdb", IMDB, None)
    _in_hub_cache(tmp_path)
    assert len(read_corpus.read_hub("imdb", IMDB, None).train) == 2
    assert asked == [read_corpus.HUB_TIMEOUT] * 2


def test_hub_json_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f'{{"text": "t{i}", "label": {i}, "label_text": "x"}}\n' for i in range(5))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: str(tmp_path / "rows.jsonl"))
    splits = read_corpus.read_hub("sst", ClientSpec(dataset="sst"), None)
    assert splits.test["label"][:] == [0, 1, 2, 3, 4]


def test_hub_has_no_other_languages() -> None:
    with pytest.raises(FedotError, match="the hub has no xed for lang br"):
        read_corpus.read_hub("xed", ClientSpec(dataset="xed", lang="br"), None)


def test_auto_prefers_the_directory_then_the_hub_then_the_stand_in(tmp_path: Path) -> None:
    splits, used = read_corpus.read_corpus(TASKS["classification"], "imdb", IMDB, "auto", tmp_path)
    assert used == "stand-in"
    assert [notice.split(":")[0] for notice in splits.notices[:2]] == ["directory", "hub"]
    assert splits.notices[2].startswith("BUILT-IN STAND-IN DATA, not the real imdb")
    _in_hub_cache(tmp_path)
    splits, used = read_corpus.read_corpus(TASKS["classification"], "imdb", IMDB, "auto", None)
    assert (used, splits.notices) == ("hub", ())
    for split in ("train", "test"):
        _reviews(tmp_path / "imdb" / f"{split}.parquet", ["from the directory", "b"])
    splits, used = read_corpus.read_corpus(TASKS["classification"], "imdb", IMDB, "auto", tmp_path)
    assert (used, splits.train["text"][0], splits.notices) == ("directory", "from the directory", ())


@pytest.mark.parametrize(("source", "reason"), [("hub", "from the hub"), ("directory", "has no imdb/train")])
def test_a_named_source_never_falls_back(source: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(FedotError, match=reason):
        read_corpus.read_corpus(TASKS["classification"], "imdb", IMDB, source, tmp_path)


def test_auto_tells_every_reason_when_nothing_works() -> None:
    with pytest.raises(FedotError, match=r"directory: none is given.*hub: .*; stand-in: the built-in pairs"):
        read_corpus.read_corpus(TASKS["translation"], "multi30k", FRENCH, "auto", None)


def test_sst2_from_the_hub_is_tested_on_its_validation_rows() -> None:
    table = pa.table({"sentence": ["a", "b"], "label": [0, 1]})
    splits: Splits = DATASETS["sst2"].prepare({"train": table, "validation": table}, ClientSpec(dataset="sst2"))
    assert len(splits.test) == 2
    assert "validation sentences" in splits.notices[0]
