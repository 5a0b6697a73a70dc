import { type Compiled, compile } from '../../src/compile.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { writeFileAtomic } from '../../src/node/files.ts';
import type { PlanOptions } from '../../src/plan/plan.ts';
import { uniform } from '../../src/tensor/random.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';
import { networkOf, type StepCase } from './network.ts';

// The inputs of all contenders are determined by the case, so their losses can be compared.

/** Compiles the training step of a case as the program `train`. */
export function compileStep(step: StepCase, options?: PlanOptions): Compiled {
  const { size, batch } = step;
  return compile(networkOf(step), [size, size], { train: { batch, mode: 'train' } }, options);
}

/** Images [batch, size, size] with one channel, and their labels. */
export function batchOf({ size, batch }: StepCase): { images: Float32Array; labels: Int32Array } {
  return {
    images: Float32Array.from({ length: batch * size * size }, (_, i) => uniform(0, 1, i)),
    labels: Int32Array.from({ length: batch }, (_, i) => i % 10),
  };
}

/** NHWC → NCHW, both dense. */
export function toNchw(images: Float32Array, [, h, w, c]: Shape): Float32Array {
  const [channels, pixels] = [c!, h! * w!];
  const nchw = new Float32Array(images.length);
  for (let i = 0; i < images.length; i++) {
    const [image, within] = [Math.floor(i / (channels * pixels)), i % (channels * pixels)];
    nchw[image * channels * pixels + (within % channels) * pixels + Math.floor(within / channels)] =
      images[i]!;
  }
  return nchw;
}

/** Parameters and running statistics by PyTorch's names, generated lazily, because peak memory is measured. */
export function* initialState({ network, initializers }: Compiled): Iterable<[string, Float32Array, Shape]> {
  for (const [name, { shape }] of network.state) {
    yield [name, initialNumbers(0, name, elementCount(shape), initializers.get(name)!), shape];
  }
}

/** Writes the inputs for peers in other languages: safetensors with `images`, `labels` and `state.*`. */
export function writeInput(path: string, step: StepCase): void {
  const { size, batch } = step;
  const { images, labels } = batchOf(step);
  const tensors = new Map<string, { shape: Shape; data: Float32Array | Int32Array }>([
    ['images', { shape: [batch, 1, size, size], data: images }],
    ['labels', { shape: [batch], data: labels }],
  ]);
  for (const [name, data, shape] of initialState(compileStep(step))) {
    tensors.set(`state.${name}`, { shape, data });
  }
  writeFileAtomic(path, encodeSafetensors({ metadata: new Map(), tensors }));
}
