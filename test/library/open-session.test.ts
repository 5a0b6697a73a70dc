import { expect, test } from 'vitest';
import { AllocationError, DeviceMemoryError, type Engine } from '../../src/engine/engine.ts';
import { openSession } from '../../src/library/page/open-session.ts';
import { networkPeakBytes } from '../../src/plan/compiled-network.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';
import { runConfigSchema } from '../../src/train/config.ts';
import { createStubEngine } from '../support/stub-engine.ts';
import { data, plain } from '../support/training-run.ts';

const config = runConfigSchema.parse({ ...plain, model: 'densenet-bc-22-12', size: 32, batch: 32 });

/** An engine with so many bytes. */
function engineWith(bytes: number, refuse: (bytes: number) => Error): Engine & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    ...createStubEngine(1),
    asked,
    target: cpuTarget(),
    open: async (network) => {
      const peak = networkPeakBytes(network, 1);
      asked.push(peak);
      if (peak > bytes) throw refuse(peak);
      return {} as Awaited<ReturnType<Engine['open']>>;
    },
  };
}

test.each([
  ['the browser', () => new AllocationError('no memory')],
  ['the GPU', (bytes: number) => new DeviceMemoryError(bytes)],
])('where %s refuses the memory of a plan, one that takes less is opened', async (_, refuse) => {
  const whole = engineWith(Number.POSITIVE_INFINITY, refuse);
  await openSession(config, data, whole);
  const short = engineWith(0.75 * whole.asked[0]!, refuse);
  const { prepared } = await openSession(config, data, short);
  expect(networkPeakBytes(prepared.compiled.network, 1)).toBeLessThanOrEqual(0.75 * whole.asked[0]!);
  await expect(openSession(config, data, engineWith(0, refuse))).rejects.toThrow(AllocationError);
});
