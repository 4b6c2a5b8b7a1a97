"""What a fusion of files is said to take, before anything is done."""

from dataclasses import replace

import pytest

from fedot.from_disk.job import memory_of, moments_of
from fedot.from_disk.jobs import make_job
from fedot.from_disk.sources import open_source
from fedot.fusion import FusionConfig
from fedot.fusion.plan import plan_fusion
from fedot.models import symmetry
from tests.fusion.disk import model, write
from tests.models.variants import canonical_of


def test_a_reduction_measures_all_widths_side_by_side_at_every_norm_and_in_every_layer():
    specs = [symmetry(model(0)[1]), symmetry(model(1, d_model=24, d_ff=40)[1])]
    assert moments_of(specs) == 2 * 5 * (16 + 24) ** 2 + 2 * (24 + 40) ** 2
    specs = [symmetry(canonical_of("seq2seq-rotary-swiglu-two")[1])] * 3
    assert moments_of(specs) == 2 * (3 + 4) * 36**2 + 2 * 60**2  # norms and layers of both sides


@pytest.mark.parametrize("count", [2, 4])
def test_a_reduction_holds_its_models_their_block_and_its_moments_twice(tmp_path, count):
    sources = [open_source(write(tmp_path / f"{k}.safetensors", *model(k, norm="rms")), tmp_path) for k in range(count)]
    job = make_job(sources, FusionConfig(method="merged"))
    whole = replace(job, plan=plan_fusion(FusionConfig(method="aligned", support="activations"), job.problem))
    numbers = sum(tensor.numel() for tensor in model(0, norm="rms")[0].values())
    assert memory_of(whole) == 8 * 2 * count * numbers
    assert memory_of(job) == memory_of(whole) + 8 * 2 * (count**2 * numbers + moments_of(job.problem.specs))
