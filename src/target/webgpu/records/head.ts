import { GRAD_OUTPUT, type KernelSpec } from './groups.ts';

/** Records of a network's head. */
export const head = {
  /** [N, H, W, C] → [N, C·H·W]. */
  flatten: {
    sources: ['flatten'],
    fields: { x: 'Map', y: 'Map', imagePixels: 'u32', channels: 'u32', total: 'u32' },
  },
  flattenGradInput: {
    sources: ['flatten_grad_input'],
    fields: {
      ...GRAD_OUTPUT,
      gradient: 'Map',
      accumulate: 'flag',
      imagePixels: 'u32',
      channels: 'u32',
      total: 'u32',
    },
  },
  /** The loss and, in a training step, its gradient; either may be absent. */
  crossEntropy: {
    sources: ['softmax', 'merge', 'cross_entropy'],
    fields: {
      logits: 'Map',
      labels: 'Vector',
      imageWeights: 'Vector',
      images: 'u32',
      classes: 'u32',
      smoothing: 'f32',
      meanOver: 'f32',
      loss: 'Vector',
      correct: 'Vector',
      gradLogits: 'Map',
      accumulate: 'flag',
    },
  },
} as const satisfies Readonly<Record<string, KernelSpec>>;
