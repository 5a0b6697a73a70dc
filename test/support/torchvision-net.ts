import {
  avgPool,
  batchNorm,
  conv2d,
  denseBlock,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  type Module,
  maxPool,
  type NamedModule,
  relu,
  type SequentialModule,
} from '../../src/index.ts';

const named = (children: readonly NamedModule[]): SequentialModule => ({ kind: 'sequential', children });

/** torchvision's DenseNet(growth_rate=6, block_config=(2, 3), num_init_features=8, bn_size=2, num_classes=5). */
export function bottleneckNet(): Model {
  const [growth, bottleneck, stem] = [6, 12, 8];
  const layer = (): Module =>
    named([
      ['norm1', batchNorm()],
      ['relu1', relu()],
      ['conv1', conv2d(bottleneck, 1, { bias: false })],
      ['norm2', batchNorm()],
      ['relu2', relu()],
      ['conv2', conv2d(growth, 3, { padding: 1, bias: false })],
    ]);
  const block = (layers: number): Module => ({
    ...(denseBlock([]) as Extract<Module, { kind: 'denseBlock' }>),
    layers: Array.from({ length: layers }, (_, i) => [`denselayer${i + 1}`, layer()] as const),
  });
  const features = named([
    ['conv0', conv2d(stem, 7, { stride: 2, padding: 3, bias: false })],
    ['norm0', batchNorm()],
    ['relu0', relu()],
    ['pool0', maxPool(3, { stride: 2, padding: 1 })],
    ['denseblock1', block(2)],
    [
      'transition1',
      named([
        ['norm', batchNorm()],
        ['relu', relu()],
        ['conv', conv2d((stem + 2 * growth) / 2, 1, { bias: false })],
        ['pool', avgPool(2)],
      ]),
    ],
    ['denseblock2', block(3)],
    ['norm5', batchNorm()],
  ]);
  return {
    name: 'bottleneck-net',
    channels: 3,
    classes: 5,
    root: named([
      ['features', features],
      ['relu', relu()],
      ['pool', globalAvgPool()],
      ['flatten', flatten()],
      ['classifier', linear(5)],
    ]),
  };
}
