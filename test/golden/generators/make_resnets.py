#!/usr/bin/env python3
"""Writes data/small_resnet18.safetensors, resnet34_eval.safetensors and resnet50_eval.safetensors: torchvision's own ResNets with
narrow layers: a training step of the first, logits of the others in evaluation.
Needs Debian's python3-torchvision; run: python3 make_resnets.py [OUT_DIR]
"""
import copy
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from make_reference import one_step, save, split

class Narrow(ResNet):
    """torchvision's class with fewer channels than its fixed 64 in the stem, and 64, 128, 256, 512 in the stages."""
    def __init__(self, block, layers, width, classes):
        object.__setattr__(self, 'width', width)
        super().__init__(block, layers, num_classes=classes)
        self.fc = nn.Linear(8 * width * block.expansion, classes)
    def __setattr__(self, name, value):
        super().__setattr__(name, self.width if name == 'inplanes' and not hasattr(self, 'inplanes') else value)
    def _make_layer(self, block, planes, *rest, **more):
        return super()._make_layer(block, planes * self.width // 64, *rest, **more)

def nearest_to_zero(net, x):
    """The smallest absolute input of a ReLU in a training step: if it is tiny, its sign may differ in float32."""
    net, least = copy.deepcopy(net).double().train(), []
    for m in net.modules():
        if isinstance(m, nn.ReLU): m.register_forward_pre_hook(lambda m, i: least.append(i[0].abs().min().item()))
    net(x.double())
    return min(least)

def randomize(net):
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1.5); nn.init.uniform_(m.bias, -0.3, 0.3); m.running_mean.uniform_(-0.2, 0.2); m.running_var.uniform_(0.5, 2)

def main():
    for seed in range(100):
        torch.manual_seed(seed)
        net, x = Narrow(BasicBlock, [2, 2, 2, 2], 4, 7), torch.randn(4, 3, 40, 36)
        state = torch.get_rng_state()
        probe = copy.deepcopy(net)
        for m in probe.modules():
            if isinstance(m, nn.BatchNorm2d): nn.init.uniform_(m.weight, 0.5, 1.5); nn.init.uniform_(m.bias, -0.3, 0.3)
        torch.set_rng_state(state)
        if nearest_to_zero(probe, x) > 5e-6: break
    print('seed', seed)
    one_step('small_resnet18', net, x, torch.tensor([0, 6, 2, 3]), init=None, width=4, classes=7)
    for name, block in (('resnet34', BasicBlock), ('resnet50', Bottleneck)):
        torch.manual_seed(34)
        net, x = Narrow(block, [3, 4, 6, 3], 3, 5), torch.randn(2, 3, 40, 36)
        randomize(net); net.eval()
        with torch.no_grad(): save(f'{name}_eval', {**split('state', net), 'x': x, 'logits': net(x)}, what=f'torchvision {name} of width 3 (for 64), 5 classes, eval')

main()
