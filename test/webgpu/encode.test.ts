import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { floatsOf } from '../../src/data/loader.ts';
import { byteTables } from '../../src/data/transforms/normalize.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import { imageSizeOf, MODEL_NAMES, modelByName } from '../../src/model/zoo.ts';
import { dispatchesOf } from '../../src/target/webgpu/dispatch.ts';
import { webgpuTarget } from '../../src/target/webgpu/target.ts';
import { elementCount } from '../../src/tensor/shape.ts';

// Dawn's null backend checks every shader, pipeline, binding and dispatch as a real one does, and computes nothing.
describe('the null backend accepts every record of', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = createWebgpuEngine({ device: await openDevice({ gpu: await nodeGpu(['backend=null']) }) });
  });
  afterAll(() => engine.close());

  // These exceed the memory that the null backend has, 256 MiB.
  const TOO_LARGE = ['densenet264', 'densenet161', 'notes-121-as-printed'];
  const names = MODEL_NAMES.filter((name) => !TOO_LARGE.includes(name));

  test.each(names.flatMap((name) => [[name, 'f32'] as const, [name, 'bf16'] as const]))(
    '%s, %s',
    async (name, precision) => {
      const size = Math.min(64, imageSizeOf(name)!);
      const { network } = compile(
        modelByName(name),
        [size, size],
        { train: { batch: 2, mode: 'train' }, evaluate: { batch: 2, mode: 'evaluate' } },
        { target: engine.target, precision },
      );
      const session = await engine.open(network);
      for (const program of ['train', 'evaluate']) {
        const { graph } = network.programs.get(program)!;
        const shapeOf = (input: string) => graph.values[graph.inputs.get(input)!]!.shape;
        const shape = shapeOf('images');
        const images = floatsOf(new Uint8Array(elementCount(shape)), byteTables(shape[1]!));
        const run = session.run(program, { images, labels: new Int32Array(2) }, { learningRate: 0.1 });
        await expect(run).rejects.toThrow(/the GPU answered with nothing/);
      }
      await session.close();
    },
  );
});

const notesStep = (maxBufferBytes?: number) => {
  const target = webgpuTarget(maxBufferBytes === undefined ? {} : { maxBufferBytes });
  const programs = { train: { batch: 256, mode: 'train' } } as const;
  return compile(modelByName('notes'), [96, 96], programs, { target }).network.programs.get('train')!.plan;
};

test("the notes' step is at most 130 dispatches, with the one that expands the bytes of the images", () => {
  const { buffers, records } = notesStep(2 ** 31);
  expect(1 + dispatchesOf(buffers, records).dispatches.length).toBeLessThanOrEqual(130);
});

test("the notes' step fits the default limits: buffers of 128 MiB, of which a kernel binds at most eight", () => {
  const { buffers, records, partBytes } = notesStep();
  for (const bytes of Object.values(partBytes).flat()) expect(bytes).toBeLessThanOrEqual(134_217_728);
  expect(partBytes.transient.length).toBeGreaterThan(1);
  for (const { segments, variant } of dispatchesOf(buffers, records).dispatches) {
    const lists = variant.kind === 'packWeights' || variant.kind === 'sgd' ? 1 : 0;
    expect(segments.length + 1 + lists, variant.kind).toBeLessThanOrEqual(8);
  }
});
