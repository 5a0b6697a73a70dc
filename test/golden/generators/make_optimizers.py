#!/usr/bin/env python3
"""Writes data/optimizers.safetensors: steps of PyTorch's optimisers, its clip_grad_norm_, an AveragedModel, label smoothing, and
learning rates of its schedulers. Needs Debian's python3-torch; run: python3 make_optimizers.py [OUT_DIR]
Computed in float64, stored as float32 (learning rates as float64). A case's settings are JSON under its name in the metadata.
"""
import json, sys, warnings
from pathlib import Path
import numpy as np, torch
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import AveragedModel
from safetensors_file import DATA, save

warnings.simplefilter('ignore')
OUT = Path(sys.argv[1] if len(sys.argv) > 1 else DATA)
STEPS, RATES = 4, [0.1, 0.05, 0.2, 0.1]
SHAPES = {'weight': [7, 5], 'bias': [7], 'more': [3, 11]}

torch.manual_seed(3)
tensors, meta = {}, {}
f32 = lambda t: t.detach().float().numpy()
first = {k: torch.randn(s, dtype=torch.float64).float().double() for k, s in SHAPES.items()}
gradients = [{k: torch.randn(s, dtype=torch.float64).float().double() for k, s in SHAPES.items()} for _ in range(STEPS)]
for k, v in first.items(): tensors[f'first.{k}'] = f32(v)
for i, step in enumerate(gradients):
    for k, v in step.items(): tensors[f'gradient.{i}.{k}'] = f32(v)
tensors['rates'] = np.array(RATES)

class Parameters(torch.nn.Module):
    def __init__(self):
        super().__init__()
        for k, v in first.items(): setattr(self, k, torch.nn.Parameter(v.clone()))

def run(name, make, decay=0.0, decayed='all', clip=None, average=None, **settings):
    """Runs four steps; returns all parameters after each."""
    model = Parameters()
    named = dict(model.named_parameters())
    vectors = [p for p in named.values() if p.dim() == 1]
    weights = [p for p in named.values() if p.dim() > 1]
    groups = [{'params': weights, 'weight_decay': decay}, {'params': vectors, 'weight_decay': decay if decayed == 'all' else 0.0}]
    optimizer = make(groups)
    # The warm-up of the average as in densor: num_averaged counts the previous updates, including the initial copy.
    averaged = average and AveragedModel(model, avg_fn=lambda mean, value, n: mean + (1 - min(average, (1 + n) / (10 + n))) * (value - mean))
    if averaged: averaged.update_parameters(model)  # The first only copies.
    for i in range(STEPS):
        for k, p in named.items(): p.grad = gradients[i][k].clone()
        if clip: tensors[f'{name}.{i}.norm'] = np.array([torch.nn.utils.clip_grad_norm_(named.values(), clip).item()], np.float32)
        for group in optimizer.param_groups: group['lr'] = RATES[i]
        optimizer.step()
        for k, p in named.items(): tensors[f'{name}.{i}.{k}'] = f32(p)
        if averaged:
            averaged.update_parameters(model)
            for k, p in averaged.module.named_parameters(): tensors[f'{name}.{i}.average.{k}'] = f32(p)
    rule = {'weightDecay': decay, 'decayed': decayed, **settings}
    meta[name] = json.dumps({'optimizer': rule, **({'clipNorm': clip} if clip else {}), **({'averageDecay': average} if average else {})})

sgd = lambda **kw: (lambda groups: torch.optim.SGD(groups, lr=1, **kw))
adamw = lambda **kw: (lambda groups: torch.optim.AdamW(groups, lr=1, **kw))
S = lambda momentum, nesterov=False: dict(kind='sgd', momentum=momentum, nesterov=nesterov)
A = lambda beta1=0.9, beta2=0.999, eps=1e-8: dict(kind='adamw', beta1=beta1, beta2=beta2, eps=eps)
run('plain', sgd(), **S(0))
run('decay', sgd(), decay=0.03, **S(0))
run('momentum', sgd(momentum=0.9), **S(0.9))
run('momentum_decay', sgd(momentum=0.8), decay=0.05, **S(0.8))
run('nesterov', sgd(momentum=0.9, nesterov=True), decay=0.05, decayed='weights', **S(0.9, True))
run('clipped', sgd(momentum=0.9), decay=0.05, clip=3.0, **S(0.9))
run('not_clipped', sgd(), clip=1000.0, **S(0))
run('adamw', adamw(), decay=0.01, **A())
run('adamw_more', adamw(betas=(0.8, 0.95), eps=1e-3), decay=0.3, decayed='weights', clip=2.0, **A(0.8, 0.95, 1e-3))
run('average', sgd(momentum=0.9), average=0.25, **S(0.9))

logits = torch.randn(6, 5, dtype=torch.float64).float().double(); labels = torch.tensor([0, 4, 2, 2, 1, 3])
tensors['logits'], tensors['labels'] = f32(logits), labels.numpy()
weights = torch.tensor([0.5, 2.0, 1.0, 0.25, 3.0, 0.0], dtype=logits.dtype)
tensors['imageWeights'] = f32(weights)
for smoothing in (0.0, 0.1, 0.5):
    x = logits.clone().requires_grad_(); loss = F.cross_entropy(x, labels, label_smoothing=smoothing); loss.backward()
    tensors[f'smoothing.{smoothing}.loss'], tensors[f'smoothing.{smoothing}.grad'] = f32(loss.reshape(1)), f32(x.grad)
    x = logits.clone().requires_grad_()
    loss = (F.cross_entropy(x, labels, label_smoothing=smoothing, reduction='none') * weights).mean(); loss.backward()
    tensors[f'weighted.{smoothing}.loss'], tensors[f'weighted.{smoothing}.grad'] = f32(loss.reshape(1)), f32(x.grad)

def rates(name, make, steps, lr=0.4):
    """The learning rate of each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, out = make(optimizer), []
    for _ in range(steps): out.append(optimizer.param_groups[0]['lr']); optimizer.step(); scheduler.step()
    tensors[f'schedule.{name}'] = np.array(out)

warm = lambda o, n: schedulers.LinearLR(o, start_factor=1 / n, total_iters=n - 1)
both = lambda f, n: (lambda o: schedulers.ChainedScheduler([warm(o, n), f(o)]))
step = lambda o: schedulers.MultiStepLR(o, [20, 30], gamma=0.1)
cosine = lambda o: schedulers.CosineAnnealingLR(o, 40)
rates('constant', lambda o: schedulers.ConstantLR(o, factor=1.0), 40)
rates('constant_warm', lambda o: warm(o, 5), 40)
rates('step', step, 40)
rates('step_warm', both(step, 4), 40)
rates('cosine', cosine, 40)
rates('cosine_warm', both(cosine, 6), 40)
rates('one-cycle', lambda o: schedulers.OneCycleLR(o, 0.4, total_steps=40, cycle_momentum=False), 40)
save(OUT / 'optimizers.safetensors', tensors, meta)
