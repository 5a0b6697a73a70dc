import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { fuzz } from '../../tools/fuzz/run.ts';
import { fuzzTargets } from '../../tools/fuzz/targets.ts';

const TARGETS = fuzzTargets(fileURLToPath(new URL('../../', import.meta.url)));

describe('damaged files', () => {
  test.each(TARGETS)('of $name are read or refused, never anything else', async (target) => {
    const result = await fuzz(target, { seed: 20, count: 600 });
    expect(result.faults).toEqual([]);
    expect(result.read + result.refused).toBe(600);
    // The damage neither always shows nor never.
    expect(result.read).toBeGreaterThan(10);
    expect(result.refused).toBeGreaterThan(100);
  });

  test('that end in any other error are found', async () => {
    const target = TARGETS[0]!;
    const read = async (bytes: Uint8Array) => {
      await target.read(bytes).catch((error) => {
        throw new TypeError(String(error));
      });
    };
    const broken = { ...target, read };
    const { faults, refused } = await fuzz(broken, { seed: 20, count: 50 });
    expect(refused).toBe(0);
    expect(faults.length).toBeGreaterThan(10);
    const { number } = faults[0]!;
    const again = await fuzz(broken, { seed: 20, first: number, count: 1 });
    expect(again.faults).toEqual([expect.objectContaining({ number })]);
  });
});
