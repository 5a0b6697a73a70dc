"""PyTorch's convolutions as a contender of bench/kernels.ts: reads a line, runs each once, prints times in ms.

Arguments: format (default or channels_last), the convolutions as JSON, the number of threads. Needs Debian's
python3-torch.
"""
import json
import sys
import time

import torch

fmt, convolutions, threads = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
assert fmt in ("default", "channels_last"), f"{fmt} is not for convolutions alone"
torch.set_num_threads(threads)
layout = torch.channels_last if fmt == "channels_last" else torch.contiguous_format


def tensors(case):
    images, size, kernel = case["images"], case["size"], case["kernel"]
    shapes = (
        (images, case["inChannels"], size, size),
        (case["outChannels"], case["inChannels"], kernel, kernel),
        (images, case["outChannels"], size, size),
    )
    return [torch.rand(shape).sub_(0.5).to(memory_format=layout) for shape in shapes]


def milliseconds(compute):
    start = time.perf_counter()
    compute()
    return (time.perf_counter() - start) * 1000


def passes(x, weight, gradient):
    padding = (weight.shape[2] - 1) // 2

    def forward():
        torch.nn.functional.conv2d(x, weight, padding=padding)

    def backward(*outputs):  # Which of: gradient of the input, of the weight, of the bias.
        torch.ops.aten.convolution_backward(
            gradient, x, weight, None, [1, 1], [padding, padding], [1, 1], False, [0, 0], 1, outputs)

    with torch.no_grad():
        return {
            "inference": milliseconds(forward),
            "forward": milliseconds(forward),
            "gradInput": milliseconds(lambda: backward(True, False, False)),
            "gradWeight": milliseconds(lambda: backward(False, True, False)),
        }


cases = [tensors(case) for case in convolutions]
for _ in sys.stdin:
    print(json.dumps([passes(*case) for case in cases]), flush=True)
