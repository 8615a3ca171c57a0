"""Our transformer and GPT-2 of `transformers`, with the same weights."""

import pytest
import torch

from dalle_lessons.model.dalle import DALLE, DALLEConfig

pytestmark = pytest.mark.reference
CONFIG = DALLEConfig(vocab_size=61, text_length=12, rows=4, cols=5, codes=37, width=48, layers=3, heads=4, pad_id=0)
SLOTS = CONFIG.text_length + CONFIG.image_length


def copy_blocks(ours, theirs) -> None:
    """Our blocks and last norm into GPT-2's, whose linear layers are written the other way round (`Conv1D`)."""
    for mine, block in zip(ours.blocks, theirs.h, strict=True):
        attention = mine.attention
        joined = [attention.query, attention.key, attention.value]
        pairs = (
            (block.attn.c_attn, torch.cat([one.weight for one in joined]), torch.cat([one.bias for one in joined])),
            (block.attn.c_proj, attention.project.weight, attention.project.bias),
            (block.mlp.c_fc, mine.mlp[0].weight, mine.mlp[0].bias),
            (block.mlp.c_proj, mine.mlp[2].weight, mine.mlp[2].bias),
        )
        for layer, weight, bias in pairs:
            layer.weight.copy_(weight.T)
            layer.bias.copy_(bias)
        block.ln_1.load_state_dict(mine.norm1.state_dict())
        block.ln_2.load_state_dict(mine.norm2.state_dict())
    theirs.ln_f.load_state_dict(ours.norm.state_dict())


@pytest.fixture
def pair(gpt2):
    """DALL·E with large random weights, biases among them, and GPT-2 with the same blocks; its own GELU is a
    tanh approximation, ours is exact."""
    dalle = DALLE(CONFIG).eval()
    with torch.no_grad():
        for parameter in dalle.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        config = gpt2.GPT2Config(
            vocab_size=CONFIG.vocab_size,
            n_positions=SLOTS,
            n_embd=CONFIG.width,
            n_layer=CONFIG.layers,
            n_head=CONFIG.heads,
            activation_function="gelu",
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=None,
        )
        theirs = gpt2.GPT2LMHeadModel(config).eval()
        copy_blocks(dalle.transformer, theirs.transformer)
    return dalle, theirs


@torch.no_grad()
def test_text_logits_are_those_of_gpt2(pair):
    dalle, theirs = pair
    theirs.transformer.wte.weight.copy_(dalle.embedding.text.weight)
    theirs.transformer.wpe.weight[: CONFIG.text_length] = dalle.embedding.text_position.weight
    theirs.lm_head.weight.copy_(dalle.text_head.weight)
    dalle.text_head.bias.zero_()  # GPT-2's head has none
    text = torch.randint(1, CONFIG.vocab_size, (3, CONFIG.text_length))
    logits, _ = dalle(text, torch.randint(CONFIG.codes, (3, CONFIG.image_length)))
    expected = theirs(input_ids=text).logits[:, :-1]
    assert expected.std() > 0.5
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_image_logits_are_those_of_gpt2_on_the_same_vectors(pair):
    dalle, theirs = pair
    theirs.transformer.wpe.weight.zero_()  # positions are in the vectors already
    text = torch.randint(0, CONFIG.vocab_size, (3, CONFIG.text_length))  # pads among them
    image = torch.randint(CONFIG.codes, (3, CONFIG.image_length))
    _, logits = dalle(text, image)
    vectors = dalle.embedding(text, image[:, :-1])
    hidden = theirs.transformer(inputs_embeds=vectors).last_hidden_state[:, CONFIG.text_length :]
    expected = dalle.image_head(hidden)
    assert expected.std() > 0.5
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_token_by_token_with_a_cache_too(pair):
    dalle, theirs = pair
    theirs.transformer.wpe.weight.zero_()
    text = torch.randint(1, CONFIG.vocab_size, (2, CONFIG.text_length))
    image = torch.randint(CONFIG.codes, (2, CONFIG.image_length))
    hidden = theirs.transformer(inputs_embeds=dalle.embedding(text, image[:, :-1])).last_hidden_state
    expected = dalle.image_head(hidden[:, CONFIG.text_length :])
    logits, cache = dalle.prefill(text)
    for i in range(CONFIG.image_length):
        torch.testing.assert_close(logits, expected[:, i], rtol=0, atol=1e-5)
        if i + 1 < CONFIG.image_length:
            logits = dalle.decode_step(image[:, i : i + 1], i, cache)
