"""Loads an exported safetensors file into the network in PyTorch and compares logits; prints one JSON object.

Arguments: the exported file, and a safetensors file with `images` [N, C, H, W] and `logits` [N, classes] whose metadata
`network` says what to build: {"kind": "torchvision", …arguments of its DenseNet} or {"kind": "notes", "channels": 1,
"classes": 10}. Needs Debian's python3-torch and python3-torchvision; no package reads safetensors there, so this does.
"""
import json
import struct
import sys

import torch

from pytorch_network import notes


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
