import type { TrainedNetwork } from '../../src/library/network.ts';
import {
  batchNorm,
  conv2d,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  maxPool,
  relu,
  sequential,
} from '../../src/model/module.ts';
import { numbers } from './module-run.ts';

export const COLOURS = ['red', 'green', 'blue'] as const;
const SIDE = 12;

/** A network of modules so small that an epoch takes milliseconds. */
export const OWN_NETWORK: Model = {
  name: 'mine',
  channels: 3,
  classes: 3,
  root: sequential([
    conv2d(16, 3, { padding: 1 }),
    batchNorm(),
    relu(),
    maxPool(2),
    globalAvgPool(),
    flatten(),
    linear(3),
  ]),
};

/** Noisy images, each of one color, with names as labels. */
export function colours(count: number) {
  const random = numbers(5);
  const labels = Array.from({ length: count }, (_, i) => COLOURS[i % 3]!);
  const images = Uint8Array.from({ length: count * SIDE * SIDE * 3 }, (_, i) => {
    const isColour = i % 3 === Math.floor(i / (SIDE * SIDE * 3)) % 3;
    return (isColour ? 170 : 20) + 60 * Math.abs(random());
  });
  return { images, shape: [count, SIDE, SIDE, 3], labels };
}

/** One of these images. */
export function colourImage({ images }: ReturnType<typeof colours>, index: number) {
  const bytes = SIDE * SIDE * 3;
  return { width: SIDE, height: SIDE, data: images.subarray(index * bytes, (index + 1) * bytes) };
}

/** All bits of a trained state. */
export function bitsOfState({ trained }: TrainedNetwork): Record<string, number[]> {
  return Object.fromEntries(
    [...trained.checkpoint.state].map(([name, { buffer, byteOffset, byteLength }]) => [
      name,
      [...new Uint32Array(buffer, byteOffset, byteLength / 4)],
    ]),
  );
}
