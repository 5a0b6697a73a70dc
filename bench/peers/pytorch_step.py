"""PyTorch's training step as a contender of bench/step.ts: reads a line, runs one step, prints JSON.

Arguments: format (default, channels_last, autocast_bf16: channels_last under bfloat16 autocast), the case as JSON, a safetensors file with images, labels and state.
Needs Debian's python3-torch, and python3-torchvision for networks with bottlenecks.
"""
import json
import math
import resource
import sys
import time

import torch
from torch import nn

from pytorch_network import bottlenecks, notes

fmt, case, path = sys.argv[1:4]
case = json.loads(case)
torch.set_num_threads(case["threads"])


def read(path):
    """The tensors of a safetensors file by name."""
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


build = bottlenecks if case.get("bottleneck") else notes
net = build(1, 10, case["blocks"], case["growth"], case["stem"])
tensors = read(path)
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
