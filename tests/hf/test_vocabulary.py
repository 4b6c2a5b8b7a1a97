"""Which token each row of an embedding is: from all files of a tokenizer, or not at all."""

import json

import pytest

from fedot.errors import FedotError
from fedot.hf import load_folder
from fedot.hf.tokens.vocabulary import read_vocabulary
from tests.fusion.disk import call
from tests.hf.models import folder_of
from tests.hf.pieces import sentencepiece, t5, xlm_r

LETTERS = tuple("abcdefgh")


def write(folder, **files):
    """Write files by name (two strokes stand for a dot)."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        (folder / name.replace("__", ".")).write_bytes(content)
    return folder


def test_added_tokens_have_rows_of_their_own(tmp_path):
    words = "[PAD]\n[UNK]\nthe\n"
    added = {"3": {"content": "<user>"}, "4": {"content": "<bot>"}}
    for number, more in enumerate(
        ({"added_tokens__json": {"<user>": 3, "<bot>": 4}}, {"tokenizer_config__json": {"added_tokens_decoder": added}})
    ):
        folder = write(tmp_path / str(number), vocab__txt=words, **more)
        assert read_vocabulary(folder, 6) == ("[PAD]", "[UNK]", "the", "<user>", "<bot>", "<row 5>")


def test_pieces_are_numbered_as_the_classes_number_them(tmp_path):
    """The numbers are what T5Tokenizer and XLMRobertaTokenizer of transformers 4 and 5 give for these files."""
    folder = write(tmp_path / "t5", spiece__model=t5(*LETTERS))
    words = read_vocabulary(folder, 112)
    assert words[:12] == ("<pad>", "</s>", "<unk>", *LETTERS, "<extra_id_99>")
    assert words[110:] == ("<extra_id_0>", "<row 111>")
    few = write(tmp_path / "few", spiece__model=t5(*LETTERS), tokenizer_config__json={"extra_ids": 2})
    assert read_vocabulary(few, 13)[10:] == ("h", "<extra_id_1>", "<extra_id_0>")
    folder = write(tmp_path / "xlm-r", sentencepiece__bpe__model=xlm_r(*LETTERS))
    assert read_vocabulary(folder, 14) == ("<s>", "<pad>", "</s>", "<unk>", *LETTERS, "<mask>", "<row 13>")


def test_a_second_vocabulary_is_the_decoders(tmp_path):
    folder = write(tmp_path / "two", vocab__json={"a": 0, "b": 1}, target_vocab__json={"x": 0, "y": 1})
    assert read_vocabulary(folder, 2) == ("a", "b")
    assert read_vocabulary(folder, 2, "target_vocab.json") == ("x", "y")
    (folder / "target_vocab.json").unlink()
    assert read_vocabulary(folder, 2, "target_vocab.json") == ("a", "b")


TOKENIZER = {"model": {"vocab": {"[PAD]": 0, "the": 1, "film": 2}}}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"vocab__txt": "[PAD]\nfilm\nthe\n"}, "token 1 is film in vocab.txt, but the is token 1 in tokenizer.json"),
        ({"vocab__txt": "[PAD]\nthe\nmovie\n"}, "token 2 is movie in vocab.txt, but film is token 2 in tokenizer.json"),
        ({"added_tokens__json": {"<a>": 1}}, "token 1 is <a> in added_tokens.json, but the is token 1"),
        ({"added_tokens__json": {"the": 7}}, "token 7 is the in added_tokens.json, but the is token 1"),
        ({"tokenizer__json": {"model": {"vocab": {"a": 0, "b": 0}}}}, "token 0 is b in tokenizer.json"),
    ],
)
def test_files_that_contradict_each_other_are_refused(files, message, tmp_path):
    folder = write(tmp_path / "a", tokenizer__json=TOKENIZER)
    assert read_vocabulary(folder, 4) == ("[PAD]", "the", "film", "<row 3>")
    with pytest.raises(FedotError) as caught:
        read_vocabulary(write(folder, **files), 4)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("spiece__model", b"stands for a sentencepiece model"),
        ("spiece__model", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 7\n"),
        ("spiece__model", b""),
        ("spiece__model", sentencepiece(["<unk>", "a", "a", "b"])),
        ("sentencepiece__bpe__model", xlm_r(*LETTERS)[:-20][:60]),
        ("tokenizer__model", t5(*LETTERS)),
        ("source__spm", xlm_r(*LETTERS)),
        ("merges__txt", "a b\n"),
        ("added_tokens__json", {"<a>": 1}),
        ("vocab__json", {"a": "1"}),
        ("vocab__json", {"a": 1.5}),
        ("vocab__json", ["a"]),
        ("vocab__json", "[" * 10**5),
        ("vocab__txt", b"\xff\xfe"),
        ("tokenizer__json", {"model": {"vocab": [[["x"], 0]]}}),
        ("tokenizer__json", {"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1}]}),
        ("tokenizer_config__json", {"added_tokens_decoder": {"x": {"content": "a"}}}),
        ("tokenizer_config__json", ["x"]),
    ],
)
def test_a_tokenizer_that_cannot_be_read_is_refused(name, content, tmp_path):
    folder = write(tmp_path / "a", **{name: content})
    with pytest.raises(FedotError) as caught:
        read_vocabulary(folder, 4)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_of_two_sentencepiece_models_are_matched_by_piece(tmp_path):
    """The same pieces in another order: each keeps the row of its name."""
    folders = []
    for seed, words in ((0, LETTERS), (1, LETTERS[::-1])):
        folder = folder_of("t5", tmp_path / str(seed), seed, vocab_size=111)
        folders.append(write(folder, spiece__model=t5(*words)))
    first, second = (load_folder(folder).labels["vocab"] for folder in folders)
    assert sum(a == b for a, b in zip(first, second, strict=True)) == len(first) - len(LETTERS)
    done = call(*folders, "-o", tmp_path / "out", "--dry-run")
    assert "by name: 111 of 111 rows" in done.output
    assert "by number" not in "".join(line for line in done.output.splitlines() if "vocab" in line)


@pytest.mark.parametrize("named", [(), (0,)])
def test_rows_without_names_go_by_number_and_the_plan_says_so(named, tmp_path):
    folders = [folder_of("bert", tmp_path / str(seed), seed) for seed in (0, 1)]
    for which in named:
        write(folders[which], vocab__txt="\n".join(f"w{i}" for i in range(40)))
    plan = call(*folders, "-o", tmp_path / "out", "--dry-run").output
    lines = {line.split("│")[1].strip(): line for line in plan.splitlines() if line.count("│") > 4}
    assert "by number: 40 of 40 rows" in lines["vocab"]
    assert "by number: 20 of 20 rows" in lines["position"]
    assert "by name: 3 of 3 rows" in lines["class"]
    for text in (plan, call(*folders, "-o", tmp_path / "out").output):
        assert "not every model names its tokens, so rows of the embedding are matched by number" in text


def test_vocabularies_of_two_sizes_need_names(tmp_path):
    folders = [folder_of("bert", tmp_path / str(size), vocab_size=size) for size in (40, 41)]
    done = call(*folders, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "vocabularies of sizes [40, 41]" in done.output
    for folder in folders:
        write(folder, vocab__txt="\n".join(f"w{i}" for i in range(40)), added_tokens__json={f"<{folder.name}>": 40})
    (folders[0] / "added_tokens.json").unlink()
    assert call(*folders, "-o", tmp_path / "out").exit_code == 0
    assert load_folder(tmp_path / "out").config["vocab_size"] == 41
