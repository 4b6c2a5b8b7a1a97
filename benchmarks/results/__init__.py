"""Results that are kept: collected into small files under `results/`, from which the pages of `docs/results/` are made.

    python -m benchmarks.results collect STUDY RUN_FOLDER_OR_SCORES
    python -m benchmarks.results pages

`results/STUDY/*.json` hold figures by seed and what ran; `results/STUDY/discussion.md` is written by hand, at most
fifteen lines, in which figures are placeholders. Nobody edits the pages.
"""
