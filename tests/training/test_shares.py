"""A batch in parts: the mean of their losses is the loss of all, and so are the gradients."""

import random
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training.objectives.dalle import DALLEObjective
from dalle_lessons.training.objectives.dvae import DVAEObjective
from dalle_lessons.training.objectives.edit import EditObjective
from dalle_lessons.training.objectives.judge import JudgeObjective
from dalle_lessons.training.shares import Batch, Share


def objective_of(kind, tiny):
    """A batch of 8 whose rows differ in all that a mean could weigh wrongly."""
    if kind == "dvae":
        gumbel = replace(tiny.dvae_preset.config, quantizer="gumbel")  # the other one keeps statistics of batches
        return DVAEObjective(replace(tiny.dvae_preset, config=gumbel))
    if kind == "judge":
        return JudgeObjective(tiny.judge_preset)
    if kind == "edit":
        return EditObjective(tiny.edit_preset, tiny.dvae, tiny.dalle(), TextTokenizer(tiny.tokenizer.tokenizer, 60))
    return DALLEObjective(replace(tiny.dalle_preset, caption_dropout=0.3), tiny.dvae, tiny.tokenizer)


def gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("kind", ["dalle", "edit", "judge", "dvae"])
def test_the_mean_over_the_shares_is_the_loss_of_the_whole_batch(kind, count, tiny):
    objective = objective_of(kind, tiny)
    model = objective.build(tiny.pairs).eval()  # without batch norm's statistics and Gumbel noise, which see the others
    batch = objective.draw(random.Random(0), 0.0)
    whole = objective.compute(model, batch)
    whole["total"].backward()
    expected = gradients(model)
    model.zero_grad()
    shares = [Share(i, count) for i in range(count)]
    parts = [objective.compute(model, batch.part(share), share) for share in shares]
    for name, value in whole.items():
        assert_close(sum(part[name] for part in parts) / count, value, msg=name)
    (sum(part["total"] for part in parts) / count).backward()
    assert_close(gradients(model), expected, rtol=1e-4, atol=1e-6)


def test_a_share_is_its_rows_and_what_is_known_of_all():
    batch = Batch({"a": torch.arange(6), "odd": torch.arange(5)}, {"n": torch.tensor(6)})
    parts = [batch.part(Share(i, 3)) for i in range(3)]
    assert [part.rows["a"].tolist() for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert torch.cat([part.rows["odd"] for part in parts]).tolist() == [0, 1, 2, 3, 4]
    assert all(part.whole is batch.whole for part in parts)


def test_a_batch_goes_to_a_device_but_for_single_numbers_which_are_read_here():
    batch = Batch({"a": torch.arange(6)}, {"table": torch.ones(2, 2), "n": torch.tensor(6)}).to(torch.device("meta"))
    assert {batch.rows["a"].device.type, batch.whole["table"].device.type} == {"meta"}
    assert int(batch.whole["n"]) == 6
