"""Writes data/deep/*.png, images with 16 bits per channel, and data/deep/pillow.json, the results of Pillow's convert('RGB').

Of grey without alpha Pillow cuts off what is above 255 (mode I), so almost all of an image becomes white. Of all
others it keeps the upper byte, and grey.png has the very numbers of grey-alpha.png.
"""
import json
import struct
import zlib

import numpy as np
from PIL import Image

from safetensors_file import DATA

FOLDER = DATA / "deep"
GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write(name, numbers, kind):
    height, width = numbers.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in numbers)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    (FOLDER / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


FOLDER.mkdir(exist_ok=True)
numbers = np.random.default_rng(0).integers(0, 2**16, (5, 6, 4))
numbers[0, :5] = np.array([255, 256, 65535, 0x80FF, 0x7F80])[:, None]
write("grey", numbers[..., :1], GREY)
write("grey-alpha", numbers[..., :2], GREY_ALPHA)
write("colour", numbers[..., :3], COLOUR)
write("colour-alpha", numbers, COLOUR_ALPHA)
names = ["grey", "grey-alpha", "colour", "colour-alpha"]
pixels = {name: np.asarray(Image.open(FOLDER / f"{name}.png").convert("RGB")).ravel().tolist() for name in names}
(FOLDER / "pillow.json").write_text(json.dumps(pixels) + "\n")
