#!/usr/bin/env python3
"""Writes data/onnx/*.onnx: a small network (densenet-bc-10-4, 3 classes) exported by torch.onnx.export.

Needs Debian's python3-torch and python3-onnx; run: python3 make_onnx_exports.py [OUT_DIR]
folded.onnx is what comes out by default; kept.onnx with all that the network has; constants.onnx and external.onnx (with
external.onnx.data) are kept.onnx with its weights in nodes and in another file. weights.safetensors has the right values.
"""
import sys
from collections import OrderedDict
from pathlib import Path
import onnx, torch
from onnx import helper
from torch import nn
import torch.nn.functional as F
from safetensors_file import DATA, save

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else DATA / 'onnx')
OUT.mkdir(parents=True, exist_ok=True)

class Layer(nn.Module):
    def __init__(self, n, growth):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(n), nn.Conv2d(n, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)
    def forward(self, x): return torch.cat([x, self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))], 1)

class Transition(nn.Module):
    def __init__(self, n, m):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(n), nn.Conv2d(n, m, 1, bias=False)
    def forward(self, x): return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)

class Net(nn.Module):
    def __init__(self, classes=3, growth=4):
        super().__init__()
        n = 2 * growth
        parts = OrderedDict(conv0=nn.Conv2d(3, n, 3, padding=1, bias=False))
        for b in (1, 2, 3):
            parts[f'denseblock{b}'] = nn.Sequential(OrderedDict(denselayer1=Layer(n, growth)))
            n += growth
            if b < 3: parts[f'transition{b}'] = Transition(n, n // 2); n //= 2
        parts['norm5'] = nn.BatchNorm2d(n)
        self.features, self.classifier = nn.Sequential(parts), nn.Linear(n, classes)
    def forward(self, x): return self.classifier(F.relu(self.features(x)).mean((2, 3)))

torch.manual_seed(7)
net = Net()
for m in net.modules():
    if isinstance(m, nn.BatchNorm2d):
        nn.init.uniform_(m.weight, 0.5, 1.5); nn.init.uniform_(m.bias, -0.3, 0.3)
        m.running_mean.uniform_(-0.2, 0.2); m.running_var.uniform_(0.5, 1.5)
net.eval()
x = torch.zeros(1, 3, 32, 32)
torch.onnx.export(net, x, str(OUT / 'folded.onnx'))
torch.onnx.export(net, x, str(OUT / 'kept.onnx'), training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)

save(OUT / 'weights.safetensors', {k: v for k, v in net.state_dict().items() if not k.endswith('num_batches_tracked')})

model = onnx.load(str(OUT / 'kept.onnx'))
weights = list(model.graph.initializer)
del model.graph.initializer[:]
for weight in reversed(weights): model.graph.node.insert(0, helper.make_node('Constant', [], [weight.name], value=weight))
onnx.save(model, str(OUT / 'constants.onnx'))
model = onnx.load(str(OUT / 'kept.onnx'))
(OUT / 'external.onnx.data').unlink(missing_ok=True)
onnx.save_model(model, str(OUT / 'external.onnx'), save_as_external_data=True, location='external.onnx.data', size_threshold=0, convert_attribute=False)
