"""Loads an exported safetensors file into PyTorch's own network and compares logits; prints one JSON object.

Arguments: the exported file, and a safetensors file with `images` [N, C, H, W] and `logits` [N, classes] whose metadata
`network` says what to build: {"kind": "torchvision", …arguments of its DenseNet} or {"kind": "notes", "channels": 1,
"classes": 10}. Needs Debian's python3-torch and python3-torchvision; no package reads safetensors there, so this does.
"""
import json
import struct
import sys

import torch
from torch import nn


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    types = {"F32": torch.float32, "F64": torch.float64}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[begin:end], dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return metadata, tensors


class DenseBlock(nn.Module):
    def __init__(self, layers, inputs, growth):
        super().__init__()
        self.net = nn.Sequential(*[
            nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, growth, 3, padding=1))
            for c in range(inputs, inputs + layers * growth, growth)
        ])

    def forward(self, x):
        for layer in self.net:
            x = torch.cat((x, layer(x)), 1)
        return x


def notes(channels, classes, blocks=(4, 4, 4, 4), growth=32, stem=64):
    layers = [nn.Sequential(
        nn.Conv2d(channels, stem, 7, 2, 3), nn.BatchNorm2d(stem), nn.ReLU(), nn.MaxPool2d(3, 2, 1))]
    features = stem
    for i, count in enumerate(blocks):
        layers.append(DenseBlock(count, features, growth))
        features += count * growth
        if i + 1 < len(blocks):
            layers.append(nn.Sequential(
                nn.BatchNorm2d(features), nn.ReLU(), nn.Conv2d(features, features // 2, 1), nn.AvgPool2d(2)))
            features //= 2
    return nn.Sequential(*layers, nn.BatchNorm2d(features), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(features, classes))


def network(kind, **arguments):
    if kind == "notes":
        return notes(**arguments)
    from torchvision.models.densenet import DenseNet

    return DenseNet(**arguments)


def main():
    exported, state = read_safetensors(sys.argv[1])
    case, tensors = read_safetensors(sys.argv[2])
    model = network(**json.loads(case["network"]))
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        got = model.eval()(tensors["images"])
    want = tensors["logits"].to(got.dtype)
    print(json.dumps({
        "torch": torch.__version__,
        "model": exported.get("model"),
        "format": exported.get("format"),
        "tensors": len(state),
        "images": len(got),
        "largestLogit": want.abs().max().item(),
        "relativeError": ((got - want).abs().max() / want.abs().max()).item(),
    }))


main()
