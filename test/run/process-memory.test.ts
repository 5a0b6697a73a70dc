import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { bytesBesidePlan, dataNeeds, limitFor, planBudget } from '../../src/run/process-memory.ts';
import { MAIN } from '../support/cli.ts';

const MIB = 2 ** 20;
const set = (count: number): Dataset => ({
  name: 'mine',
  count,
  height: 28,
  width: 28,
  channels: 1,
  pixels: new Uint8Array(count * 784),
  labels: new Uint8Array(count),
  classNames: ['a'],
});

describe('the memory of a process', () => {
  test('is divided between the plan and the rest, both ways', () => {
    const bytes = fc.integer({ min: 0, max: 2 ** 40 });
    fc.assert(
      fc.property(bytes, bytes, fc.constantFrom('native', 'wasm'), (plan, stateBytes, engine) => {
        const needs = { engine, threads: 2, stateBytes, records: 244 };
        expect(planBudget(limitFor(plan, needs), needs)).toBe(plan);
      }),
    );
  });

  test('includes pixels, labels and one batch of bytes, which evaluation shares', () => {
    const needs = dataNeeds({ train: set(100), test: set(50) }, { size: 56, batch: 32 });
    expect(needs).toEqual({ dataBytes: 150 * 785, loaderBytes: 32 * 56 * 56 });
    const inFile = { ...set(100), pixels: { read: () => {} } };
    expect(dataNeeds({ train: inFile, test: set(50) }, { size: 28, batch: 32 }).dataBytes).toBe(
      100 + 50 * 785,
    );
  });

  test('is more than a plan of the whole limit', () => {
    expect(planBudget(50 * MIB, { engine: 'native', threads: 1, stateBytes: 0, records: 0 })).toBeLessThan(0);
  });

  test('is predicted within 5% and 24 MiB', () => {
    const args = 'bench --size 64 --batch 16 --threads 2 --steps 1 --json --engine wasm'.split(' ');
    const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
    const { peakRssBytes, plannedPeakBytes, threads } = JSON.parse(stdout || stderr);
    const stateBytes = 4 * 770_000;
    const loaderBytes = 16 * 64 * 64;
    const needs = { engine: 'wasm', threads, stateBytes, records: 244, loaderBytes };
    const foretold = plannedPeakBytes + bytesBesidePlan(needs);
    expect(Math.abs(peakRssBytes - foretold)).toBeLessThan(0.05 * foretold + 24 * MIB);
  });
});
