"""The table of the benchmark of translators."""

from benchmarks.translation import Row, table


def _row(name: str, bleu: float) -> Row:
    return Row(name, bleu, 2 * bleu, 1.0, 1_500_000, 0.0)


def test_each_model_is_compared_with_the_better_parent_after_as_many_epochs() -> None:
    first = [_row("parent 0", 20), _row("parent 1", 24), _row("merged", 23)]
    second = [_row("parent 0", 30), _row("parent 1", 26), _row("merged", 29)]
    later = [_row("parent 0, further epoch", 25), _row("parent 1, further epoch", 21), _row("merged, 2nd round", 28)]

    lines = table([[*first, *later], [*second, *later]]).splitlines()

    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {row.name}" for row in [*first, *later]]
    merged, parent, second_round = lines[4].split(" | "), lines[2].split(" | "), lines[7].split(" | ")
    assert merged[1].startswith("26.0 ± ")
    assert merged[2].startswith("-1.0 ± 0.0")
    assert parent[2].startswith("-2.0 ± ")
    assert second_round[2].startswith("+3.0 ± 0.0")
    assert merged[4:] == ["1.000", "1.50 M |"]


def test_one_seed_has_no_interval() -> None:
    assert table([[_row("parent 0", 20), _row("merged", 23)]]).splitlines()[3].startswith("| merged | 23.0 | +3.0 |")
