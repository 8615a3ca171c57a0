"""Which device is taken, and what is said of one that is not there. Cards that this machine lacks are imitated."""

import pytest
import torch

from dalle_lessons.model.devices import describe, devices_here, pick_device


@pytest.fixture
def machine(monkeypatch):
    """machine(cuda=2, mps=False): from then on PyTorch finds so many cards of each kind."""

    def imitate(cuda=0, mps=False, current=0):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: current)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    imitate()
    return imitate


def test_auto_takes_cuda_then_mps_then_the_processor(machine):
    assert pick_device() == pick_device("auto") == torch.device("cpu")
    machine(mps=True)
    assert pick_device("auto") == torch.device("mps")
    machine(cuda=2, mps=True)
    assert pick_device("auto") == torch.device("cuda:0")
    assert [str(device) for device in devices_here()] == ["cuda:0", "cuda:1", "mps", "cpu"]


def test_a_name_takes_that_device(machine):
    machine(cuda=2, mps=True, current=1)
    assert pick_device("cuda") == torch.device("cuda:1"), "the card that PyTorch works on"
    assert pick_device("cuda:0") == torch.device("cuda:0")
    assert pick_device("mps") == pick_device("mps:0") == torch.device("mps")
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cuda", "There is no device 'cuda' here, only cpu: name one of these, or auto."),
        ("mps", "There is no device 'mps' here, only cpu: name one of these, or auto."),
        ("gpu", "There is no device 'gpu': name one of auto, cpu, cuda, cuda:1 or mps."),
        ("cuda:x", "There is no device 'cuda:x': name one of auto, cpu, cuda, cuda:1 or mps."),
        ("", "There is no device '': name one of auto, cpu, cuda, cuda:1 or mps."),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_one_sentence(name, sentence, machine):
    with pytest.raises(ValueError) as caught:
        pick_device(name)
    assert str(caught.value) == sentence


def test_a_card_beyond_the_last_is_refused_with_those_that_are_there(machine):
    machine(cuda=2)
    with pytest.raises(ValueError, match="^There is no device 'cuda:2' here, only cuda:0, cuda:1, cpu: name one"):
        pick_device("cuda:2")


def test_devices_are_described(machine):
    assert describe(torch.device("cpu")) == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_card_says_its_name_and_its_memory():
    text = describe(torch.device("cuda:0"))
    assert text.startswith("cuda:0 (") and text.endswith(" GiB)")
    assert pick_device("cuda") == torch.ones(1, device="cuda").device
