import { writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { compile } from '../compile.ts';
import type { Engine } from '../engine/engine.ts';
import { openDevice } from '../engine/webgpu/device.ts';
import { createWebgpuEngine } from '../engine/webgpu/engine.ts';
import { nodeGpu } from '../engine/webgpu/node-gpu.ts';
import { modelByName } from '../model/zoo.ts';
import { loadState } from '../train/initial-state.ts';
import { type EngineName, openEngine } from './engines.ts';
import type { GpuProbe } from './faster-gpu.ts';

// A process of its own, for `probeGpu`: prints a GpuProbe as JSON.

const [SIZE, BATCH, STEPS] = [96, 16, 3];

/** Images per second of the fastest of a few training steps. */
async function rateOf(engine: Engine): Promise<number> {
  const programs = { train: { batch: BATCH, mode: 'train' } } as const;
  const compiled = compile(modelByName('notes'), [SIZE, SIZE], programs, { target: engine.target });
  const session = await engine.open(compiled.network);
  loadState(session, compiled, 0);
  const images = new Float32Array(BATCH * SIZE * SIZE).map((_, i) => Math.sin(i));
  const labels = new Int32Array(BATCH).map((_, i) => i % 10);
  let best = Number.POSITIVE_INFINITY;
  for (let step = 0; step <= STEPS; step++) {
    const start = performance.now();
    await session.run('train', { images, labels }, { learningRate: 0.01 });
    if (step > 0) best = Math.min(best, performance.now() - start);
  }
  return (1000 * BATCH) / best;
}

async function probe(engine: EngineName): Promise<GpuProbe> {
  const device = await openDevice({ gpu: await nodeGpu() });
  if (device.isSoftware) return { gpu: 0, cpu: 0 };
  const gpu = createWebgpuEngine({ device });
  const cpu = await openEngine(engine, availableParallelism());
  const rates = { gpu: await rateOf(gpu), cpu: await rateOf(cpu) };
  await Promise.all([gpu.close(), cpu.close()]);
  return { adapter: device.name, ...rates };
}

const found = await probe(process.argv[2] as EngineName);
writeSync(1, JSON.stringify(found));
process.exit(0);
