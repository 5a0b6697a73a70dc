"""Networks in PyTorch, imported by the other scripts of bench/peers."""
import torch
from torch import nn


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


def bottlenecks(channels, classes, blocks, growth, stem):
    """torchvision's network with another number of image channels."""
    from torchvision.models import DenseNet

    net = DenseNet(growth, tuple(blocks), stem, num_classes=classes)
    net.features.conv0 = nn.Conv2d(channels, stem, 7, 2, 3, bias=False)
    return net
