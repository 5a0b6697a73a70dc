import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { densorProcess } from '../support/cli.ts';

const MIB = 2 ** 20;
/** Variation of Node's heap and thread stacks between runs; the planned bytes are exact. */
const SLACK = (planned: number) => 0.05 * planned + 32 * MIB;

function bench(engine: string, size: number, batch: number) {
  const args = [
    '--engine',
    engine,
    '--size',
    `${size}`,
    '--batch',
    `${batch}`,
    '--threads',
    '2',
    '--steps',
    '1',
  ];
  const { stdout, stderr, status } = densorProcess(tmpdir(), 'bench', ...args, '--json');
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as { readonly peakRssBytes: number; readonly plannedPeakBytes: number };
}

describe.each(['wasm', 'native'])('on %s', (engine) => {
  test.skipIf(engine === 'native' && nativeIsas().length === 0)(
    'the planned peak is a promise: a process takes that much beyond what a tiny network takes',
    () => {
      const tiny = bench(engine, 32, 2);
      const base = tiny.peakRssBytes - tiny.plannedPeakBytes;
      for (const [size, batch] of [
        [64, 64],
        [96, 128],
      ] as const) {
        const { peakRssBytes, plannedPeakBytes } = bench(engine, size, batch);
        const excess = peakRssBytes - base - plannedPeakBytes;
        const what = `${size}×${size}, batch ${batch}: planned ${plannedPeakBytes}, ${excess} more was resident`;
        expect(excess, what).toBeLessThan(SLACK(plannedPeakBytes));
        // Untouched pages would not be resident, but a plan without gaps has few.
        expect(excess, what).toBeGreaterThan(-SLACK(plannedPeakBytes));
      }
    },
  );
});
