"""Writes images.safetensors: small image files, and the results of Pillow and torchvision for them.

Run: python3 make_images.py (Debian's python3-pil and python3-torchvision).
"""
import io

import numpy as np
from PIL import Image, ImageOps
from torchvision import transforms

from safetensors_file import DATA, save


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return np.frombuffer(buffer.getvalue(), np.uint8)


y, x = np.mgrid[0:37, 0:53]
source = np.stack([x * 4, y * 6, (x * y) % 256], -1).astype(np.uint8)
source[5:20, 10:30] = np.random.default_rng(0).integers(0, 256, (15, 20, 3), np.uint8)
image = Image.fromarray(source)
exif = Image.Exif()
exif[0x0112] = 6  # Turn by a quarter.
files = {
    'png': encoded(image, format='PNG'),
    'webp': encoded(image, format='WEBP', lossless=True),
    'jpeg': encoded(image, format='JPEG', quality=90),
    'turned': encoded(image, format='JPEG', quality=90, exif=exif),
    'grey': encoded(image.convert('L'), format='PNG'),
    'palette': encoded(image.quantize(16), format='PNG'),
    'transparent': encoded(Image.fromarray(np.concatenate([source, source[:, :, :1]], -1)), format='PNG'),
}
opened = {name: ImageOps.exif_transpose(Image.open(io.BytesIO(data.tobytes()))) for name, data in files.items()}
fit = transforms.Compose([transforms.Resize(23), transforms.CenterCrop(23)])
half = transforms.Compose([transforms.Resize(27), transforms.CenterCrop(27)])
larger = transforms.Compose([transforms.Resize(61), transforms.CenterCrop(61)])
to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
save(DATA / 'images.safetensors', {
    **{f'file.{name}': data for name, data in files.items()},
    **{f'pixels.{name}': np.array(opened[name].convert('RGB')) for name in files},
    **{f'fit.{name}': np.array(fit(opened[name].convert('RGB'))) for name in ('png', 'turned')},
    'half.png': np.array(half(image)),
    'larger.png': np.array(larger(image)),
    'grey.png': np.array(image.convert('L')),
    'fit_grey.png': np.array(fit(image.convert('L'))),
    'normalized': to_tensor(fit(image)).permute(1, 2, 0).numpy(),
}, {'what': __doc__.splitlines()[0]})
