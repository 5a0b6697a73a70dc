import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { floatsOf } from '../../src/data/loader.ts';
import { byteTables } from '../../src/data/transforms/normalize.ts';
import { EngineError, type Input, partOfInput } from '../../src/engine/engine.ts';
import { type GpuDevice, openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import {
  conv2d,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  relu,
  sequential,
} from '../../src/model/module.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { readBits } from '../support/read-state.ts';
import { withoutBytes } from './sessions.ts';

let device: GpuDevice;
beforeAll(async () => {
  device = await openDevice({ gpu: await nodeGpu() });
});
afterAll(() => device.close());

/** [height, width]: 3 images of 3 × 7 × 5 numbers are no multiple of 4. */
const SIZE = [7, 5] as const;
const labels = Int32Array.of(0, 1, 1);

const network = (channels: number): Model => ({
  name: 'uploads',
  channels,
  classes: 2,
  root: sequential([conv2d(4, 3, { padding: 1 }), relu(), globalAvgPool(), flatten(), linear(2)]),
});

const tables = (channels: number) =>
  byteTables(channels, {
    mean: [0.2, 0.4, 0.6].slice(0, channels),
    std: [0.3, 0.11, 0.07].slice(0, channels),
  });

/** Random-looking bytes with every value. */
const bytesOf = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 97 + (i >> 8)) & 255);

/** Three steps on images given in some form: the bits of the state, and the bytes written per step. */
async function steps(
  channels: number,
  precision: 'f32' | 'bf16',
  form: (images: Input, step: number) => Input = (images) => images,
) {
  const engine = createWebgpuEngine({ device });
  const compiled = compile(
    network(channels),
    SIZE,
    { train: { batch: 3, mode: 'train' } },
    {
      target: engine.target,
      precision,
    },
  );
  const session = await engine.open(compiled.network);
  for (const [name, { shape }] of compiled.network.state)
    session.write(
      name,
      Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i + 1)),
    );
  const { queue } = device.device;
  let written = 0;
  const write = queue.writeBuffer;
  queue.writeBuffer = (buffer, at, data, ...rest) => {
    written += data.byteLength;
    return write.call(queue, buffer, at, data as BufferSource, ...rest);
  };
  const count = 3 * channels * SIZE[0] * SIZE[1];
  const ofSteps: number[] = [];
  const numbers = tables(channels);
  try {
    for (let step = 1; step <= 3; step++) {
      written = 0;
      const images = form(floatsOf(bytesOf(count + step).subarray(step), numbers), step);
      await session.run('train', { images, labels }, { learningRate: 0.1, step });
      ofSteps.push(written);
    }
  } finally {
    queue.writeBuffer = write;
  }
  const bits = await readBits(session, compiled.network.state.keys());
  await session.close();
  return { bits, ofSteps, count };
}

describe.each([1, 3])('images of %d channels', (channels) => {
  test.each(['f32', 'bf16'] as const)(
    'as bytes have the bits of those as float32, in %s',
    async (precision) => {
      const bytes = await steps(channels, precision);
      const floats = await steps(channels, precision, withoutBytes);
      expect(bytes.bits).toEqual(floats.bits);
      const mixed = await steps(channels, precision, (images, step) =>
        step === 2 ? withoutBytes(images) : images,
      );
      expect(mixed.bits).toEqual(floats.bits);
      const black = (images: Input, step: number) =>
        step === 1 ? floatsOf(new Uint8Array(images.length), tables(channels)) : images;
      expect((await steps(channels, precision, black)).bits).not.toEqual(floats.bits);
    },
  );
});

test('a step writes a byte for each number of its images instead of four', async () => {
  const { ofSteps, count } = await steps(3, 'f32');
  const { ofSteps: ofFloats } = await steps(3, 'f32', withoutBytes);
  const others = ofFloats[1]! - 4 * count; // Labels and scalars.
  expect(others).toBeLessThan(512);
  // The tables of the channels are written once.
  expect(ofSteps.map((bytes) => bytes - others)).toEqual([count + 1 + 3 * 1024, count + 1, count + 1]);
});

describe('a part of images that are bytes', () => {
  const images = floatsOf(bytesOf(12), tables(3));

  test('is bytes too where it begins with a whole pixel', () => {
    const part = partOfInput(images, 3, 9);
    if (!('encoded' in part)) throw new Error('expected bytes');
    expect(part.encoded!.bytes).toEqual(bytesOf(12).subarray(3, 9));
  });

  test('is floats elsewhere', () => {
    expect(partOfInput(images, 1, 9)).not.toHaveProperty('encoded');
  });
});

test('bytes that do not fit their images are refused', async () => {
  const wrong = (encoded: object) => (images: Input) => ({ ...images, encoded }) as Input;
  const few = wrong({ bytes: new Uint8Array(5), tables: tables(3) });
  await expect(steps(3, 'f32', few)).rejects.toThrow(
    /^input images is encoded as 5 bytes with tables of 256, 256, 256 numbers: expected 315 bytes and 256/,
  );
  const short = wrong({ bytes: new Uint8Array(315), tables: [new Float32Array(255)] });
  await expect(steps(3, 'f32', short)).rejects.toThrow(EngineError);
});
