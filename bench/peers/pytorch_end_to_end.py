"""One epoch on Fashion-MNIST with PyTorch, for bench/end-to-end.ts: from reading files to a test accuracy, printed as JSON.

Arguments: format (default or channels_last), the case as JSON (limit, size, batch, threads, learningRate, seed), the
folder of the four IDX files (or .gz). The network is initialised, batches are shuffled and images resized as
`densor train --recipe notes` does it; a whole batch is resized at once. Needs Debian's python3-torch.
"""
import gzip
import json
import os
import resource
import sys
import time

import numpy
import torch
from torch import nn

from pytorch_network import notes

fmt, case, folder = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
size, batch = case["size"], case["batch"]
assert fmt in ("default", "channels_last"), f"{fmt} is not for a whole epoch"
torch.set_num_threads(case["threads"])
torch.manual_seed(case["seed"])
times = {}


def mark(what):
    times[what] = time.time() * 1000


def read(name):
    """Reads an IDX file: two zero bytes, a type (8: unsigned bytes), the number of axes, their lengths, the data."""
    path = os.path.join(folder, name)
    with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb") as file:
        data = file.read()
    axes = data[3]
    shape = numpy.frombuffer(data, ">i4", axes, 4)
    return torch.from_numpy(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * axes).reshape(shape).copy())


def batches(images, labels, order):
    for indices in order.split(batch):
        x = images[indices].unsqueeze(1).float().div_(255)
        x = nn.functional.interpolate(x, (size, size), mode="bilinear", align_corners=False)
        if fmt == "channels_last":
            x = x.to(memory_format=torch.channels_last)
        yield x, labels[indices]


def initialize(module):
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(module.weight)


train_images, train_labels = (read(f"train-{part}-ubyte") for part in ("images-idx3", "labels-idx1"))
test_images, test_labels = (read(f"t10k-{part}-ubyte") for part in ("images-idx3", "labels-idx1"))
train_labels, test_labels = train_labels.long(), test_labels.long()
limit = min(case["limit"], len(train_images))
net = notes(1, 10).apply(initialize)
if fmt == "channels_last":
    net = net.to(memory_format=torch.channels_last)
optimizer, loss_function = torch.optim.SGD(net.parameters(), lr=case["learningRate"]), nn.CrossEntropyLoss()
mark("startedMs")

loss_sum = 0.0
net.train()
for x, y in batches(train_images, train_labels, torch.randperm(limit)):
    optimizer.zero_grad()
    loss = loss_function(net(x), y)
    loss.backward()
    optimizer.step()
    loss_sum += loss.item() * len(y)
mark("trainedMs")

correct = 0
net.eval()
with torch.no_grad():
    for x, y in batches(test_images, test_labels, torch.arange(len(test_images))):
        correct += (net(x).argmax(1) == y).sum().item()
mark("evaluatedMs")

print(json.dumps({
    **times,
    "trainLoss": loss_sum / limit,
    "testAccuracy": correct / len(test_images),
    "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "version": torch.__version__,
}))
