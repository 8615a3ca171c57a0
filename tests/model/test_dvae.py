"""The discrete VAE: shapes, the original network, the loss as the paper has it, and that it learns."""

from functools import cache

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dalle_lessons.model.dvae import DVAE, DVAEConfig

SMALL = {"codes": 16, "code_dim": 8, "widths": (16, 16), "patch": 2, "blocks": 1}
KINDS = [(quantizer, likelihood) for quantizer in ("vq", "gumbel") for likelihood in ("mse", "logit_laplace")]


def small(**options):
    torch.manual_seed(0)
    return DVAE(DVAEConfig(**{**SMALL, **options}))


@cache
def paper():
    """The paper's network, without memory for its weights."""
    with torch.device("meta"):
        return DVAE(DVAEConfig.paper())


@pytest.mark.parametrize(("quantizer", "likelihood"), KINDS)
def test_a_picture_becomes_tokens_and_tokens_a_picture(quantizer, likelihood):
    vae = small(quantizer=quantizer, likelihood=likelihood).eval()
    images = torch.rand(3, 3, 8, 20)
    tokens = vae.encode(images)
    assert tokens.shape == (3, 2, 5) and tokens.dtype == torch.int64
    assert 0 <= tokens.min() and tokens.max() < 16
    assert torch.equal(vae.logits(images).argmax(1), tokens)
    drawn = vae.decode(tokens)
    assert drawn.shape == images.shape and drawn.dtype == torch.float32 and not drawn.requires_grad
    assert 0 <= drawn.min() and drawn.max() <= 1


@pytest.mark.parametrize(("patch", "widths", "factor"), [(1, (8,), 1), (1, (8, 8, 8), 4), (4, (8, 8), 8), (8, (8,), 8)])
def test_any_multiple_of_the_factor_works(patch, widths, factor):
    vae = small(patch=patch, widths=widths)
    assert vae.config.factor == factor
    for rows, cols in ((1, 1), (1, 3), (2, 5)):
        images = torch.rand(2, 3, rows * factor, cols * factor)
        assert vae.logits(images).shape == (2, 16, rows, cols)
        assert vae.decode(vae.encode(images)).shape == images.shape


@pytest.mark.parametrize("shape", [(2, 3, 8, 10), (2, 3, 9, 8), (2, 1, 8, 8), (3, 8, 8)])
def test_a_picture_that_no_whole_grid_covers_is_refused_in_one_sentence(shape):
    with pytest.raises(ValueError, match="multiples of 4") as caught:
        small().encode(torch.rand(shape))
    assert str(shape) in str(caught.value) and "\n" not in str(caught.value)


def test_a_token_sees_its_own_corner_of_the_picture():
    vae = small(blocks=0)  # without convolutions that look around, a token's patch is all it sees
    images = torch.zeros(1, 3, 8, 8)
    changed = images.clone()
    changed[:, :, 4:, :4] = 1.0  # the lower left token's pixels
    differs = (vae.logits(images) != vae.logits(changed)).any(1)[0]
    assert differs.tolist() == [[False, False], [True, False]]


def test_each_preset_has_the_grid_that_it_promises():
    for config, side, grid in (
        (DVAEConfig.emoji(), 64, 8),
        (DVAEConfig.shapes(), 32, 8),
        (DVAEConfig.paper(), 256, 32),
    ):
        assert side // config.factor == grid
    with torch.device("meta"):
        assert DVAE(DVAEConfig.paper()).logits(torch.rand(1, 3, 256, 256)).shape == (1, 8192, 32, 32)


def original_convolutions():
    """(inputs, outputs, kernel) of every convolution of the original, in the order in which a picture meets them.

    From openai/DALL-E: four groups of two blocks, 256 · (1, 2, 4, 8) channels wide in the encoder and the reverse in
    the decoder; a block's inner channels are a quarter of its outer ones; 1x1 where a block's skip changes the width.
    """

    def group(inputs, outputs, kernels):
        inner = outputs // 4
        for block_inputs in (inputs, outputs):
            if block_inputs != outputs:
                yield block_inputs, outputs, 1
            yield block_inputs, inner, kernels[0]
            yield inner, inner, kernels[1]
            yield inner, inner, kernels[2]
            yield inner, outputs, kernels[3]

    encoder = [(3, 256, 7)]
    for inputs, outputs in ((256, 256), (256, 512), (512, 1024), (1024, 2048)):
        encoder += group(inputs, outputs, (3, 3, 3, 1))
    encoder += [(2048, 8192, 1)]
    decoder = [(8192, 128, 1)]
    for inputs, outputs in ((128, 2048), (2048, 1024), (1024, 512), (512, 256)):
        decoder += group(inputs, outputs, (1, 3, 3, 3))
    decoder += [(256, 6, 1)]
    return encoder, decoder


def convolutions(*modules):
    found = [m for module in modules for m in module.modules() if isinstance(m, nn.Conv2d)]
    assert all(m.bias is not None and m.stride == (1, 1) and m.padding == (m.kernel_size[0] // 2,) * 2 for m in found)
    return [(m.in_channels, m.out_channels, m.kernel_size[0]) for m in found]


def test_the_paper_configuration_is_the_original_network():
    vae = paper()
    encoder, decoder = original_convolutions()
    assert convolutions(vae.encoder, vae.codebook) == encoder
    assert tuple(vae.codebook.vectors.weight.shape) == decoder[0][:2]  # the 1x1 convolution of a one-hot is a look-up
    assert convolutions(vae.decoder) == decoder[1:]
    count = sum(inputs * outputs * kernel**2 + outputs for inputs, outputs, kernel in encoder + decoder)
    assert sum(p.numel() for p in vae.parameters()) == count - 128  # the look-up's bias is part of every vector
    assert sum(isinstance(m, nn.MaxPool2d) for m in vae.encoder) == 3
    assert [m.mode for m in vae.decoder if isinstance(m, nn.Upsample)] == ["nearest"] * 3


def test_the_blocks_of_the_paper_add_a_sixty_fourth_of_their_branch_after_a_relu():
    vae = paper()
    blocks = [m for m in vae.modules() if hasattr(m, "branch")]
    assert len(blocks) == 16
    for block in blocks:
        assert block.residual_scale == 1 / 64  # 1 / layers², with eight blocks a side
        assert [type(m) for m in block.branch] == [nn.ReLU, nn.Conv2d] * 4
    assert isinstance(vae.encoder[-1], nn.ReLU)  # before the 1x1 that makes the logits
    block = small().encoder[1]
    x = torch.randn(1, 16, 4, 4)
    block.residual_scale = 0.25
    assert_close(block(x), x + 0.25 * block.branch(x))


def test_the_kl_is_divided_by_the_pixel_values_that_a_token_stands_for():
    images = torch.rand(2, 3, 8, 8)
    for kl_weight in (0.0, 1.0, 6.6):
        for likelihood in ("mse", "logit_laplace"):
            parts = small(quantizer="gumbel", likelihood=likelihood).loss(images, 0.5, kl_weight)
            share = (parts["total"] - parts["reconstruction"]).detach()
            assert_close(share, (kl_weight / 48 * parts["codebook"]).detach(), atol=1e-6, rtol=1e-5)  # 48 = 3 · 4²
    parts = small(quantizer="vq").loss(images, kl_weight=0.5)
    assert_close(parts["total"], parts["reconstruction"] + 0.5 * parts["codebook"])


def test_the_paper_weighs_the_kl_by_6_6_over_192():
    assert 3 * DVAEConfig.paper().factor ** 2 == 192


@pytest.mark.parametrize(("location", "log_scale"), [(0.0, 0.0), (1.2, -1.0), (-2.0, 0.5)])
def test_the_logit_laplace_density_integrates_to_one(location, log_scale):
    vae = small(likelihood="logit_laplace").double()
    outputs = torch.tensor([location] * 3 + [log_scale] * 3, dtype=torch.float64)[None, :, None, None]
    total, step = 0.0, 0.05
    for logit in torch.arange(-30, 30, step, dtype=torch.float64):  # over (0, 1), with narrower steps at its ends
        x = torch.sigmoid(logit)
        pixel = (x - 0.1) / 0.8  # what is squeezed to x
        density = torch.exp(-vae.reconstruction_loss(outputs, pixel.expand(1, 3, 1, 1)))
        total += float(density * x * (1 - x) * step)  # dx = x (1 - x) d logit(x)
    assert total == pytest.approx(1, abs=5e-3)


def test_the_logit_laplace_likelihood_is_a_laplace_distribution_of_the_logit():
    vae = small(likelihood="logit_laplace")
    images, outputs = torch.rand(2, 3, 4, 4), torch.randn(2, 6, 4, 4)
    x = 0.8 * images + 0.1
    laplace = torch.distributions.Laplace(outputs[:, :3], outputs[:, 3:].exp())
    logit_laplace = torch.distributions.TransformedDistribution(laplace, torch.distributions.SigmoidTransform())
    assert_close(vae.reconstruction_loss(outputs, images), -logit_laplace.log_prob(x).mean())


def test_pixels_come_back_from_the_location_that_fits_them_best():
    vae = small(likelihood="logit_laplace")
    images = torch.rand(2, 3, 4, 4)
    images[0, 0, 0], images[0, 0, 1] = 0.0, 1.0
    location = torch.logit(0.8 * images + 0.1)
    outputs = torch.cat((location, torch.randn_like(location)), dim=1)  # the scale says how sure, not which color
    assert_close(vae.to_pixels(outputs), images, atol=1e-6, rtol=1e-5)
    extreme = torch.full((1, 6, 2, 2), 50.0)
    assert vae.to_pixels(extreme).max() == 1 and vae.to_pixels(-extreme).min() == 0


@pytest.mark.parametrize("likelihood", ["mse", "logit_laplace"])
def test_better_pictures_have_a_lower_reconstruction_loss(likelihood):
    vae = small(likelihood=likelihood)
    images = torch.rand(2, 3, 4, 4) * 0.8 + 0.1

    def outputs_for(pixels):
        if likelihood == "mse":
            return pixels
        return torch.cat((torch.logit(0.8 * pixels + 0.1), torch.zeros_like(pixels)), dim=1)

    losses = [float(vae.reconstruction_loss(outputs_for(images + off), images)) for off in (0.0, 0.05, 0.1)]
    assert losses[0] < losses[1] < losses[2]


def test_the_scale_that_fits_best_is_the_mean_distance():
    vae = small(likelihood="logit_laplace")
    images = torch.rand(1, 3, 32, 32)
    location = torch.zeros(1, 3, 32, 32)
    log_scale = torch.zeros(1, 3, 1, 1, requires_grad=True)
    best = (torch.logit(0.8 * images + 0.1) - location).abs().mean((2, 3), keepdim=True).log()
    with torch.no_grad():
        log_scale.copy_(best)
    loss = vae.reconstruction_loss(torch.cat((location, log_scale.expand_as(location)), dim=1), images)
    loss.backward()
    assert_close(log_scale.grad, torch.zeros_like(log_scale), atol=1e-6, rtol=0)


@pytest.mark.parametrize("quantizer", ["vq", "gumbel"])
def test_every_part_of_the_network_learns(quantizer):
    vae = small(quantizer=quantizer)
    vae.loss(torch.rand(4, 3, 16, 16))["total"].backward()
    still = [name for name, p in vae.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_a_quantizer_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match='^There is no quantizer .*: choose "gumbel" or "vq".$'):
        small(quantizer="nearest")


@pytest.mark.parametrize("quantizer", ["vq", "gumbel"])
def test_the_fingerprint_tells_image_tokens_apart(quantizer, tmp_path):
    """Whatever changes the tokens of a picture changes it; the decoder, saving and loading do not."""
    vae = small(quantizer=quantizer)
    first = vae.fingerprint()
    assert len(first) == 64 and small(quantizer=quantizer).fingerprint() == first
    vae.save_pretrained(tmp_path)
    assert DVAE.from_pretrained(tmp_path).fingerprint() == first
    with torch.no_grad():
        vae.decoder[-2].weight.mul_(2)
        assert vae.fingerprint() == first
        seen = {first}
        for parameter in (*vae.encoder.parameters(), *vae.codebook.parameters()):
            parameter.view(-1)[-1] += 0.5
            seen.add(vae.fingerprint())
    assert len(seen) == 1 + len([*vae.encoder.parameters(), *vae.codebook.parameters()])


@pytest.mark.parametrize(("quantizer", "likelihood"), KINDS)
def test_it_overfits_one_batch(quantizer, likelihood):
    """After 200 steps the pictures' own tokens draw them with a small part of the error that one gray would make."""
    generator = torch.Generator().manual_seed(1)
    quarters = torch.rand(6, 3, 2, 2, generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    images = (quarters + 0.05 * torch.randn(quarters.shape, generator=generator)).clamp(0, 1)
    vae = small(quantizer=quantizer, likelihood=likelihood, codes=32)
    optimizer = torch.optim.Adam(vae.parameters(), lr=1e-2)
    steps, first = 200, None
    calmer = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        optimizer.zero_grad()
        temperature, kl_weight = 2 - 1.5 * step / steps, 0.0 if quantizer == "gumbel" else 1.0
        loss = vae.loss(images, temperature, kl_weight)["total"]
        first = loss.item() if first is None else first
        loss.backward()
        # As the trainer does: a Laplace box grown narrow has steep gradients, and steps of one length fall out of it.
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        calmer.step()
    if likelihood == "mse":
        assert loss < first / 10
    else:
        assert loss < first - 1  # a log-likelihood: 1 nat for each of a pixel's three values
    error, gray = (vae.eval().decode(vae.encode(images)) - images).pow(2).mean(), images.var()
    assert error < gray / (3 if (quantizer, likelihood) == ("gumbel", "logit_laplace") else 8), f"{error:.4f}"
