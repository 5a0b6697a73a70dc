"""PyTorch's training step as a contender of bench/step.ts: reads a line, makes a step, answers with JSON.

Arguments: format (default, channels_last, autocast_bf16: channels_last under bfloat16 autocast), the case as JSON, a safetensors file with images, labels and state.
Needs Debian's python3-torch.
"""
import json
import math
import resource
import sys
import time

import torch
from torch import nn

fmt, case, path = sys.argv[1:4]
case = json.loads(case)
growth, stem = case["growth"], case["stem"]
torch.set_num_threads(case["threads"])


def conv_block(inputs, outputs):
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 3, padding=1))


class DenseBlock(nn.Module):
    def __init__(self, layers, inputs):
        super().__init__()
        self.net = nn.Sequential(*[conv_block(inputs + k * growth, growth) for k in range(layers)])

    def forward(self, x):
        for layer in self.net:
            x = torch.cat((x, layer(x)), 1)
        return x


def network():
    layers = [nn.Sequential(nn.Conv2d(1, stem, 7, 2, 3), nn.BatchNorm2d(stem), nn.ReLU(), nn.MaxPool2d(3, 2, 1))]
    channels, counts = stem, case["blocks"]
    for k, count in enumerate(counts):
        layers.append(DenseBlock(count, channels))
        channels += count * growth
        if k + 1 < len(counts):
            layers.append(
                nn.Sequential(
                    nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels // 2, 1), nn.AvgPool2d(2, 2)
                )
            )
            channels //= 2
    head = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*layers, *head)


def read(path):
    """A safetensors file's tensors by name."""
    types = {"F32": torch.float32, "I32": torch.int32}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(
            data, dtype=types[entry["dtype"]], count=math.prod(entry["shape"]), offset=entry["data_offsets"][0]
        ).reshape(entry["shape"])
        for name, entry in header.items()
    }


net, tensors = network(), read(path)
x, y = tensors["images"].clone(), tensors["labels"].long()
state = {name[len("state.") :]: tensor for name, tensor in tensors.items() if name.startswith("state.")}
missing, unexpected = net.load_state_dict(state, strict=False)
assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
del tensors, state
if fmt != "default":
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimizer, loss_function = torch.optim.SGD(net.parameters(), lr=0.01), nn.CrossEntropyLoss()

for _ in sys.stdin:
    start = time.perf_counter()
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fmt == "autocast_bf16"):
        loss = loss_function(net(x), y)
    loss.backward()
    optimizer.step()
    milliseconds = (time.perf_counter() - start) * 1000
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer = {"ms": milliseconds, "loss": loss.item(), "peakRssBytes": peak, "version": torch.__version__}
    print(json.dumps(answer), flush=True)
