"""Writes data/cmyk/*.jpg, CMYK color patches with Adobe's marker, and prints the result of Pillow's convert('RGB') for each."""
from PIL import Image

from safetensors_file import DATA

FOLDER = DATA / "cmyk"
INKS = {
    "black-ink": (0, 0, 0, 255),
    "cyan": (255, 0, 0, 0),
    "magenta": (0, 255, 0, 0),
    "rich": (30, 90, 160, 40),
    "white-paper": (0, 0, 0, 0),
    "yellow": (0, 0, 255, 0),
}

FOLDER.mkdir(exist_ok=True)
for name, inks in INKS.items():
    path = FOLDER / f"{name}.jpg"
    Image.new("CMYK", (16, 16), inks).save(path, quality=100, subsampling=0)
    print(name, Image.open(path).convert("RGB").getpixel((0, 0)))
