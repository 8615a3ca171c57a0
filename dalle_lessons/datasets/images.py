"""Pictures from anywhere, made like those that the models know: three colors, eight bits, square, on white."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

# Without EPS and its like, which Pillow hands to another program.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000")
DEEP_MODES = ("I", "F")  # and "I;16" in all its byte orders: more than eight bits, which Pillow would clip to white


def open_image(path: str | Path, within: int | None = None) -> Image.Image:
    """The picture in a file as an RGB image, upright, transparent parts white; of an animation, the first frame.

    within: pixels that the longer side needs; a picture with several times as many may come smaller, which saves
    memory and time (a JPEG of 100 megapixels is decoded at an eighth of its size). None: as it is.
    Raises FileNotFoundError if there is no such file, and ValueError, with one sentence that names the file, if it is
    not a picture that can be read in full.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no picture {path}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a picture.")
    try:
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty: it holds no picture.")
        return _read(path, str(path), within)
    except PermissionError:
        raise ValueError(f"{path} cannot be read: you have no permission to.") from None


def decode_image(data: bytes, name: str, within: int | None = None) -> Image.Image:
    """The picture in the bytes of a file, as `open_image` gives it. Raises ValueError, with one sentence that begins
    with `name`, if it is not a picture that can be read in full."""
    if not data:
        raise ValueError(f"{name} is empty: it holds no picture.")
    return _read(io.BytesIO(data), name, within)


def _read(file: Path | BinaryIO, name: str, within: int | None) -> Image.Image:
    try:
        return _decode(file, name, within)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = f"{Image.MAX_IMAGE_PIXELS:,}"
        raise ValueError(f"{name} has more than {limit} pixels, too many to be safe: make it smaller first.") from None


def _decode(file: Path | BinaryIO, name: str, within: int | None) -> Image.Image:
    Image.init()
    formats = [kind for kind in FORMATS if kind in Image.OPEN]  # an older Pillow may know fewer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, say; and of size, which is checked below
        try:
            image = Image.open(file, formats=formats)
        except (PermissionError, Image.DecompressionBombError):
            raise
        except UnidentifiedImageError:
            raise ValueError(f"{name} is not a picture that can be read (PNG, JPEG, GIF, WebP, BMP, TIFF …).") from None
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error and more
            raise ValueError(f"{name} is a broken picture: {_reason(error)}.") from None
        warnings.simplefilter("error", Image.DecompressionBombWarning)  # of what a file holds inside
        with image:
            try:
                if within is not None:
                    image.draft(image.mode, (within, within))  # a JPEG's decoder can make it 2, 4 or 8 times smaller
                if image.width * image.height > (Image.MAX_IMAGE_PIXELS or float("inf")):
                    raise Image.DecompressionBombError
                image.load()
                return on_white(_smaller(_upright(image), within))
            except (Image.DecompressionBombError, Image.DecompressionBombWarning):
                raise
            except Exception as error:
                raise ValueError(f"{name} is a broken or truncated picture: {_reason(error)}.") from None


def _smaller(image: Image.Image, within: int | None) -> Image.Image:
    """The mean of each block of pixels, where the longer side keeps at least `within`."""
    factor = 1 if within is None else max(image.size) // within
    if factor < 2:
        return image
    plain = image.mode in ("L", "RGB", "CMYK") and not image.has_transparency_data
    return (image if plain or image.mode in ("LA", "RGBA") else on_white(image)).reduce(factor)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as the camera says. A picture with metadata that cannot be read is still a picture."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def _reason(error: Exception) -> str:
    """What a decoder says, as the end of a sentence."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def on_white(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB of the same size, transparent parts white."""
    if image.mode in DEEP_MODES or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    if image.mode == "La":
        image = image.convert("LA")  # the only conversion that Pillow has for it
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Gray of 16 bits (0 to 65,535) or floats (0 to 1) as gray of 8 bits; what is beyond is cut off."""
    gray = Image.new("L", image.size)
    height = max(1, 2**20 // max(1, image.width))  # a band at a time: the numbers in between take 8 bytes each
    for top in range(0, image.height, height):
        band = image.crop((0, top, image.width, min(top + height, image.height)))
        values = np.nan_to_num(np.asarray(band).astype(np.float64))
        values = values * 255 if image.mode == "F" else values / 257
        gray.paste(Image.fromarray(values.round().clip(0, 255).astype(np.uint8)), (0, top))
    return gray


def on_white_square(image: Image.Image, size: int) -> Image.Image:
    """An image of any mode and shape as RGB of (size, size): as large as fits, in the middle, the rest white.

    A picture that has this size already keeps its pixels. Raises ValueError if it has no pixels.
    """
    image = on_white(image)
    if 0 in image.size:
        raise ValueError(f"This picture has no pixels: it is {image.width} wide and {image.height} high.")
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)  # a line stays a line
    square = Image.new("RGB", (size, size), "white")
    square.paste(image.resize((width, height), Image.Resampling.BICUBIC), ((size - width) // 2, (size - height) // 2))
    return square


def to_tensor(image: Image.Image) -> Tensor:
    """An image -> (3, H, W) uint8."""
    return torch.from_numpy(np.array(on_white(image))).permute(2, 0, 1).contiguous()


def to_image(tensor: Tensor) -> Image.Image:
    """(3, H, W), float in [0, 1] or uint8 -> an RGB image; floats outside of [0, 1] are cut off.

    Raises ValueError for another shape or type.
    """
    if tensor.ndim != 3 or tensor.shape[0] != 3:
        raise ValueError(f"A picture has the shape (3, H, W), and this tensor has {tuple(tensor.shape)}.")
    if tensor.is_floating_point():
        tensor = (tensor.detach().float().nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8)
    if tensor.dtype != torch.uint8:
        raise ValueError(f"A picture is made of floats in [0, 1] or of uint8, and this tensor is {tensor.dtype}.")
    return Image.fromarray(tensor.permute(1, 2, 0).contiguous().cpu().numpy())
