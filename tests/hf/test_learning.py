"""Maps of transformers models are learned as those of fedot's own: through the models' own, unmodified classes."""

import pytest
import torch
from torch.func import functional_call

from fedot.errors import FedotError
from fedot.fusion import FusionConfig, fuse
from fedot.fusion.canonical.canonicalise import canonicalise
from fedot.fusion.problem.prepare import prepare
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.refine.learned_maps import Learning, goal_of, losses, runner
from fedot.fusion.refine.turns import no_angles, turns_of
from fedot.fusion.texts.probe import Probe
from fedot.hf import forward_module, fuse_folders, load_folder, probe_module
from tests.hf.models import VARIANTS, VOCAB, folder_of, run
from tests.hf.test_probe import probe

LEARNED = ("bert", "roberta-words", "distilbert", "gpt2", "gpt2-class", "vit", "t5", "marian")
WITHOUT_HEAD = {"bert-base"}


def batches(name, number=9):
    """The inputs of `probe`, cut into many batches."""
    (whole,) = probe(name).batches
    return Probe(tuple(zip(*(torch.split(each, -(-64 // number)) for each in whole), strict=True)), probe_module)


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - WITHOUT_HEAD))
def test_a_state_has_a_tensor_for_every_parameter_of_its_module(name, folders):
    model = load_folder(folders[name])
    module = probe_module(model.config, model.state)
    own = module.own_tensors(model.state)
    given = dict((*module.named_parameters(remove_duplicate=False), *module.named_buffers()))
    assert all(torch.equal(tensor, given[key]) for key, tensor in own.items())
    covered = {id(given[key]) for key in own}  # a tied tensor has several names
    assert not [key for key, parameter in module.named_parameters() if id(parameter) not in covered]


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_reach_every_tensor_of_a_state(name, folders):
    model = load_folder(folders[name])
    state = {key: tensor.requires_grad_(True) for key, tensor in canonicalise(model.state, model.spec).items()}
    problem = prepare([(model.state, model.config)], spec=model.spec, probe=probe(name))
    (batch,) = problem.probe.batches
    logits = runner(problem)(state, batch)
    plain = functional_call(probe_module(model.config, model.state), {}, batch)
    torch.testing.assert_close(logits.detach(), plain.detach(), rtol=0, atol=2e-4)
    logits.square().sum().backward()
    copies = {copy for copy, _ in model.spec.lasting_ties()}
    still = [key for key, tensor in state.items() if key not in copies and tensor.grad is None]
    # what only a norm's gain or a table of places would tell is not read where the canonical form has constants
    assert not [key for key in still if key in model.spec.axes], still


@pytest.mark.parametrize("name", LEARNED)
def test_learned_maps_bring_models_closer_and_leave_each_what_it_computes(name, tmp_path):
    models = [load_folder(folder_of(name, tmp_path / str(seed), seed)) for seed in (0, 1)]
    pairs, given = [(model.state, model.config) for model in models], batches(name)
    config = FusionConfig(method="aligned", learn_steps=40)
    plain, learned = (
        fuse(pairs, spec=models[0].spec, probe=given, config=each) for each in (FusionConfig(method="aligned"), config)
    )
    own, turned = (
        run(forward_module(state, models[0].config, torch.float64)) for state in (models[1].state, learned.aligned[1])
    )
    torch.testing.assert_close(turned, own, rtol=0, atol=2e-4)
    problem = prepare(pairs, spec=models[0].spec, probe=given)
    loss, options = goal_of(problem, Learning()), Learning()
    before, after = losses([plain.state, learned.state], TextSource(problem), options, loss, runner(problem))
    assert after < before


def test_a_stream_whose_norms_stay_turns_around_the_vector_of_ones(folders):
    spec = load_folder(folders["vit"]).spec
    assert spec.keeps_mean("residual")
    draw = torch.Generator().manual_seed(0)
    angles = {name: torch.randn(angle.shape, generator=draw).double() for name, angle in no_angles(spec).items()}
    turn = turns_of(spec, angles)["residual"]
    ones = torch.ones(len(turn), dtype=torch.float64)
    torch.testing.assert_close(turn @ ones, ones, rtol=0, atol=1e-12)
    torch.testing.assert_close(turn @ turn.T, torch.eye(len(turn), dtype=torch.float64), rtol=0, atol=1e-12)
    assert (turn - torch.eye(len(turn), dtype=torch.float64)).abs().max() > 0.1


@pytest.mark.parametrize("options", [{"method": "verma"}, {"method": "theus", "learn_steps": 2}])
def test_folders_are_probed_with_texts_drawn_from_counts(options, tmp_path):
    folders = [folder_of("bert", tmp_path / str(seed), seed) for seed in (0, 1)]
    counts = [torch.cat([torch.zeros(1), torch.arange(1.0, VOCAB)])] * 2
    result = fuse_folders(folders, tmp_path / "fused", token_counts=counts, config=FusionConfig(**options))
    assert all(torch.isfinite(tensor).all() for tensor in result.state.values())
    assert load_folder(tmp_path / "fused").state.keys() == result.state.keys()


def test_labels_of_images_are_learned_from(tmp_path):
    models = [load_folder(folder_of("vit", tmp_path / str(seed), seed)) for seed in (0, 1)]
    given = batches("vit")
    labels = tuple((images.mean((1, 2, 3)) > 0).long() for (images,) in given.batches)
    given = Probe(given.batches, probe_module, labels)
    pairs = [(model.state, model.config) for model in models]
    config = FusionConfig(method="theus", learn_steps=60, learn_from="labels")
    plain, learned = (
        fuse(pairs, spec=models[0].spec, probe=given, config=each) for each in (FusionConfig(method="theus"), config)
    )
    problem, options = prepare(pairs, spec=models[0].spec, probe=given), Learning(labels=True)
    loss = goal_of(problem, options)
    before, after = losses([plain.state, learned.state], TextSource(problem), options, loss, runner(problem))
    assert after < before


def test_translators_ask_for_pairs(folders):
    model = load_folder(folders["t5"])
    with pytest.raises(FedotError, match="T5ForConditionalGeneration reads pairs of texts; pass a probe of two inputs"):
        probe_module(model.config, model.state)(torch.ones(2, 5, dtype=torch.int64))
