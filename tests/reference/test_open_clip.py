"""CLIP's loss and its gradients, and those of open_clip."""

import pytest
import torch
import torch.nn.functional as F

from dalle_lessons.model.clip import contrastive_loss

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("scale", [1.0, 1 / 0.07, 100.0])
def test_loss_and_gradients_are_open_clips(open_clip_loss, scale):
    raw = torch.randn(2, 16, 24, dtype=torch.float64)

    def run(loss):
        images, texts = raw.clone().requires_grad_().unbind()
        images.retain_grad(), texts.retain_grad()
        log_scale = torch.tensor(scale, dtype=torch.float64).log().requires_grad_()
        value = loss(F.normalize(images, dim=-1), F.normalize(texts, dim=-1), log_scale.exp())
        value.backward()
        return value, images.grad, texts.grad, log_scale.grad

    for ours, theirs in zip(run(contrastive_loss), run(open_clip_loss.ClipLoss()), strict=True):
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
