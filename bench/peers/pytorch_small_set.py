"""Trains the notes' network on FOLDER/{train,test}/CLASS/*.png for SECONDS with a standard recipe, and prints its test accuracy.

python3 pytorch_small_set.py FOLDER SECONDS SEED
"""
import json
import sys
import time

started = time.monotonic()
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from PIL import Image

from pytorch_network import notes

folder, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(seed)
SIZE = 32
first = Image.open(ImageFolder(f'{folder}/train').samples[0][0])
grey = [transforms.Grayscale()] if first.mode == 'L' else []
common = [*grey, transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]
train = ImageFolder(f'{folder}/train', transforms.Compose(
    [transforms.RandomHorizontalFlip(), *common, transforms.RandomCrop(SIZE, SIZE // 8, padding_mode='edge')]))
test = ImageFolder(f'{folder}/test', transforms.Compose(common))
net = notes(1 if grey else 3, len(train.classes))
optimizer = torch.optim.AdamW(net.parameters())
loader = DataLoader(train, 32, shuffle=True)


def accuracy():
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in DataLoader(test, 256))
    net.train()
    return right / len(test)


epochs, longest = 0, 0.0
while time.monotonic() - started + longest * 1.1 < seconds or epochs == 0:
    begun = time.monotonic()
    for x, y in loader:
        if len(y) > 1:
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    epochs, longest = epochs + 1, max(longest, time.monotonic() - begun)
print(json.dumps({'testAccuracy': accuracy(), 'epochs': epochs}))
