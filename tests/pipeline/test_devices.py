"""Where a system computes: on the processor here, on a graphics card where there is one, the same noise on both."""

import pytest
import torch

from dalle_lessons import TextToImage
from dalle_lessons.model.devices import devices_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tiny import save_tiny

    return save_tiny(tmp_path_factory.mktemp("whole"))


def test_a_system_is_on_the_device_that_was_named_and_can_be_moved(folder):
    system = TextToImage.from_pretrained(folder, device="cpu")
    assert system.device == torch.device("cpu") and system.to("cpu") is system and system.dtype == torch.float32
    assert list(system.models) == ["dvae", "dalle", "clip", "edit"]
    for name in ("cuda:99", "gpu"):
        with pytest.raises(ValueError, match=f"There is no device '{name}'"):
            system.to(name)
        with pytest.raises(ValueError, match=f"There is no device '{name}'"):
            TextToImage.from_pretrained(folder, device=name)


def test_auto_takes_the_first_device_that_is_there(folder, monkeypatch):
    asked = []
    monkeypatch.setattr("dalle_lessons.pipeline.system.pick_device", lambda name: asked.append(name) or "meta")
    system = TextToImage.from_pretrained(folder)
    assert asked == ["auto"] and system.device.type == "meta"
    assert {parameter.device.type for model in system.models.values() for parameter in model.parameters()} == {"meta"}
    assert {buffer.device.type for model in system.models.values() for buffer in model.buffers()} == {"meta"}


@pytest.mark.parametrize("dtype", ["float16", torch.bfloat16])
def test_in_fewer_digits_it_draws_and_says_so(folder, dtype):
    system = TextToImage.from_pretrained(folder, "cpu", dtype)
    assert str(system.dtype) == f"torch.{str(dtype).removeprefix('torch.')}"
    drawings = system.draw("a red circle", images=3, candidates=8, guidance=1.0)
    assert drawings[0].facts()["dtype"] == str(system.dtype).removeprefix("torch.")
    assert system.edit(drawings[0].image, "as a sketch")[0].tokens.shape == (3, 3)
    assert system.complete(drawings[0].image, 1, "a circle", 1, 1)[0].image.size == (12, 12)
    assert len(list(system.stream("a red circle"))) == 4
    likelihood = TextToImage(system.dvae, system.dalle, system.tokenizer)
    assert likelihood.draw("a red circle", 2, 2)[0].score < 0
    with pytest.raises(ValueError, match="Models do not compute in 'float8': name one of float32"):
        TextToImage.from_pretrained(folder, "cpu", "float8")


@pytest.mark.skipif(devices_here()[0].type == "cpu", reason="there is no graphics card here")
def test_on_a_graphics_card_the_picture_is_the_same_whatever_else_is_asked_for(folder):
    system = TextToImage.from_pretrained(folder)
    assert system.device == devices_here()[0]
    among = {d.index: d for d in system.draw("a circle", images=40, candidates=40, seed=1)}
    for index in (0, 5, 33):
        (alone,) = system.draw("a circle", seed=1, indices=[index])
        assert alone.tokens.device.type == "cpu" and torch.equal(alone.tokens, among[index].tokens)
        assert alone.image.tobytes() == among[index].image.tobytes()
    assert list(system.stream("a circle", seed=1, index=5))[-1].tobytes() == among[5].image.tobytes()
    assert system.edit(alone.image, "as a sketch")[0].tokens.device.type == "cpu"
    assert system.complete(alone.image, 1, "a circle", 2, 2, guidance=1.0, negative_caption="a square")
    assert system.draw("a circle")[0].facts()["device"].startswith(system.device.type)
    assert system.to("cpu").draw("a circle", seed=1, indices=[5])[0].tokens.shape == (3, 3)
