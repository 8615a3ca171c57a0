"""Make 120 small files that may stop a careless program: broken pictures, odd lists of captions, texts, names.

    python tools/make_hostile_files.py FOLDER

In FOLDER/pictures and FOLDER/texts lie single files; each folder in FOLDER/lists holds one list of captions and the
pictures cat.png and dog.png. tests/faults/test_hostile_files.py gives all of them to the commands.
"""

from __future__ import annotations

import io
import json
import random
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

Files = dict[str, bytes]


def chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    """A PNG's chunk; crc: a wrong checksum."""
    return (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) if crc is None else crc)
    )


SIGNATURE, END = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")


def header(width: int, height: int, bits: int = 8, color: int = 2, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced))


def png(*chunks: bytes, width: int = 4, height: int = 4) -> bytes:
    """A picture with these chunks in front of its pixels."""
    pixels = zlib.compress((b"\0" + b"\x80" * 3 * width) * height)
    return SIGNATURE + header(width, height) + b"".join(chunks) + chunk(b"IDAT", pixels) + END


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image.Image:
    """Random pixels, always the same."""
    depth = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, size, random.Random(0).randbytes(size[0] * size[1] * depth))


def broken_png() -> Files:
    good, zeros = png(), zlib.compress(bytes(2_000_000))
    exif = b"MM\0*\0\0\0\x08" + b"\xff" * 40
    return {
        "cut.png": good[: len(good) // 2],
        "header_alone.png": SIGNATURE + header(4, 4),
        "signature_alone.png": SIGNATURE,
        "wrong_checksum.png": SIGNATURE + header(4, 4) + chunk(b"IDAT", zlib.compress(bytes(52)), crc=1) + END,
        "no_width.png": SIGNATURE + header(0, 4) + chunk(b"IDAT", b"") + END,
        "too_wide.png": SIGNATURE + header(2**31 - 1, 2**31 - 1) + chunk(b"IDAT", zeros[:400]) + END,
        "bomb.png": SIGNATURE + header(40_000, 40_000, 1, 0) + chunk(b"IDAT", zeros) + END,
        "rubbish_pixels.png": SIGNATURE + header(4, 4) + chunk(b"IDAT", b"rubbish") + END,
        "no_end.png": good[:-12],
        "two_headers.png": SIGNATURE + header(4, 4) + good[8:],
        "no_palette.png": SIGNATURE + header(4, 4, 8, 3) + chunk(b"IDAT", zlib.compress(bytes(20))) + END,
        "beyond_palette.png": SIGNATURE
        + header(4, 4, 8, 3)
        + chunk(b"PLTE", b"\1\2\3")
        + chunk(b"IDAT", zlib.compress((b"\0" + b"\xff" * 4) * 4))
        + END,
        "strange_bits.png": SIGNATURE + header(4, 4, 7, 5) + chunk(b"IDAT", b"") + END,
        "text_bomb.png": png(chunk(b"zTXt", b"comment\0\0" + zeros)),
        "broken_profile.png": png(chunk(b"iCCP", b"x\0\0rubbish")),
        "broken_camera_data.png": png(chunk(b"eXIf", exif)),
        "broken_credentials.png": png(chunk(b"caBX", b"\0\0\0\x20jumbrubbish")),
        "credentials_too_long.png": png(struct.pack(">I", 2**31 - 1) + b"caBX" + b"jumb"),
        "facts_in_text.png": png(chunk(b"tEXt", b'Description\0{"caption": "\x1b[2J"')),
        "broken_animation.png": png(chunk(b"acTL", b"\xff" * 8), chunk(b"fcTL", b"\xff" * 26)),
        "one_pixel.png": png(width=1, height=1),
        "a_line.png": encoded(Image.new("1", (9000, 1)), "PNG"),
        "a_column.png": encoded(Image.new("L", (1, 9000)), "PNG"),
        "sixteen_bits.png": encoded(Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 257), "PNG"),
        "all_transparent.png": encoded(Image.new("RGBA", (9, 9)), "PNG"),
        "interlaced.png": SIGNATURE + header(4, 4, 8, 0, 1) + chunk(b"IDAT", zlib.compress(bytes(30))) + END,
    }


def other_pictures() -> Files:
    jpeg, gif = encoded(noise(), "JPEG"), encoded(noise(), "GIF")
    frames = [Image.new("P", (8, 8), i) for i in range(60)]
    bmp, tiff, webp = encoded(noise(), "BMP"), encoded(noise(), "TIFF"), encoded(noise(), "WEBP")
    huge = jpeg.index(b"\xff\xc0") + 5  # where a JPEG says how high and wide it is
    return {
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "start_alone.jpg": jpeg[:2],
        "huge.jpg": jpeg[:huge] + b"\xff\xff\xff\xff" + jpeg[huge + 4 :],
        "no_size.jpg": jpeg[:huge] + bytes(4) + jpeg[huge + 4 :],
        "print_colors.jpg": encoded(noise(mode="CMYK"), "JPEG"),
        "broken_camera_data.jpg": encoded(noise(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"),
        "broken_profile.jpg": encoded(noise(), "JPEG", icc_profile=b"rubbish"),
        "a_png.jpg": png(),
        "a_photograph.jfif": jpeg,
        "frames.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "cut.gif": gif[:40],
        "no_frame.gif": gif[:13] + b";",
        "huge.gif": gif[:6] + b"\xff\xff\xff\xff" + gif[10:],
        "upside_down.bmp": bmp[:22] + struct.pack("<i", -16) + bmp[26:],
        "huge.bmp": bmp[:18] + struct.pack("<ii", 2**30, 2**30) + bmp[26:],
        "cut.bmp": bmp[:60],
        "endless.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",  # its next folder of tags is itself
        "cut.tif": tiff[: len(tiff) // 2],
        "no_numbers.tif": encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"),
        "whole_numbers.tif": encoded(Image.fromarray(np.arange(-8, 8, dtype=np.int32).reshape(4, 4)), "TIFF"),
        "cut.webp": webp[: len(webp) // 2],
        "too_long.webp": webp[:4] + b"\xff\xff\xff\x7f" + webp[8:],
        "nothing_in_it.ico": b"\0\0\1\0\0\0",
        "beyond_its_end.ico": b"\0\0\1\0\1\0" + b"\x10\x10\0\0\1\0\x20\0" + struct.pack("<II", 10**6, 10**6),
        "huge.ppm": b"P6 99999 99999 255\n123",
        "words.ppm": b"P6 four by four",
        "deep.pgm": b"P5 2 2 65535\n" + bytes(8),
        "cut.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
        "header_alone.avif": b"\0\0\0\x1cftypavif" + bytes(20),
        "a_phones.heic": b"\0\0\0\x18ftypheic" + bytes(30),
        "layers.psd": b"8BPS\0\1" + bytes(20),
        "outlines.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
    }


def no_pictures() -> Files:
    return {
        "empty.png": b"",
        "one_byte.png": b"\x89",
        "zeros.png": bytes(500),
        "text.png": b"I am not a picture.",
        "page.png": b"<!DOCTYPE html><html><body>404</body></html>",
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
        "pickle.png": b"cos\nsystem\n(S'touch owned'\ntR.",
        "archive.png": b"PK\3\4" + bytes(60),
        "program.png": b"MZ" + bytes(60),
    }


def odd_names() -> Files:
    names = [
        "ü🙂.png",
        "-rf.png",
        "--help",
        "%00 %s {0}.png",
        "a;b&c|d.png",
        "con.png",
        "two\nlines.png",
        "\x1b[2J.png",
    ]
    return {name: png() for name in [*names, "n" * 250 + ".png", "no_suffix", "cat .png", "...png"]}


def texts() -> Files:
    return {
        "empty.txt": b"",
        "spaces.txt": b" \n\t\n   \n",
        "mark_alone.txt": b"\xef\xbb\xbf",
        "utf16.txt": "a red circle\n".encode("utf-16"),
        "latin.txt": "ein Kätzchen\n".encode("latin-1"),
        "nul.txt": b"a red\0circle\n",
        "half_a_letter.txt": b"a red \xed\xa0\x80 circle\n",
        "long_line.txt": b"a red circle " * 800,
        "long_word.txt": b"a" * 9000,
        "emoji.txt": "👩‍👩‍👧‍👦🏳️‍🌈👍🏽\n".encode(),
        "marks.txt": ("a" + "\u0301" * 2000).encode(),
        "right_to_left.txt": "\u202ea red circle\u202c\n".encode(),
        "separators.txt": "a\u2028red\x0ccircle\x1c\x85\n".encode(),
        "old_mac.txt": b"a red circle\ra blue square\r",
        "control.txt": b"a \x1b[2Jred\x07 circle\x08\n",
        "special_tokens.txt": b"[PAD][START][SEP]\n",
        "page.txt": b"<img src=x onerror=alert(1)>\n",
        "option.txt": b"--help\n",
    }


def lists() -> Files:
    rows = "file,caption\ncat.png,a cat\n"
    return {
        "open_quote/captions.csv": b'file,caption\ncat.png,"a cat\ndog.png,a dog\n',
        "quote_inside/captions.csv": b'file,caption\ncat.png,"a "big" cat"\n',
        "nul/captions.csv": b"file,caption\ncat.png,a\0cat\n",
        "utf16/captions.csv": rows.encode("utf-16"),
        "utf16_without_mark/captions.csv": rows.encode("utf-16-le"),
        "latin/captions.csv": "file,caption\ncat.png,Kätzchen\n".encode("latin-1"),
        "semicolons/captions.csv": b"sep=;\r\nfile;caption;;\r\ncat.png;a cat;;\r\n;;;\r\n",
        "no_heading/captions.csv": b"cat.png,a cat\n",
        "same_heading/captions.csv": b"file,file,caption,caption\ncat.png,dog.png,a,b\n",
        "too_many_columns/captions.csv": b"file,caption\ncat.png,a cat, red\n",
        "long_field/captions.csv": b"file,caption\ncat.png," + b"a" * 140_000 + b"\n",
        "outside/captions.csv": b"file,caption\n../../../etc/passwd,a cat\n/etc/passwd,a cat\nC:\\x.png,a cat\n",
        "device/captions.csv": b"file,caption\n.,a cat\n\0,a cat\n\x1b[2J,a cat\n",
        "long_name/captions.csv": b"file,caption\n" + b"n" * 5000 + b".png,a cat\n",
        "ghosts/captions.csv": b"file,caption\n" + b"".join(b"%d.png,a ghost\n" % i for i in range(30)),
        "deep/metadata.jsonl": b"[" * 20_000 + b"\n" + b'{"a":' * 9000,
        "no_objects/metadata.jsonl": b'1\n"cat.png"\nnull\n[]\n{}\n',
        "odd_values/metadata.jsonl": b'{"file_name": 3, "text": "a"}\n{"file_name": "cat.png", "text": {"a": NaN}}\n',
        "same_key/metadata.jsonl": json.dumps({"file_name": "cat.png"}).encode()[:-1] + b', "text": "a", "text": "b"}',
        "flickr/captions.txt": b"cat.png#0\ta cat\ncat.png#1 a cat without a tab\n",
        "long_caption/cat.txt": b"a very " * 900 + b"big cat\n",
        "orphan/ghost.txt": b"a ghost\n",
    }


def hostile_files() -> Files:
    """name, with forward slashes -> content."""
    pictures = {**broken_png(), **other_pictures(), **no_pictures(), **odd_names()}
    kinds = {"pictures": pictures, "texts": texts(), "lists": lists()}
    return {f"{kind}/{name}": content for kind, files in kinds.items() for name, content in files.items()}


def make(folder: Path) -> list[Path]:
    """Write them all; a name that the disk cannot hold is left out. -> the paths."""
    made = []
    for name, content in hostile_files().items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:  # Windows knows no "con.png" and no line feed in a name
            print(f"{name!r} cannot be written here: {error}", file=sys.stderr)
            continue
        made.append(path)
        if name.startswith("lists/"):
            for picture in ("cat.png", "dog.png"):
                (path.parent / picture).write_bytes(png())
    return made


if __name__ == "__main__":
    print(f"{len(make(Path(sys.argv[1])))} files in {sys.argv[1]}")
