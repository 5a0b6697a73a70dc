import { median } from '../../src/cli/median.ts';
import { syntheticStep } from '../../src/cli/synthetic-step.ts';
import { type Profile, profileOf } from '../../src/engine/profile.ts';
import { openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import { dispatchesOf } from '../../src/target/webgpu/dispatch.ts';
import { gpuRecords } from '../../src/target/webgpu/records.ts';
import type { GpuCase } from './cases.ts';

/**
 * Prints as JSON how a step runs on the GPU: its roofline by timestamps, the rates of its 3×3 convolutions, the number of
 * dispatches and the time to encode them. Arguments: the case, f32 or bf16, the number of steps.
 */

const [text, precision, stepCount] = process.argv.slice(2) as [string, 'f32' | 'bf16', string];
const { model, size, batch } = JSON.parse(text) as GpuCase;

const device = await openDevice({ gpu: await nodeGpu() });
const engine = createWebgpuEngine({ device });
const step = syntheticStep({ model, size, batch, precision }, { target: engine.target });
const { plan } = step.compiled.network.programs.get(step.program)!;
const session = await step.open(engine);
await step.run(session);
const encodeMs = await encodeTimes(Number(stepCount));
const peak = await engine.measurePeak!();
let best: Profile | undefined;
for (let k = 0; k < Number(stepCount); k++) {
  const { durations } = await session.profile!(step.program, step.inputs, step.scalars);
  const profile = profileOf(plan, durations, peak);
  if (!best || profile.total.ms < best.total.ms) best = profile;
}
const { total, kinds, records } = best!;
const result = {
  precision,
  isa: engine.isa,
  records: plan.records.length,
  dispatches: dispatchesOf(plan.buffers, plan.records).dispatches.length,
  encodeMs: median(encodeMs),
  fastestEncodeMs: Math.min(...encodeMs),
  hasTimestamps: device.device.features.has('timestamp-query'),
  peak,
  total: { ...total, ofPeak: total.flopsPerSecond / peak.flopsPerSecond },
  kinds,
  convolutions3x3: convolutions3x3(),
  costliest: [...records]
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 20)
    .map(({ layer, ...rates }) => ({ layer: layer.label, ...rates })),
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

/** The milliseconds from the creation of a step's command encoders to their end, for each of some steps. */
async function encodeTimes(steps: number): Promise<readonly number[]> {
  const gpu = device.device;
  const create = gpu.createCommandEncoder.bind(gpu);
  let sum = 0;
  gpu.createCommandEncoder = (descriptor) => {
    const started = performance.now();
    const encoder = create(descriptor);
    let isCompute = false;
    const [begin, finish] = [encoder.beginComputePass.bind(encoder), encoder.finish.bind(encoder)];
    encoder.beginComputePass = (pass) => {
      isCompute = true;
      return begin(pass);
    };
    encoder.finish = (buffer) => {
      const finished = finish(buffer);
      if (isCompute) sum += performance.now() - started; // Copies of results are not the step.
      return finished;
    };
    return encoder;
  };
  const times: number[] = [];
  for (let k = 0; k < steps; k++) {
    sum = 0;
    await step.run(session);
    times.push(sum);
  }
  gpu.createCommandEncoder = create;
  return times;
}

/** Rates of the records with 3×3 windows, by kind, and as shares of the multiply-add peak. */
function convolutions3x3() {
  const kinds = ['conv2d', 'conv2dGradInput', 'conv2dGradWeight'] as const;
  return kinds.map((kind) => {
    const found = gpuRecords(plan.records).flatMap(({ record }, i) =>
      record.kind === kind && 'taps' in record && record.taps === 9 ? [records[i]!] : [],
    );
    const ms = found.reduce((sum, each) => sum + each.ms, 0);
    const flops = found.reduce((sum, each) => sum + each.flops, 0);
    const flopsPerSecond = ms > 0 ? (1000 * flops) / ms : 0;
    return { kind, records: found.length, ms, flopsPerSecond, ofPeak: flopsPerSecond / peak.flopsPerSecond };
  });
}
