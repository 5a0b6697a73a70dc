import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { DeviceLostError, DeviceMemoryError } from '../../src/engine/engine.ts';
import { type GpuDevice, openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { OWN_NETWORK } from '../support/colours.ts';

const SIZE = [12, 12] as const;
const INPUTS = { images: new Float32Array(4 * 3 * 12 * 12).fill(0.5), labels: Int32Array.of(0, 1, 2, 0) };

async function opened(device: GpuDevice) {
  const engine = createWebgpuEngine({ device });
  const options = { target: engine.target };
  const { network } = compile(OWN_NETWORK, SIZE, { train: { batch: 4, mode: 'train' } }, options);
  return { engine, network, session: await engine.open(network) };
}

describe('a device', () => {
  test('that is lost ends the next step with an error that says how to go on', async () => {
    const device = await openDevice({ gpu: await nodeGpu() });
    const { session, engine, network } = await opened(device);
    await session.run('train', INPUTS, { learningRate: 0.1 });
    device.device.destroy();
    const step = session.run('train', INPUTS, { learningRate: 0.1 });
    await expect(step).rejects.toThrow(DeviceLostError);
    await expect(step).rejects.toThrow(/^the GPU was lost \(it was closed\)$/);
    await expect(engine.open(network)).rejects.toThrow(DeviceLostError);
  });

  test('refuses a network that was compiled for another target', async () => {
    const device = await openDevice({ gpu: await nodeGpu() });
    const { engine } = await opened(device);
    const { network } = compile(
      OWN_NETWORK,
      SIZE,
      { train: { batch: 4, mode: 'train' } },
      { target: cpuTarget() },
    );
    await expect(engine.open(network)).rejects.toThrow(
      /compiled for cpu, not for this engine: compile it with the engine's target/,
    );
    await engine.close();
  });

  test('that has too little memory says so', async () => {
    const device = await openDevice({ gpu: await nodeGpu() });
    const { engine, network } = await opened(device);
    const { createBuffer } = device.device;
    // What a driver answers when its memory is used up.
    device.device.createBuffer = function (this: GPUDevice, descriptor: Parameters<typeof createBuffer>[0]) {
      return createBuffer.call(this, { ...descriptor, size: 2 ** 52 });
    } as typeof createBuffer;
    await expect(engine.open(network)).rejects.toThrow(DeviceMemoryError);
    await expect(engine.open(network)).rejects.toThrow(/cannot allocate \d+ MiB: use a smaller batch/);
    await engine.close();
  });

  test('that refuses a kernel keeps no memory', async () => {
    const device = await openDevice({ gpu: await nodeGpu() });
    const engine = createWebgpuEngine({ device });
    const options = { target: engine.target };
    const { network } = compile(OWN_NETWORK, SIZE, { train: { batch: 4, mode: 'train' } }, options);
    const { createBuffer } = device.device;
    const kept = new Set<GPUBuffer>();
    device.device.createBuffer = function (this: GPUDevice, descriptor: Parameters<typeof createBuffer>[0]) {
      const buffer = createBuffer.call(this, descriptor);
      const destroy = buffer.destroy.bind(buffer);
      kept.add(buffer);
      return Object.assign(buffer, {
        destroy: () => {
          kept.delete(buffer);
          destroy();
        },
      });
    } as typeof createBuffer;
    device.device.createComputePipelineAsync = () => Promise.reject(new Error('refused'));
    await expect(engine.open(network)).rejects.toThrow('refused');
    expect(kept.size).toBe(0);
    await engine.close();
  });

  test('tells how many kernels are compiled', async () => {
    const told: [number, number][] = [];
    const device = await openDevice({ gpu: await nodeGpu() });
    const engine = createWebgpuEngine({ device, onProgress: (done, total) => told.push([done, total]) });
    const { network } = compile(
      OWN_NETWORK,
      SIZE,
      { train: { batch: 4, mode: 'train' } },
      { target: engine.target },
    );
    await engine.open(network);
    expect(told.at(-1)).toEqual([told.length, told.length]);
    expect(told.length).toBeGreaterThan(5);
    await engine.close();
  });

  test('missing from a page is said in one line', async () => {
    const gpu = { requestAdapter: async () => null } as unknown as Parameters<typeof openDevice>[0]['gpu'];
    await expect(openDevice({ gpu })).rejects.toThrow(/there is no WebGPU adapter: expected a graphics card/);
  });
});

describe('results', () => {
  test('are the same bits whether a program is submitted whole or in parts', async () => {
    const bits = async (now: () => number) => {
      const engine = createWebgpuEngine({ device: await openDevice({ gpu: await nodeGpu() }), now });
      const { network } = compile(
        OWN_NETWORK,
        SIZE,
        { train: { batch: 4, mode: 'train' } },
        { target: engine.target },
      );
      const session = await engine.open(network);
      for (const [i, [name, { shape }]] of [...network.state].entries()) {
        session.write(
          name,
          Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => Math.sin(i + k) / 3),
        );
      }
      for (let step = 1; step <= 3; step++) await session.run('train', INPUTS, { learningRate: 0.1, step });
      const state: number[][] = [];
      for (const name of network.state.keys()) state.push([...(await session.read(name))]);
      await engine.close();
      return state;
    };
    let ms = 0;
    const slow = await bits(() => (ms += 5000)); // Every part seems to take five seconds: one dispatch at a time.
    expect(slow).toEqual(await bits(() => 0));
    expect(slow.flat().every(Number.isFinite)).toBe(true);
  });
});
