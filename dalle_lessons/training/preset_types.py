"""What can be set for the training of each model; the values stand in `presets`."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.clip import CLIPConfig
from ..model.dalle import DALLEConfig
from ..model.dvae import DVAEConfig
from ..model.judge import JudgeConfig
from .train_config import TrainConfig


@dataclass(frozen=True)
class DVAEPreset:
    """How a dVAE is trained."""

    config: DVAEConfig
    train_config: TrainConfig
    #: Height and width of the pictures, in pixels.
    side: int = 64
    #: Weight of the codebook's loss, see `DVAE.loss`.
    kl_weight: float = 1.0
    #: Temperature of the Gumbel-softmax at the start and at the end (paper, appendix A.2).
    temperatures: tuple[float, float] = (1.0, 1 / 16)
    #: Share of the training over which the temperature falls; afterwards it stays at its last value.
    anneal_fraction: float = 0.75
    #: Pixels by which pictures are moved at random, at most, each way.
    shift: int = 0
    #: Whether the decoder alone learns, so that the tokens of the weights to start from (--start) stay what they are.
    frozen_tokens: bool = False
    #: With frozen tokens: largest share of a picture's tokens shown as another picture's, see `corrupt_tokens`.
    max_token_noise: float = 0.0
    #: Styles of the emoji that are trained on; None: those that the bundled models know. Other data have none.
    styles: tuple[str, ...] | None = None


@dataclass(frozen=True)
class DALLEPreset:
    """How a DALL·E is trained. The sizes of the grid and of the codebook come from the dVAE."""

    config: DALLEConfig
    train_config: TrainConfig
    #: Tokens of the text vocabulary, if it is learned from the captions.
    vocab_size: int
    #: Probability that a caption is left out, so that the model can be guided.
    caption_dropout: float = 0.1
    #: Probability that a merge of the text tokenizer is skipped (paper, section 2.2).
    bpe_dropout: float = 0.1
    #: How many times each picture is tokenized besides, each time moved at random: the same picture, other tokens.
    num_views: int = 0
    #: Pixels by which pictures are moved for these views, at most, each way.
    shift: int = 3
    #: Share of the training after which neither moved views nor wrong tokens are shown: drawings should have neither.
    augment_until: float = 0.75
    #: Power of the pictures' weights; below 1, rare pictures such as those with skin tones come more often.
    sampling_exponent: float = 1.0
    #: Largest share of a picture's tokens that are shown as another picture's, see `corrupt_tokens`.
    max_token_noise: float = 0.0
    #: Share of the pictures that are shown mirrored, which the caption then says: more pictures from the same ones, and
    #: none that a plain caption is false of (Jun et al. 2020, "Distribution augmentation").
    mirrored: float = 0.0
    #: Styles of the emoji that are trained on; None: those that the bundled models know. Other data have none.
    styles: tuple[str, ...] | None = None


@dataclass(frozen=True)
class CLIPPreset:
    """How a CLIP is trained."""

    config: CLIPConfig
    train_config: TrainConfig
    #: Probability that a picture is replaced by the dVAE's reconstruction, which is what CLIP will rank.
    reconstructed: float = 0.5
    #: Largest share of a reconstruction's tokens that are replaced by another picture's, since drawings have faults.
    max_token_noise: float = 0.0
    #: Share by which pictures are made larger or smaller, at most.
    scale_jitter: float = 0.0
    #: Largest change of each number of the 2x2 matrix that turns, stretches and slants pictures.
    affine_jitter: float = 0.0
    #: Largest share that each color takes from the other two.
    channel_mix: float = 0.0
    #: Share of the pictures that are covered by a rectangle.
    erasing: float = 0.0
    #: How many pictures in a row come from one subgroup of emoji: telling similar pictures apart is learned from these.
    negatives_per_group: int = 1
    #: Whether the second half of a batch shows the first half's things again, in other styles.
    pair_styles: bool = False
    #: For how many training captions DALL·E draws a picture at too high a temperature; no caption is true of these.
    generated_negatives: int = 0
    #: Power of the pictures' weights, as for DALL·E.
    sampling_exponent: float = 1.0
    #: Pixels by which pictures are moved at random, at most, each way.
    shift: int = 3
    #: Largest change of a picture's contrast, and twice the largest change of its brightness, as a share of the range.
    color_jitter: float = 0.15
    #: Probability that a merge of the text tokenizer is skipped.
    bpe_dropout: float = 0.1
    #: Styles of the emoji that are trained on; None: those that the bundled models know. Other data have none.
    styles: tuple[str, ...] | None = None


@dataclass(frozen=True)
class EditPreset:
    """How the edit model is trained, from the weights of a DALL·E."""

    train_config: TrainConfig
    #: Tokens of a caption, start-of-text included; at least as many as DALL·E's.
    text_length: int = 32
    #: Probability that a caption names the thing.
    named: float = 0.5
    #: (Style above, style below) that is never trained, to see whether it is understood all the same.
    left_out: tuple[str, str] = ("flat icon", "cartoon")
    #: How many times the pictures are tokenized besides, moved at random, every second time mirrored too.
    num_views: int = 7
    #: Pixels by which pictures are moved for these views, at most, each way.
    shift: int = 3
    #: Largest share of the lower half's tokens that are shown as another picture's, see `corrupt_tokens`.
    max_token_noise: float = 0.5
    #: Styles of the emoji that are trained on; None: those that the bundled models know. Other data have none.
    styles: tuple[str, ...] | None = None


@dataclass(frozen=True)
class JudgePreset:
    """How the judge is trained."""

    config: JudgeConfig
    train_config: TrainConfig
    #: Pixels by which pictures are moved at random, at most, each way.
    shift: int = 3
    #: As for CLIP.
    color_jitter: float = 0.15
    #: Probability that a picture is blurred a little, as a dVAE's pictures are.
    blur: float = 0.5
    #: Styles of the emoji that are trained on; None: those that the bundled models know. Other data have none.
    styles: tuple[str, ...] | None = None
