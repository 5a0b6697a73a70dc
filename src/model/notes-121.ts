import { stem } from './densenet.ts';
import {
  type Block,
  batchNorm,
  conv2d,
  denseBlock,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  type Module,
  relu,
  sequential,
} from './module.ts';

const GROWTH_RATE = 32;

/** BN, ReLU, 1×1 convolution to four times the *input*, BN, ReLU, 3×3 convolution. */
function bottleneck(inputChannels: number, outChannels: number, block?: Block): Module {
  const [widen, convolve] = [conv2d(4 * inputChannels, 1), conv2d(outChannels, 3, { padding: 1 })];
  return sequential([batchNorm(), relu(), widen, batchNorm(), relu(), convolve], block);
}

/**
 * The notes' answer to exercise 4, including its mistakes, for comparison: it is not a DenseNet-121. Its third block
 * has 23 layers instead of 24, its bottlenecks widen to 4 × input instead of 4 × growth, and its transitions are such
 * bottlenecks too, without pooling: 144,004,762 parameters, and maps that never shrink.
 */
export function notes121AsPrinted(
  options: { readonly channels?: number; readonly classes?: number } = {},
): Model {
  const { channels = 1, classes = 10 } = options;
  const modules: Module[] = [stem(64)];
  let features = 64;
  const blocks = [6, 12, 23, 16];
  blocks.forEach((layers, i) => {
    const block = denseBlock(
      Array.from({ length: layers }, (_, k) => bottleneck(features + k * GROWTH_RATE, GROWTH_RATE)),
      { kind: 'denseBlock', index: i + 1 },
    );
    modules.push({ ...block, className: 'DenseBlock_121' });
    features += layers * GROWTH_RATE;
    if (i === blocks.length - 1) return;
    modules.push(bottleneck(features, Math.floor(features / 2), { kind: 'transition', index: i + 1 }));
    features = Math.floor(features / 2);
  });
  modules.push(batchNorm(), relu(), globalAvgPool(), flatten(), linear(classes));
  return { name: 'notes-121-as-printed', channels, classes, root: sequential(modules) };
}
