"""Which dVAE, DALL·E, tokenizer, CLIP and editor belong together: sizes fit, and nobody speaks of other tokens."""

from __future__ import annotations

from ..model.clip import CLIP, CLIPConfig
from ..model.dalle import DALLE, DALLEConfig
from ..model.dvae import DVAE
from ..model.files import TOKENIZER
from ..model.tokenizer import TextTokenizer

TOGETHER = "load the folder whose parts were trained together"


def check_together(
    dvae: DVAE, dalle: DALLE, tokenizer: TextTokenizer, clip: CLIP | None = None, editor: DALLE | None = None
) -> None:
    """Raises ValueError with one sentence if these models cannot, or should not, be used together."""
    if dvae.config.codes != dalle.config.codes or tokenizer.vocab_size != dalle.config.vocab_size:
        raise ValueError(
            f"These models do not fit together: {dvae.config.codes} codes in the dVAE and {dalle.config.codes} in "
            f"DALL·E, {tokenizer.vocab_size} text tokens in the tokenizer and {dalle.config.vocab_size} in DALL·E."
        )
    vocabularies = (dalle.config.codes, dalle.config.vocab_size)
    if editor is not None and (editor.config.codes, editor.config.vocab_size) != vocabularies:
        raise ValueError("The edit model does not fit: it has other image tokens or text tokens than DALL·E.")
    check_trained_on("This DALL·E", dalle.config, dvae, tokenizer)
    if editor is not None:
        check_trained_on("This edit model", editor.config, dvae, tokenizer)
    if clip is not None:  # it reads captions with a tokenizer of its own
        check_trained_on("This CLIP", clip.config, dvae, clip.tokenizer or tokenizer)


def check_trained_on(what: str, config: DALLEConfig | CLIPConfig, dvae: DVAE, tokenizer: TextTokenizer) -> None:
    """Raises ValueError with one sentence if the configuration names another dVAE or tokenizer than these.

    Other image tokens, or text tokens, of the same number look the same to a model and mean something else: it would
    draw nonsense without a word. A fingerprint of "" is not known, and accepted.
    """
    if config.dvae_fingerprint and config.dvae_fingerprint != dvae.fingerprint():
        raise ValueError(
            f"{what} was trained on the image tokens of another dVAE than the one beside it: {TOGETHER}, or train it "
            "again and name this dVAE with --dvae."
        )
    if config.tokenizer_fingerprint and config.tokenizer_fingerprint != tokenizer.fingerprint():
        raise ValueError(
            f"{what} was trained on the text tokens of another tokenizer than the one beside it: {TOGETHER}, or put "
            f"back the {TOKENIZER} that its training wrote."
        )
