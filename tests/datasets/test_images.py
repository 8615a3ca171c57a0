"""Any picture -> a white square in RGB: odd modes and sizes, broken files, and pictures <-> tensors."""

import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from dalle_lessons.datasets import build_emoji
from dalle_lessons.datasets.images import on_white, on_white_square, open_image, to_image, to_tensor

RED, WHITE = (255, 0, 0), (255, 255, 255)


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def halves(size=(40, 20)):
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image


def close_to(pixel, color, tolerance=12):
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, color, strict=True))


def assert_kind(error, path):
    """One sentence, on one line, that names the file."""
    message = str(error.value)
    assert str(path) in message and message.endswith(".") and "\n" not in message, message
    assert ". " not in message.replace(str(path), "")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


# ---------------------------------------------------------------- pictures that can be read


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "LA", "PA", "La", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"]
)
def test_any_mode_becomes_rgb(mode):
    image = on_white(Image.new(mode, (5, 3)))
    assert (image.mode, image.size) == ("RGB", (5, 3))


def test_palette_with_a_transparent_color(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 255, 0, 0] + [0] * 750)
    image.paste(1, (0, 0, 4, 8))
    image.save(tmp_path / "a.png", transparency=0)
    opened = open_image(tmp_path / "a.png")
    assert opened.getpixel((1, 1)) == RED and opened.getpixel((6, 6)) == WHITE


def test_palette_with_shades_of_transparency(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 0, 0, 0] + [0] * 750)
    image.save(tmp_path / "a.png", transparency=bytes([255, 127]))
    assert close_to(open_image(tmp_path / "a.png").getpixel((0, 0)), (128, 128, 128), 1)


def test_transparent_parts_are_white(tmp_path):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))  # black where nobody sees it
    image.paste((255, 0, 0, 255), (0, 0, 4, 8))
    image.save(tmp_path / "a.png")
    image.convert("LA").save(tmp_path / "gray.png")
    image.save(tmp_path / "a.webp", lossless=True)
    for name in ("a.png", "gray.png", "a.webp"):
        assert open_image(tmp_path / name).getpixel((6, 6)) == WHITE
    assert open_image(tmp_path / "a.png").getpixel((1, 1)) == RED
    assert open_image(tmp_path / "gray.png").getpixel((1, 1)) == (76, 76, 76)


def test_one_transparent_color_without_an_alpha_channel(tmp_path):
    halves().save(tmp_path / "a.png", transparency=RED)
    opened = open_image(tmp_path / "a.png")
    assert opened.getpixel((0, 0)) == WHITE and opened.getpixel((39, 0)) == (0, 0, 255)


def test_print_colors(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert close_to(open_image(tmp_path / "a.jpg").getpixel((8, 8)), RED)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_of_16_bits_keeps_its_shades(tmp_path, suffix):
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    opened = np.array(open_image(tmp_path / f"a.{suffix}"))
    assert (opened == (values / 257).round()[:, :, None]).all()


def test_gray_of_16_bits_in_any_byte_order():
    for mode in ("I;16", "I;16L", "I;16B", "I"):
        assert on_white(Image.new(mode, (2, 2), 128 * 257)).getpixel((0, 0)) == (128, 128, 128), mode


def test_gray_of_floats(tmp_path):
    values = np.array([[0.0, 0.5], [1.0, 7.0]], np.float32)
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tiff")
    assert np.array(open_image(tmp_path / "a.tiff"))[:, :, 0].tolist() == [[0, 128], [255, 255]]


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green")]
    for suffix in ("gif", "webp", "png"):
        options = {"lossless": True} if suffix == "webp" else {}
        path = tmp_path / f"a.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], **options)
        assert open_image(path).getpixel((4, 4)) == RED, suffix


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: what is on the left belongs on top
    halves().save(tmp_path / "a.jpg", exif=exif, quality=95)
    opened = open_image(tmp_path / "a.jpg")
    assert opened.size == (20, 40)
    assert close_to(opened.getpixel((10, 2)), RED) and close_to(opened.getpixel((10, 37)), (0, 0, 255))


def test_a_photograph_with_broken_metadata_is_still_a_photograph(tmp_path):
    for i, exif in enumerate(
        (b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    ):
        halves().save(tmp_path / f"{i}.jpg", exif=exif)
        assert open_image(tmp_path / f"{i}.jpg").size == (40, 20)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tiff", "ppm", "ico", "webp", "avif", "jp2"])
def test_formats_are_told_by_content_not_by_name(tmp_path, suffix):
    if suffix in ("avif", "jp2") and not features.check({"avif": "avif", "jp2": "jpg_2000"}[suffix]):
        pytest.skip(f"this Pillow was built without {suffix}")
    halves((32, 32)).save(tmp_path / f"a.{suffix}")
    (tmp_path / f"a.{suffix}").rename(tmp_path / "a.png")
    assert open_image(str(tmp_path / "a.png")).size == (32, 32)  # a str as well as a Path


# ---------------------------------------------------------------- files that cannot be read


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        open_image(tmp_path / "none.png")
    assert_kind(error, tmp_path / "none.png")


def write_broken(path, kind):
    Image.fromarray(noise(64, 64, 3)).save(path, "JPEG" if kind == "truncated jpeg" else "PNG")
    content = path.read_bytes()
    if kind in ("truncated png", "truncated jpeg"):
        path.write_bytes(content[: len(content) // 2])
    elif kind == "header alone":
        path.write_bytes(content[:20])
    elif kind == "wrong checksum":
        path.write_bytes(content.replace(b"IDAT", b"IDAx", 1))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("I am not a picture.", encoding="utf-8")
    elif kind == "svg":
        path.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    elif kind == "postscript":
        path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", encoding="utf-8")
    elif kind == "no width":
        header = struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    elif kind == "folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    "kind",
    [
        *("truncated png", "truncated jpeg", "header alone", "wrong checksum", "empty", "text", "svg"),
        *("postscript", "no width", "folder"),
    ],
)
def test_a_broken_file_is_named_in_one_sentence(tmp_path, kind):
    path = tmp_path / "my cat.png"
    write_broken(path, kind)
    with pytest.raises(ValueError) as error:
        open_image(path)
    assert_kind(error, path)


@pytest.mark.parametrize("side", [12, 20])  # Pillow only warns of the first
def test_a_picture_too_big_to_be_safe(tmp_path, monkeypatch, side):
    Image.new("RGB", (side, side)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="100 pixels") as error:
        open_image(tmp_path / "a.png")
    assert_kind(error, tmp_path / "a.png")


# ---------------------------------------------------------------- squares


@given(st.integers(1, 150), st.integers(1, 150), st.integers(1, 64))
def test_the_square_holds_the_whole_picture_in_its_middle(width, height, size):
    square = np.array(on_white_square(Image.new("L", (width, height), 0), size))
    assert square.shape == (size, size, 3)
    rows, cols = (square == 0).all(2).any(1), (square == 0).all(2).any(0)
    expected = [max(1, round(side * size / max(width, height))) for side in (height, width)]
    assert [rows.sum(), cols.sum()] == expected
    for filled in (rows, cols):
        first, last = filled.argmax(), size - 1 - filled[::-1].argmax()
        assert abs(int(first) - int(size - 1 - last)) <= 1
    assert set(np.unique(square)) <= {0, 255}


def test_a_picture_of_the_right_size_keeps_its_pixels():
    pixels = noise(64, 64, 3)
    assert (np.array(on_white_square(Image.fromarray(pixels), 64)) == pixels).all()


def test_edges_of_transparent_parts_are_mixed_with_white_not_with_hidden_black():
    image = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 45, 90))
    small = np.array(on_white_square(image, 64)).astype(int)
    assert small[:, :, 0].min() > 240  # red and white alike


def test_a_picture_without_pixels():
    with pytest.raises(ValueError, match="no pixels"):
        on_white_square(Image.new("RGBA", (0, 5)), 64)


def test_the_emoji_were_made_by_the_same_rule():
    pixels = noise(64, 64, 4)
    palette = Image.fromarray(pixels[:, :, :3]).quantize(16)
    palette.info["transparency"] = 3
    for image in (Image.fromarray(pixels), palette, Image.fromarray(pixels[:, :, :3])):
        rgba = image.convert("RGBA")
        expected = Image.alpha_composite(Image.new("RGBA", (64, 64), "white"), rgba).convert("RGB")
        assert (build_emoji.on_white(image) == np.array(expected)).all()
    with pytest.raises(ValueError, match="64x64"):
        build_emoji.on_white(Image.new("RGB", (65, 64)))


# ---------------------------------------------------------------- tensors


def test_tensor_and_back():
    pixels = noise(5, 7, 3)
    tensor = to_tensor(Image.fromarray(pixels))
    assert tensor.shape == (3, 5, 7) and tensor.dtype == torch.uint8 and tensor.is_contiguous()
    assert (tensor.permute(1, 2, 0).numpy() == pixels).all()
    for same in (tensor, tensor.float() / 255, (tensor.double() / 255).requires_grad_()):
        assert (np.array(to_image(same)) == pixels).all()
    assert to_tensor(Image.new("L", (4, 2), 9)).unique().tolist() == [9]


def test_floats_beyond_the_range_are_cut_off():
    tensor = torch.tensor([-1.0, 0.5, 2.0, float("nan")]).expand(3, 1, 4)
    assert np.array(to_image(tensor))[0, :, 0].tolist() == [0, 128, 255, 0]


@pytest.mark.parametrize(
    "tensor", [torch.zeros(1, 3, 4, 4), torch.zeros(4, 4, 3), torch.zeros(3, 4, 4, dtype=torch.int64)]
)
def test_what_is_not_a_picture(tensor):
    with pytest.raises(ValueError, match="A picture"):
        to_image(tensor)
