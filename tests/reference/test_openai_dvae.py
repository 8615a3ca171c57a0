"""OpenAI's own dVAE (PyPI: dall-e, random weights), saved as OpenAI saved it, and ours, converted from those files."""

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner

from dalle_lessons.cli import main
from dalle_lessons.model.dvae import DVAE, DVAEConfig
from dalle_lessons.model.openai_dvae import to_original

pytestmark = pytest.mark.reference
CODES = 512
TOLERANCE = {"rtol": 0, "atol": 1e-5}


def make(dall_e, **sizes):
    """The original's two networks, with biases: it begins with zeros, which would hide a bias in a wrong place."""
    code_dim = sizes.pop("n_init", 16)
    encoder, decoder = dall_e.Encoder(**sizes).eval(), dall_e.Decoder(n_init=code_dim, **sizes).eval()
    with torch.no_grad():
        for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
            if name.endswith(".b"):
                parameter.normal_(std=0.1)
    return encoder, decoder


def their_pixels(dall_e, decoder, tokens, codes):
    """As in the original's notebook: one-hot codes in, the location alone becomes pixels."""
    one_hot = F.one_hot(tokens, codes).permute(0, 3, 1, 2).float()
    return dall_e.unmap_pixels(torch.sigmoid(decoder(one_hot)[:, :3]))


@pytest.fixture
def converted(dall_e, tmp_path):
    """(encoder, decoder) of the original, and ours, by way of their files and the command."""
    encoder, decoder = make(dall_e, n_hid=64, vocab_size=CODES)
    for name, model in (("encoder", encoder), ("decoder", decoder)):
        torch.save(model, tmp_path / f"{name}.pkl")
    words = ["convert", "openai-dvae", f"{tmp_path}/encoder.pkl", f"{tmp_path}/decoder.pkl", f"{tmp_path}/out"]
    result = CliRunner().invoke(main, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return encoder, decoder, DVAE.from_pretrained(tmp_path / "out")


@torch.no_grad()
def test_pictures_become_the_same_logits_and_tokens(dall_e, converted):
    encoder, _, ours = converted
    images = torch.rand(2, 3, 32, 48)
    theirs = encoder(dall_e.map_pixels(images))
    assert theirs.std() > 0.1  # there is something to compare
    torch.testing.assert_close(ours.logits(images), theirs, **TOLERANCE)
    assert torch.equal(ours.encode(images), theirs.argmax(dim=1))


@torch.no_grad()
def test_tokens_become_the_same_pixels(dall_e, converted):
    _, decoder, ours = converted
    tokens = torch.randint(CODES, (2, 4, 6))
    theirs = their_pixels(dall_e, decoder, tokens, CODES)
    assert theirs.std() > 0.01
    torch.testing.assert_close(ours.decode(tokens), theirs, **TOLERANCE)
    one_hot = F.one_hot(tokens, CODES).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(ours.decoder(ours.codebook.lookup(tokens)), decoder(one_hot), **TOLERANCE)


@torch.no_grad()
def test_ours_becomes_the_original_with_the_same_outputs(dall_e):
    sizes = {"codes": CODES, "code_dim": 16, "widths": (64, 128, 256, 512), "patch": 1, "bottleneck_ratio": 4}
    ours = DVAE(DVAEConfig(**sizes, residual_scale=1 / 64, quantizer="gumbel", likelihood="logit_laplace")).eval()
    encoder, decoder = make(dall_e, n_hid=64, vocab_size=CODES)
    for model, weights in zip((encoder, decoder), to_original(ours), strict=True):
        model.load_state_dict(weights)
    images, tokens = torch.rand(2, 3, 32, 32), torch.randint(CODES, (2, 4, 4))
    torch.testing.assert_close(encoder(dall_e.map_pixels(images)), ours.logits(images), **TOLERANCE)
    torch.testing.assert_close(their_pixels(dall_e, decoder, tokens, CODES), ours.decode(tokens), **TOLERANCE)


def test_the_published_size_is_the_papers(dall_e):
    with torch.device("meta"):
        ours = DVAE(DVAEConfig.paper())
        device = torch.device("meta")
        theirs = dall_e.Encoder(device=device), dall_e.Decoder(device=device)
    for model, weights in zip(theirs, to_original(ours), strict=True):
        expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
        assert {name: tensor.shape for name, tensor in weights.items()} == expected
