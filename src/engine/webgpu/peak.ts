/// <reference types="@webgpu/types" />
import type { MachinePeak } from '../engine.ts';
import type { GpuDevice } from './device.ts';
import { wgsl } from './kernels.generated.ts';

/** Each kernel is repeated for about this time. */
const KERNEL_MS = 400;
/** Invocations that keep any GPU busy. */
const WORKGROUPS = 8192;
const INVOCATIONS = 64 * WORKGROUPS;
/** Multiply-adds of an invocation in each repeat: 16 vec4. */
const MULTIPLY_ADDS = 64;
/** Of the copied buffer: larger than the caches of most GPUs, and allowed on all. */
const BUFFER_BYTES = 2 ** 27;

/** Measures the rates of the device's own kernels: upper bounds for all others. */
export async function measureGpuPeak({ device }: GpuDevice, now: () => number): Promise<MachinePeak> {
  const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsage;
  const memory = device.createBuffer({ size: BUFFER_BYTES, usage: STORAGE });
  const amount = device.createBuffer({ size: 16, usage: UNIFORM | COPY_DST });
  /** The best rate of a kernel in units per second, of which a run of `repeats` does `units`. */
  const best = async (
    code: string,
    workgroups: number,
    units: (repeats: number) => number,
    first: number,
  ) => {
    const module = device.createShaderModule({ code });
    const compute = { module, entryPoint: 'main' };
    const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute });
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [amount, memory].map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const run = async (repeats: number): Promise<number> => {
      device.queue.writeBuffer(amount, 0, Uint32Array.of(repeats, 0, 0, 0));
      await device.queue.onSubmittedWorkDone();
      const start = now();
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      return (now() - start) / 1000;
    };
    let repeats = first;
    let rate = 0;
    const end = now() + KERNEL_MS;
    do {
      const seconds = await run(repeats);
      rate = Math.max(rate, units(repeats) / seconds);
      // Long enough that starting a run does not matter.
      if (seconds < 0.02 && first === 1) repeats *= 4;
    } while (now() < end);
    return rate;
  };
  try {
    const flopsPerSecond = await best(
      wgsl.peak_multiply_add,
      WORKGROUPS,
      (repeats) => 2 * MULTIPLY_ADDS * INVOCATIONS * repeats,
      1,
    );
    const half = BUFFER_BYTES / 2;
    const bytesPerSecond = await best(wgsl.peak_copy, 4096, () => 2 * half, half / 16);
    return { flopsPerSecond, bytesPerSecond };
  } finally {
    memory.destroy();
    amount.destroy();
  }
}
