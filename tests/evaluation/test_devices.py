"""Where the measures compute. A device that this machine lacks is imitated by PyTorch's "meta", whose tensors have no
values: what comes back from there is taken for zeros, and what a model is given must lie there."""

from contextlib import nullcontext

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from dalle_lessons import TextToImage
from dalle_lessons.cli import main
from dalle_lessons.datasets.shapes_check import SceneVerdict
from dalle_lessons.evaluation import candidates, edits, emoji, shapes
from dalle_lessons.evaluation.drawings import measure_drawings, measure_variety
from dalle_lessons.evaluation.edits import measure_edits
from dalle_lessons.evaluation.emoji import evaluate_emoji
from dalle_lessons.evaluation.likelihood import measure_nll
from dalle_lessons.evaluation.recognition import measure_judge, measure_retrieval
from dalle_lessons.evaluation.reconstruction import encode_pictures, measure_dvae
from dalle_lessons.evaluation.shapes import evaluate_shapes
from dalle_lessons.model.judge import Judge

THERE = torch.device("meta")


def must_lie_there(module, inputs):
    strays = [x for x in inputs if isinstance(x, torch.Tensor) and x.device != THERE]
    assert not strays, f"{type(module).__name__} computes elsewhere"


def moved(model: nn.Module) -> nn.Module:
    for module in model.modules():
        module.register_forward_pre_hook(must_lie_there)
    return model.to(THERE)


@pytest.fixture
def elsewhere(weights, monkeypatch):
    """The tiny system and its judge, on the other device."""
    to, cpu = torch.Tensor.to, torch.Tensor.cpu

    def zeros(tensor):
        return torch.zeros(tensor.shape, dtype=tensor.dtype)

    def brought(tensor, *args, **options):
        back = tensor.is_meta and args and args[0] in ("cpu", torch.device("cpu"))
        return zeros(tensor) if back else to(tensor, *args, **options)

    def sampled(dalle, text, indices, seed=0, given=None, **options):
        assert text.device == THERE and (given is None or given.device == THERE)
        for i in range(0, len(indices), 32):
            yield range(i, i + 32), torch.zeros(32, dalle.config.image_length, dtype=torch.int64, device=THERE)

    system, judge = TextToImage.from_pretrained(weights, "cpu"), Judge.from_pretrained(weights / "judge")
    for model in (*system.models.values(), judge):
        moved(model)
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: zeros(tensor) if tensor.is_meta else cpu(tensor))
    monkeypatch.setattr(torch.Tensor, "to", brought)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no such device
    monkeypatch.setattr(candidates, "sample_batches", sampled)
    monkeypatch.setattr(edits, "sample_batches", sampled)
    return system, judge


MEASURES = {
    "dvae": lambda system, judge, sets: measure_dvae(
        system.dvae, sets["unseen_tone"], sets["train"].pairs, ["all"] * len(sets["unseen_tone"])
    ),
    "judge": lambda system, judge, sets: measure_judge(judge, system.dvae, sets["unseen_tone"]),
    "retrieval": lambda system, judge, sets: measure_retrieval(system.clip, sets["unseen_tone"]),
    "likelihood": lambda system, judge, sets: measure_nll(system, sets, sets["train"].pairs, 4, 2),
    "drawings": lambda system, judge, sets: measure_drawings(
        system, judge, sets["unseen_tone"], encode_pictures(system.dvae, sets["train"].pairs.pictures), 2, 16
    ),
    "variety": lambda system, judge, sets: measure_variety(system, judge, sets["train"].pairs, 1, 9),
    "edits": lambda system, judge, sets: measure_edits(system, judge, sets["unseen_emoji"], sets["train"].pairs, 1, 1),
}


@pytest.mark.parametrize("part", MEASURES)
def test_what_models_compute_is_computed_where_they_are_and_figures_here(part, elsewhere, sets):
    assert MEASURES[part](*elsewhere, sets)


def test_without_a_clip_drawings_are_ranked_there_too(elsewhere):
    system = elsewhere[0]
    system.clip = None
    tokens, images = torch.zeros(2, 16, dtype=torch.int64), torch.zeros(2, 3, 64, 64)
    assert candidates.score_candidates(system, "a cat", tokens, images).tolist() == [0, 0]


def test_the_shapes_are_measured_there_too(elsewhere, monkeypatch):
    split = shapes.of_scenes(shapes.distinct_shapes("test", 2))
    monkeypatch.setattr(
        shapes, "check", lambda image, caption: SceneVerdict(({"shape": image.sum() == 0},), (None,), 0)
    )
    assert shapes.measure_shapes(elsewhere[0], split, 2)["captions"] == 2


@pytest.mark.parametrize(("module", "evaluate"), [(emoji, evaluate_emoji), (shapes, evaluate_shapes)])
def test_the_models_are_loaded_onto_the_device_that_was_asked_for(
    module, evaluate, weights, few, tmp_path, monkeypatch
):
    seen = {}

    def keep(name):
        def measure(*models, **options):
            for model in models:
                if isinstance(model, TextToImage | nn.Module):
                    seen.setdefault(name, []).append(model.device)
            return {}

        return measure

    asked = []
    monkeypatch.setattr(module, "pick_device", lambda device: asked.append(device) or THERE)
    monkeypatch.setattr("dalle_lessons.pipeline.system.pick_device", lambda device: device)
    names = [name for name in vars(module) if name.startswith("measure_") and name != "measure_parts"]
    for name in names:
        monkeypatch.setattr(module, name, keep(name))
    monkeypatch.setattr(module, "encode_pictures", lambda *_: None, raising=False)
    monkeypatch.setattr(module, "emoji", lambda split: few[split], raising=False)
    evaluate(str(weights), 1, 1, out=tmp_path, device="cuda:1")
    assert asked == ["cuda:1"] and seen.keys() == set(names)
    assert {device for devices in seen.values() for device in devices} == {THERE}
    assert '"device": "meta"' in (tmp_path / "dvae.json").read_text()


@pytest.mark.parametrize("world", ["emoji", "shapes"])
def test_a_device_that_is_not_there_is_refused_before_any_work(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["evaluate", "--world", world, "--device", "gpu"])
    assert result.exit_code == 1 and "Error: There is no device 'gpu': name one of auto" in result.output
    assert not list(tmp_path.iterdir())
