import { stem } from './densenet.ts';
import {
  batchNorm,
  conv2d,
  flatten,
  globalAvgPool,
  identity,
  linear,
  type Model,
  type Module,
  type NamedModule,
  namedSequential,
  relu,
  sequential,
  sum,
} from './module.ts';

/** Hyperparameters of a ResNet as in d2l's chapter 7.6. */
export interface ResNetOptions {
  readonly name?: string;
  readonly channels?: number;
  readonly classes?: number;
  /** Channels of each stage; the first stage keeps the size of its map, the others halve it. */
  readonly stages?: readonly number[];
  /** Residual blocks per stage. */
  readonly residuals?: number;
}

/**
 * ReLU of two 3×3 convolutions plus the input; if the shapes differ, a strided 1×1 convolution (no batch norm) adapts
 * the input.
 */
function residual(channels: number, stride: number, hasConvolvedShortcut: boolean): Module {
  const branch = namedSequential([
    ['conv1', conv2d(channels, 3, { padding: 1, stride })],
    ['bn1', batchNorm()],
    ['', relu()],
    ['conv2', conv2d(channels, 3, { padding: 1 })],
    ['bn2', batchNorm()],
  ]);
  const shortcut: NamedModule = hasConvolvedShortcut
    ? ['conv3', conv2d(channels, 1, { stride })]
    : ['', identity()];
  return namedSequential([
    ['', sum([['', branch], shortcut])],
    ['', relu()],
  ]);
}

/** d2l's ResNet-18 by default: a bias in every convolution, 11,178,378 parameters. */
export function resnet(options: ResNetOptions = {}): Model {
  const { name = 'resnet18-d2l', channels = 1, classes = 10 } = options;
  const { stages = [64, 128, 256, 512], residuals = 2 } = options;
  const stage = (width: number, i: number): Module =>
    sequential(
      Array.from({ length: residuals }, (_, k) => {
        const halves = k === 0 && i > 0;
        return residual(width, halves ? 2 : 1, halves);
      }),
      { kind: 'residualStage', index: i + 1 },
    );
  const modules = [stem(stages[0]!), ...stages.map(stage), globalAvgPool(), flatten(), linear(classes)];
  return { name, channels, classes, root: sequential(modules) };
}
