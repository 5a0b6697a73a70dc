#!/usr/bin/env python3
"""Writes data/micro_batches.safetensors: PyTorch's loop of several `backward`s before a `step`, with batch norm, clipping,
momentum, weight decay and AdamW. Needs Debian's python3-torch; run: python3 make_micro_batches.py [OUT_DIR]
Computed in float64, stored as float32. Steps of 10 and of 5 images go through in the parts that `sizes` has.
"""
import copy, json, sys
from pathlib import Path
import numpy as np, torch
from torch import nn
from torch.nn import functional as F
from safetensors_file import DATA, save

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else DATA)
STEPS = [[3, 3, 4], [2, 3], [3, 3, 4]]
RATES, SMOOTHING, CLASSES = [0.1, 0.05, 0.2], 0.1, 5

torch.manual_seed(5)
# No biases before batch norms: their exact gradient is 0, and AdamW would amplify its rounding errors to full steps.
f32 = lambda t: t.detach().float().numpy()
first = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
                      nn.Conv2d(6, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
for m in first:
    if isinstance(m, nn.BatchNorm2d): nn.init.uniform_(m.weight, 0.5, 1.5); nn.init.uniform_(m.bias, -0.3, 0.3)
state = lambda net: {k: v for k, v in net.state_dict().items() if not k.endswith('num_batches_tracked')}
tensors, meta = {f'first.{k}': f32(v) for k, v in state(first).items()}, {'sizes': json.dumps(STEPS), 'smoothing': str(SMOOTHING)}
tensors['rates'] = np.array(RATES, np.float32)
batches = [(torch.randn(sum(s), 2, 8, 8), torch.randint(CLASSES, (sum(s),))) for s in STEPS]
for i, (x, y) in enumerate(batches): tensors[f'images.{i}'], tensors[f'labels.{i}'] = f32(x), y.numpy()

def run(name, make, clip, **rule):
    net = copy.deepcopy(first).double().train()
    optimizer = make(net.parameters())
    for i, ((x, y), sizes) in enumerate(zip(batches, STEPS)):
        optimizer.zero_grad(); total, right = 0.0, 0
        for images, labels in zip(x.double().split(sizes), y.split(sizes)):
            logits = net(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING) * len(labels) / len(y)
            loss.backward(); total += loss.item(); right += (logits.argmax(1) == labels).sum().item()
        for k, p in net.named_parameters(): tensors[f'{name}.{i}.grad.{k}'] = f32(p.grad)
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), clip).item()
        for group in optimizer.param_groups: group['lr'] = RATES[i]
        optimizer.step()
        tensors[f'{name}.{i}.told'] = np.array([total, right, norm], np.float32)
        for k, v in state(net).items(): tensors[f'{name}.{i}.after.{k}'] = f32(v)
    meta[name] = json.dumps({'optimizer': {**rule, 'decayed': 'all'}, 'clipNorm': clip})

run('sgd', lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, weight_decay=0.05), clip=0.4,
    kind='sgd', momentum=0.9, nesterov=False, weightDecay=0.05)
run('adamw', lambda p: torch.optim.AdamW(p, lr=1, weight_decay=0.02), clip=0.3,
    kind='adamw', beta1=0.9, beta2=0.999, eps=1e-8, weightDecay=0.02)
save(OUT / 'micro_batches.safetensors', tensors, meta)
