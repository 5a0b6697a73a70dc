import {
  batchNorm,
  conv2d,
  flatten,
  globalAvgPool,
  identity,
  linear,
  type Model,
  type Module,
  maxPool,
  type NamedModule,
  namedSequential,
  relu,
  sequential,
  sum,
} from './module.ts';

/** A ResNet of He et al. 2016 (table 1), with torchvision's names of layers and parameters. */
export interface TorchvisionResNetOptions {
  readonly name?: string;
  readonly channels?: number;
  readonly classes?: number;
  /** Residual blocks of each stage. */
  readonly blocks: readonly number[];
  /** `basic`: two 3×3 convolutions; `bottleneck`: 1×1, 3×3, and 1×1 to four times as many channels. */
  readonly block: 'basic' | 'bottleneck';
  /** Channels of the stem and of the first stage's 3×3 convolutions; each further stage has twice as many. Default 64. */
  readonly width?: number;
}

/** Ratio of a bottleneck's output channels to those of its 3×3 convolution. */
const EXPANSION = 4;

/**
 * torchvision's `ResNet`. Convolutions have no bias; a bottleneck halves its map in the 3×3 convolution (known as
 * version 1.5), not in the first 1×1 convolution as in the paper.
 */
export function torchvisionResnet(options: TorchvisionResNetOptions): Model {
  const { name = 'resnet', channels = 3, classes = 1000, blocks, block, width = 64 } = options;
  const expansion = block === 'bottleneck' ? EXPANSION : 1;
  let features = width;
  const stages = blocks.map((count, i): NamedModule => {
    const planes = width * 2 ** i;
    const residuals = Array.from({ length: count }, (_, k) => {
      const stride = k === 0 && i > 0 ? 2 : 1;
      const fits = stride === 1 && features === planes * expansion;
      features = planes * expansion;
      const branch = block === 'bottleneck' ? bottleneckBranch(planes, stride) : basicBranch(planes, stride);
      return residual(branch, fits ? undefined : { channels: features, stride });
    });
    return [`layer${i + 1}`, sequential(residuals, { kind: 'residualStage', index: i + 1 })];
  });
  const root = namedSequential([
    ['conv1', conv2d(width, 7, { stride: 2, padding: 3, bias: false })],
    ['bn1', batchNorm()],
    ['relu', relu()],
    ['maxpool', maxPool(3, { stride: 2, padding: 1 })],
    ...stages,
    ['', globalAvgPool()],
    ['', flatten()],
    ['fc', linear(classes)],
  ]);
  return { name, channels, classes, initialization: 'kaimingNormalFanOut', root };
}

function basicBranch(planes: number, stride: number): NamedModule[] {
  return [
    ['conv1', conv2d(planes, 3, { stride, padding: 1, bias: false })],
    ['bn1', batchNorm()],
    ['', relu()],
    ['conv2', conv2d(planes, 3, { padding: 1, bias: false })],
    ['bn2', batchNorm()],
  ];
}

function bottleneckBranch(planes: number, stride: number): NamedModule[] {
  return [
    ['conv1', conv2d(planes, 1, { bias: false })],
    ['bn1', batchNorm()],
    ['', relu()],
    ['conv2', conv2d(planes, 3, { stride, padding: 1, bias: false })],
    ['bn2', batchNorm()],
    ['', relu()],
    ['conv3', conv2d(EXPANSION * planes, 1, { bias: false })],
    ['bn3', batchNorm()],
  ];
}

/**
 * ReLU of a branch plus the input; if the shapes differ, a strided 1×1 convolution with batch norm adapts the input.
 */
function residual(
  branch: readonly NamedModule[],
  projection: { readonly channels: number; readonly stride: number } | undefined,
): Module {
  const shortcut: NamedModule = projection
    ? [
        'downsample',
        sequential([conv2d(projection.channels, 1, { stride: projection.stride, bias: false }), batchNorm()]),
      ]
    : ['', identity()];
  return namedSequential([
    ['', sum([['', namedSequential(branch)], shortcut])],
    ['', relu()],
  ]);
}
