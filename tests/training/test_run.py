"""A whole training: what is refused before work begins, what is resumed, and what is saved."""

import json
import re
import shutil
from dataclasses import asdict, replace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import load_file

from dalle_lessons import TextToImage
from dalle_lessons.cli import main
from dalle_lessons.datasets.emoji import ALL_STYLES
from dalle_lessons.model.clip import CLIP
from dalle_lessons.model.dalle import DALLE
from dalle_lessons.model.dvae import DVAE
from dalle_lessons.model.judge import Judge
from dalle_lessons.model.tokenizer import TextTokenizer
from dalle_lessons.training import objectives, presets
from dalle_lessons.training.objectives.judge import JudgeObjective
from dalle_lessons.training.run import train_model
from dalle_lessons.training.sources import keep_tokenizer
from dalle_lessons.training.trainer import Trainer

QUIET = {"progress": False}


@pytest.fixture
def runs(trained_runs, tiny_world, tmp_path):
    """A folder with a dVAE, a DALL·E of its tokens and a CLIP, all of them hardly trained."""
    shutil.copytree(trained_runs, tmp_path / "runs")
    return tmp_path / "runs"


def checkpoint_of(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


# ---- what is saved --------------------------------------------------------------------------------------------------


def test_the_averaged_weights_are_saved_and_not_the_last_ones(tiny_world, tmp_path):
    trainer = train_model("dvae", "emoji", None, tmp_path / "dvae", **QUIET)
    saved = load_file(tmp_path / "dvae" / "model.safetensors")
    average, raw = trainer.average.module.state_dict(), trainer.model.state_dict()
    name = "decoder.1.weight"
    assert torch.equal(saved[name], average[name].half()) and not torch.equal(saved[name], raw[name].half())


def test_each_kind_of_model_trains_and_says_what_it_was_trained_on(runs, tiny_world):
    dvae = DVAE.from_pretrained(runs / "dvae")
    train_model("edit", "emoji", None, runs / "edit", **QUIET)
    train_model("judge", "emoji", None, runs / "judge", **QUIET)
    words = TextTokenizer.from_file(runs / "dalle" / "tokenizer.json", 28).fingerprint()
    editor = DALLE.from_pretrained(runs / "edit")
    assert (editor.config.rows, editor.config.text_length) == (8, 60)
    for config in (
        DALLE.from_pretrained(runs / "dalle").config,
        CLIP.from_pretrained(runs / "clip").config,
        editor.config,
    ):
        assert config.dvae_fingerprint == dvae.fingerprint() and config.tokenizer_fingerprint == words
    assert Judge.from_pretrained(runs / "judge").config == tiny_world.judge_preset.config
    for kind in ("edit", "judge"):
        assert checkpoint_of(runs / kind)["step"] == 3 and (runs / kind / "log.csv").exists()
    assert (runs / "edit" / "tokenizer.json").exists() and not (runs / "judge" / "tokenizer.json").exists()


@pytest.mark.parametrize(
    ("options", "styles"),
    [
        ((), None),
        (("--style", "all"), ALL_STYLES),
        (("--style", "stencil", "--style", "sketch"), ("stencil", "sketch")),
    ],
)
def test_the_command_trains_on_the_styles_that_it_is_told(options, styles, tiny_world, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(objectives, "load", lambda data, size, styles: asked.append(styles) or tiny_world.pairs)
    done = CliRunner().invoke(main, ["train", "dvae", *options, "--device", "cpu", "--out", str(tmp_path / "dvae")])
    assert done.exit_code == 0, done.output
    assert asked == [styles]


@pytest.mark.parametrize(
    ("data", "styles", "why"),
    [
        ("emoji", ("oil painting",), "no style 'oil painting'.*stencil"),
        ("emoji", (), "At least one style"),
        ("shapes", ("sketch",), "Only the emoji come in styles"),
    ],
)
def test_styles_that_there_are_not_are_refused_before_any_work(data, styles, why, tiny_world, tmp_path, monkeypatch):
    monkeypatch.setattr(objectives, "load", None)
    with pytest.raises(ValueError, match=why):
        train_model("dvae", data, None, tmp_path / "dvae", styles=styles, **QUIET)
    assert not (tmp_path / "dvae").exists()


def test_a_judge_names_as_many_styles_as_there_are(tiny_world):
    rows = [dict(row, style=style) for row, style in zip(tiny_world.pairs.metadata, ALL_STYLES, strict=False)]
    pairs = replace(tiny_world.pairs.subset(range(6)), metadata=rows)
    preset = tiny_world.judge_preset
    assert JudgeObjective(preset).build(tiny_world.pairs).config == preset.config
    assert JudgeObjective(preset).build(pairs).config == replace(preset.config, styles=6)
    with pytest.raises(ValueError, match="names 4 styles, but the pictures have 6"):
        JudgeObjective(preset, Judge(preset.config)).build(pairs)


def test_saved_clips_and_judges_have_statistics_of_their_averaged_weights(runs):
    train_model("judge", "emoji", None, runs / "judge", **QUIET)
    for kind, name in (("clip", "image_encoder"), ("judge", "encoder")):
        kept = checkpoint_of(runs / kind)["average"]
        saved = load_file(runs / kind / "model.safetensors")
        key = f"{name}.layers.1.branch.0.running_mean"
        assert not torch.equal(saved[key], kept[f"module.{key}"].half())
        weight = f"{name}.layers.0.weight"
        assert torch.equal(saved[weight], kept[f"module.{weight}"].half())


def test_a_folder_of_ones_own_trains_and_draws(tmp_path, tiny, monkeypatch):
    for kind in ("dvae", "dalle", "clip"):
        monkeypatch.setitem(presets.PRESETS[kind], "shapes", getattr(tiny, f"{kind}_preset"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i, color in enumerate(("red", "blue", "green", "black")):
        Image.new("RGB", (20 + i, 30), color).save(pictures / f"{i}.png")
        (pictures / f"{i}.txt").write_text(f"a {color} picture", encoding="utf-8")
    for kind in ("dvae", "dalle", "clip"):
        trainer = train_model(kind, str(pictures), "shapes", tmp_path / kind, steps=2, batch=4, **QUIET)
        assert trainer.step == 2
    assert (tmp_path / "dalle" / "tokenizer.json").exists()
    drawings = TextToImage.from_pretrained(tmp_path).draw("a red picture", images=1, candidates=2)
    assert -1 <= drawings[0].score <= 1 and drawings[0].image.size == (64, 64)


# ---- which weights are taken ----------------------------------------------------------------------------------------


def test_the_dvae_beside_the_folder_comes_before_the_bundled_one_and_is_named(runs, capsys):
    train_model("dalle", "emoji", None, runs / "dalle2")
    said = capsys.readouterr().out
    assert f"Taking the dvae weights of {str(runs / 'dvae')!r}" in said
    own = DVAE.from_pretrained(runs / "dvae").fingerprint()
    assert DALLE.from_pretrained(runs / "dalle2").config.dvae_fingerprint == own
    train_model("dalle", "emoji", None, runs / "other" / "dalle", dvae=runs / "dvae")
    assert "dvae" not in capsys.readouterr().out


def test_without_one_beside_it_the_bundled_dvae_is_taken_and_named(tiny_world, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(DVAE, "from_pretrained", lambda name: tiny_world.dvae if name == "emoji" else None)
    train_model("dalle", "emoji", None, tmp_path / "dalle")
    assert "Taking the dvae weights of 'emoji', since none are named." in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["dalle", "clip", "edit"])
def test_weights_of_another_dvae_are_refused_before_data_are_loaded(kind, runs, monkeypatch):
    train_model("dvae", "emoji", None, runs / "new" / "dvae", seed=5, **QUIET)
    monkeypatch.setattr(objectives, "load", lambda *_, **__: pytest.fail("too early"))
    start = runs / ("clip" if kind == "clip" else "dalle")
    with pytest.raises(ValueError, match="trained with another dVAE than the one taken here: .*--dvae") as caught:
        train_model(kind, "emoji", None, runs / "new" / kind, start=start, **QUIET)
    assert "\n" not in str(caught.value) and not (runs / "new" / kind).exists()


def test_weights_of_another_tokenizer_are_refused(runs, tiny_world):
    TextTokenizer.train(["nothing like it"], 300, 28).save(runs / "dalle" / "tokenizer.json")
    with pytest.raises(ValueError, match="another tokenizer"):
        train_model("dalle", "emoji", None, runs / "dalle2", start=runs / "dalle", **QUIET)


def test_a_missing_tokenizer_is_named(runs):
    (runs / "dalle" / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no tokenizer.json in .*dalle"):
        train_model("dalle", "emoji", None, runs / "dalle2", start=runs / "dalle", **QUIET)


def test_training_starts_from_given_weights_and_their_tokenizer(runs):
    options = {"lr": 1e-12, "steps": 1, "ema": 0.01, **QUIET}
    for kind, model in (("dalle", DALLE), ("clip", CLIP), ("dvae", DVAE)):
        train_model(kind, "emoji", None, runs / "on" / kind, dvae=runs / "dvae", start=runs / kind, **options)
        before, after = model.from_pretrained(runs / kind), model.from_pretrained(runs / "on" / kind)
        for name, parameter in before.named_parameters():
            if kind != "dvae" or "vectors" not in name:  # its dead codes may move
                torch.testing.assert_close(dict(after.named_parameters())[name], parameter, msg=name)
    one, other = (TextTokenizer.from_file(runs / f / "tokenizer.json", 28) for f in ("dalle", "on/dalle"))
    assert one.fingerprint() == other.fingerprint()
    train_model("judge", "emoji", None, runs / "judge", **QUIET)
    train_model("judge", "emoji", None, runs / "on" / "judge", start=runs / "judge", **options)


def test_weights_of_another_size_are_refused_before_data_are_loaded(runs, tiny_world, monkeypatch):
    for kind in ("dvae", "dalle", "clip"):
        preset = getattr(tiny_world, f"{kind}_preset")
        wider = {"code_dim": 4} if kind == "dvae" else {"layers": 2}
        monkeypatch.setitem(presets.PRESETS[kind], "emoji", replace(preset, config=replace(preset.config, **wider)))
    monkeypatch.setattr(objectives, "load", lambda *_, **__: pytest.fail("too early"))
    for kind in ("dvae", "dalle", "clip"):
        named = re.escape(f"The weights in {str(runs / kind)!r} are of another size than the model of this preset")
        with pytest.raises(ValueError, match=named):
            train_model(kind, "emoji", None, runs / "x", dvae=runs / "dvae", start=runs / kind, **QUIET)
    Judge(replace(tiny_world.judge_preset.config, widths=(8, 16))).save_pretrained(runs / "judge")
    monkeypatch.setattr(JudgeObjective, "load_pairs", lambda *_: pytest.fail("too early"))
    with pytest.raises(ValueError, match="of another size than the model of this preset"):
        train_model("judge", "emoji", None, runs / "x", start=runs / "judge", **QUIET)


def test_an_edit_model_fits_the_dalle_that_it_grows_from(runs, tiny_world, monkeypatch):
    monkeypatch.setitem(presets.PRESETS["edit"], "emoji", replace(tiny_world.edit_preset, text_length=20))
    named = runs.parent / "named"  # not the DALL·E beside it
    shutil.copytree(runs / "dalle", named)
    sentence = f"The weights in {str(named)!r} take captions of 28 tokens, and this preset only 20"
    with pytest.raises(ValueError, match=re.escape(sentence)):
        train_model("edit", "emoji", None, runs / "edit", start=named, **QUIET)
    model = DALLE(replace(DALLE.from_pretrained(runs / "dalle").config, rows=2, cols=2))
    model.save_pretrained(runs / "dalle")
    with pytest.raises(ValueError, match="other image tokens"):
        train_model("edit", "emoji", None, runs / "edit", **QUIET)


def test_a_dvae_whose_tokens_do_not_cover_the_pictures_is_refused(runs, tiny_world):
    DVAE(replace(tiny_world.dvae.config, patch=24)).save_pretrained(runs / "wide")
    for kind in ("dalle", "clip"):
        with pytest.raises(ValueError, match="64 pixels a side, and a token of this dVAE stands for 24"):
            train_model(kind, "emoji", None, runs / "x", dvae=runs / "wide", **QUIET)


def test_clip_goes_on_to_generated_negatives_from_a_folder_that_holds_a_clip_alone(
    runs, tiny_world, monkeypatch, capsys
):
    shutil.copytree(runs / "clip", runs / "alone" / "clip")
    preset = replace(tiny_world.clip_preset, generated_negatives=4)
    monkeypatch.setitem(presets.PRESETS["clip"], "emoji_negatives", preset)
    trainer = train_model("clip", "emoji", "emoji_negatives", runs / "clip2", start=runs / "alone" / "clip")
    assert trainer.step == 3 and f"Taking the dalle weights of {str(runs / 'dalle')!r}" in capsys.readouterr().out
    assert set(trainer.identity) >= {"dvae", "tokenizer", "start", "negatives"}
    monkeypatch.setattr(TextTokenizer, "train", lambda *_, **__: pytest.fail("it takes that DALL·E's tokenizer"))
    train_model("clip", "emoji", "emoji_negatives", runs / "clip3", **QUIET)


# ---- resume ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dalle", "clip", "edit", "judge"])
def test_a_training_goes_on_to_the_same_weights(kind, runs):
    whole = train_model(kind, "emoji", None, runs / "whole", **QUIET)
    train_model(kind, "emoji", None, runs / "parts", minutes=0, **QUIET)
    assert checkpoint_of(runs / "parts")["step"] == 1
    torch.manual_seed(99)
    resumed = train_model(kind, "emoji", None, runs / "parts", resume=True, **QUIET)
    for name, tensor in whole.average.module.state_dict().items():
        assert torch.equal(resumed.average.module.state_dict()[name], tensor), name


def test_the_checkpoint_knows_what_was_trained(runs, tiny_world):
    identity = checkpoint_of(runs / "dalle")["identity"]
    assert identity["kind"] == "dalle" and identity["data"]["count"] == len(tiny_world.pairs)
    assert identity["preset"]["caption_dropout"] == tiny_world.dalle_preset.caption_dropout
    assert identity["train_config"] == asdict(tiny_world.dalle_preset.train_config)
    assert {len(identity["data"]["sha256"]), len(identity["dvae"]), len(identity["tokenizer"])} == {64}
    json.dumps(identity)


def begun(runs, kind="dalle", **options):
    train_model(kind, "emoji", None, runs / "begun", minutes=0, **options, **QUIET)
    return (runs / "begun" / "tokenizer.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"caption_dropout": 0.9}, "caption_dropout 0.1, now 0.9"),
        ({"sampling_exponent": 0.5}, "sampling_exponent 1.0, now 0.5"),
    ],
)
def test_another_preset_is_refused_by_name_before_data_are_loaded(change, named, runs, tiny_world, monkeypatch):
    begun(runs)
    monkeypatch.setattr(objectives, "load", lambda *_, **__: pytest.fail("too early"))
    monkeypatch.setitem(presets.PRESETS["dalle"], "emoji", replace(tiny_world.dalle_preset, **change))
    with pytest.raises(ValueError, match=f"another recipe: resume with the same .* .{named}.[.]$"):
        train_model("dalle", "emoji", None, runs / "begun", resume=True, **QUIET)


def test_another_kind_seed_or_length_is_refused_by_name(runs):
    begun(runs)
    with pytest.raises(ValueError, match="seed 0, now 5; steps|steps 3, now 4; seed 0, now 5"):
        train_model("dalle", "emoji", None, runs / "begun", resume=True, seed=5, steps=4, **QUIET)
    with pytest.raises(ValueError, match="kind 'dalle', now 'clip'.* and .* more"):
        train_model("clip", "emoji", None, runs / "begun", resume=True, **QUIET)


def changed_captions(pairs):
    return replace(pairs, caption=lambda i, rng=None: "a cat")


def changed_pictures(pairs):
    return replace(pairs, pictures=255 - pairs.pictures)


@pytest.mark.parametrize("change", [changed_captions, changed_pictures, lambda pairs: pairs.subset(range(20))])
def test_other_data_are_refused_before_they_are_tokenized(change, runs, tiny_world, monkeypatch):
    kept = begun(runs)
    monkeypatch.setattr(objectives, "load", lambda data, size, styles: change(tiny_world.pairs))
    monkeypatch.setattr(DVAE, "encode", lambda *_: pytest.fail("too early"))
    with pytest.raises(ValueError, match="another recipe: .* .other pictures or captions."):
        train_model("dalle", "emoji", None, runs / "begun", resume=True, **QUIET)
    assert (runs / "begun" / "tokenizer.json").read_bytes() == kept


def test_another_dvae_tokenizer_or_start_is_refused_before_data_are_loaded(runs, monkeypatch):
    begun(runs)
    train_model("dvae", "emoji", None, runs / "new" / "dvae", seed=5, **QUIET)
    monkeypatch.setattr(objectives, "load", lambda *_, **__: pytest.fail("too early"))
    again = {"resume": True, **QUIET}
    with pytest.raises(ValueError, match="another recipe: .* .another dVAE."):
        train_model("dalle", "emoji", None, runs / "begun", dvae=runs / "new" / "dvae", **again)
    with pytest.raises(ValueError, match="another recipe: .* .other weights to start from."):
        train_model("dalle", "emoji", None, runs / "begun", start=runs / "dalle", **again)
    TextTokenizer.train(["nothing like it"], 300, 28).save(runs / "begun" / "tokenizer.json")
    with pytest.raises(ValueError, match="another recipe: .* .another tokenizer."):
        train_model("dalle", "emoji", None, runs / "begun", **again)
    (runs / "begun" / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no tokenizer.json in .*begun"):
        train_model("dalle", "emoji", None, runs / "begun", **again)


def test_a_training_that_began_with_a_start_is_not_resumed_without_it(runs):
    begun(runs, start=runs / "dalle")
    with pytest.raises(ValueError, match="other weights to start from"):
        train_model("dalle", "emoji", None, runs / "begun", resume=True, **QUIET)


def test_the_tokenizer_lies_there_before_the_first_step_and_is_the_one_resumed_with(runs, monkeypatch):
    def killed(self, *_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            train_model("dalle", "emoji", None, runs / "early", **QUIET)
    kept = (runs / "early" / "tokenizer.json").read_bytes()
    train_model("dalle", "emoji", None, runs / "early", minutes=0, **QUIET)  # the same training may begin again
    learned = monkeypatch.setattr(TextTokenizer, "train", lambda *_: pytest.fail("a second vocabulary"))
    assert learned is None
    train_model("dalle", "emoji", None, runs / "early", resume=True, **QUIET)
    assert (runs / "early" / "tokenizer.json").read_bytes() == kept


def test_a_tokenizer_of_another_training_is_never_overwritten(tmp_path, tiny):
    other = TextTokenizer.train(["nothing like it"], 300, 28)
    other.save(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match="of another training: name another folder"):
        keep_tokenizer(tiny.tokenizer, tmp_path)
    assert TextTokenizer.from_file(tmp_path / "tokenizer.json", 28).fingerprint() == other.fingerprint()


# ---- what is refused at once ----------------------------------------------------------------------------------------


@pytest.fixture
def nothing_loads(monkeypatch):
    def too_early(*_, **__):
        pytest.fail("nothing should be loaded before this is refused")

    monkeypatch.setattr(objectives, "load", too_early)
    monkeypatch.setattr(DVAE, "from_pretrained", too_early)


def test_a_folder_that_holds_a_training_or_weights_is_refused(tmp_path, nothing_loads):
    for file, sentence in (
        ("checkpoint.pt", "holds a training already: add --resume"),
        ("model.safetensors", "holds weights"),
    ):
        folder = tmp_path / file
        folder.mkdir()
        (folder / file).write_bytes(b"1")
        with pytest.raises(ValueError, match=sentence):
            train_model("dalle", "shapes", None, folder, **QUIET)
        assert (folder / file).read_bytes() == b"1"


def test_where_nothing_can_be_written_nothing_is_begun(tmp_path, nothing_loads):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="^Nothing can be written into .*file.*: name another folder.$"):
        train_model("dvae", "shapes", None, tmp_path / "file" / "dvae", **QUIET)


def test_what_was_never_begun_or_is_damaged_is_not_resumed(tmp_path, nothing_loads):
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        train_model("dalle", "shapes", None, tmp_path / "new", resume=True, **QUIET)
    assert not (tmp_path / "new").exists()
    (tmp_path / "checkpoint.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="is damaged and cannot be resumed"):
        train_model("dalle", "shapes", None, tmp_path, resume=True, **QUIET)
    torch.save({"step": 3}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="of an earlier version"):
        train_model("dalle", "shapes", None, tmp_path, resume=True, **QUIET)


@pytest.mark.parametrize(
    ("kind", "data", "preset", "sentence"),
    [
        ("dalle", "emoji", "shapes_16", "is for shapes, not for emoji: choose one of emoji, emoji_long"),
        ("clip", "shapes", "emoji_style_pairs", "is for emoji, not for shapes: choose one of shapes"),
        ("judge", "shapes", None, "emoji world alone"),
        ("judge", "somewhere", "emoji", "emoji world alone"),
        ("edit", "shapes", "emoji", "emoji world alone"),
        ("dalle", "emoji", "huge", "no preset 'huge'"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_once(kind, data, preset, sentence, tmp_path, nothing_loads):
    with pytest.raises(ValueError, match=sentence):
        train_model(kind, data, preset, tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()


def test_a_preset_is_for_its_own_world_even_if_that_has_none():
    with pytest.raises(ValueError, match="'emoji' is for emoji, not for shapes: train with --data emoji."):
        presets.find_preset({"emoji": 1}, "shapes", "emoji")


def test_captions_too_long_end_a_training_before_its_first_step(runs, tiny_world, monkeypatch):
    monkeypatch.setattr(Trainer, "run", lambda *_: pytest.fail("too late"))
    long = replace(tiny_world.pairs, caption=lambda i, rng=None: "word " * (99 if i in (3, 5) else 1))
    monkeypatch.setattr(objectives, "load", lambda data, size, styles: long)
    for kind in ("dalle", "clip"):
        with pytest.raises(ValueError, match="^2 of .* captions are too long"):
            train_model(kind, "emoji", None, runs / f"long-{kind}", **QUIET)


# ---- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_which_weights_and_which_precision_it_took(runs, monkeypatch):
    monkeypatch.setattr("dalle_lessons.training.precision.faster_precision", lambda *_: "bfloat16")
    quick = presets.PRESETS["dalle"]["emoji"]
    auto = replace(quick, train_config=replace(quick.train_config, precision="auto"))
    monkeypatch.setitem(presets.PRESETS["dalle"], "emoji", auto)
    result = CliRunner().invoke(main, ["train", "dalle", "--device", "cpu", "--out", str(runs / "dalle2")])
    assert result.exit_code == 0, result.output
    assert f"Taking the dvae weights of {str(runs / 'dvae')!r}" in result.output
    assert "Trained 3 of 3 steps" in result.output and "on cpu in bfloat16, as suits it;" in result.output
    assert checkpoint_of(runs / "dalle2")["precision"] == "bfloat16"
    again = CliRunner().invoke(main, ["train", "dalle", "--device", "cpu", "--out", str(runs / "dalle2")])
    assert again.exit_code == 1 and "add --resume" in again.output
