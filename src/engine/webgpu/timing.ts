/// <reference types="@webgpu/types" />
import { type Code, encode, encodeDispatch } from './code.ts';
import { readBytes } from './memory.ts';
import type { SubmitBudget } from './submit-budget.ts';

/** Dispatches that are timed in one submit: a query set has at most 4096 timestamps. */
const TIMED_AT_ONCE = 256;

/**
 * Milliseconds of each record, by the GPU's timestamps or, where there are none, by the host's clock.
 * @param budget cuts the program into submits that are short enough for the watchdogs of drivers.
 */
export async function timeRecords(
  device: GPUDevice,
  code: Code,
  records: number,
  budget: SubmitBudget,
): Promise<Float64Array> {
  const times = new Float64Array(records);
  const hasTimestamps = device.features.has('timestamp-query');
  for (const part of budget.parts(code.seconds)) {
    for (let { first } = part; first < part.last; first += TIMED_AT_ONCE) {
      const last = Math.min(first + TIMED_AT_ONCE, part.last);
      const durations = hasTimestamps
        ? await timestamps(device, code, first, last)
        : await clocked(device, code, first, last, budget.now);
      for (const [i, ms] of durations.entries()) times[code.dispatches[first + i]!.record]! += ms;
    }
  }
  return times;
}

/** Milliseconds of dispatches [first, last), by the GPU's clock. */
async function timestamps(
  device: GPUDevice,
  code: Code,
  first: number,
  last: number,
): Promise<readonly number[]> {
  const count = 2 * (last - first);
  const querySet = device.createQuerySet({ type: 'timestamp', count });
  const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsage;
  const resolved = device.createBuffer({ size: 8 * count, usage: QUERY_RESOLVE | COPY_SRC });
  const encoder = device.createCommandEncoder();
  for (let i = first; i < last; i++) {
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [2 * (i - first), 2 * (i - first) + 1];
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex },
    });
    encodeDispatch(pass, code, i);
    pass.end();
  }
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  device.queue.submit([encoder.finish()]);
  const [bytes] = await readBytes(device, [{ buffer: resolved, at: 0, bytes: 8 * count }]);
  querySet.destroy();
  resolved.destroy();
  const nanoseconds = new BigUint64Array(bytes!);
  return Array.from(
    { length: last - first },
    (_, i) => Number(nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!) / 1e6,
  );
}

/** The same by the host's clock, with the time that starting each takes. */
async function clocked(
  device: GPUDevice,
  code: Code,
  first: number,
  last: number,
  now: () => number,
): Promise<readonly number[]> {
  const durations: number[] = [];
  for (let i = first; i < last; i++) {
    const start = now();
    device.queue.submit([encode(device, code, i, i + 1)]);
    await device.queue.onSubmittedWorkDone();
    durations.push(now() - start);
  }
  return durations;
}
