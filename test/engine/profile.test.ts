import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import type { Engine, Session } from '../../src/engine/engine.ts';
import { profileOf } from '../../src/engine/profile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { initialNumbers } from '../../src/model/initialize.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { ENGINES } from '../support/engines.ts';
import { readState } from '../support/read-state.ts';

const model = densenet({ blocks: [2, 2], growthRate: 12, stem: 20 });
const { network, initializers } = compile(model, [32, 32], { train: { batch: 8, mode: 'train' } });
const { plan } = network.programs.get('train')!;
const inputs = {
  images: Float32Array.from({ length: 8 * 32 * 32 }, (_, i) => (i % 23) / 23),
  labels: Int32Array.from({ length: 8 }, (_, i) => i % 10),
};

async function openFilled(engine: Engine): Promise<Session> {
  const session = await engine.open(network);
  for (const [name, { shape }] of network.state) {
    session.write(name, initialNumbers(1, name, elementCount(shape), initializers.get(name)!));
  }
  return session;
}

const stateOf = (session: Session) => readState(session, network.state.keys());

describe.each(ENGINES)('on $name', ({ open }) => {
  test('a profiled step has the bits of any other, and a duration for each record', async () => {
    const engine = await open(2);
    const [plain, profiled] = [await openFilled(engine), await openFilled(engine)];
    const expected = await plain.run('train', inputs, { learningRate: 0.1 });
    const started = performance.now();
    const { durations, outputs } = await profiled.profile!('train', inputs, { learningRate: 0.1 });
    const wallMs = performance.now() - started;
    expect(outputs).toEqual(expected);
    expect(await stateOf(profiled)).toEqual(await stateOf(plain));
    expect(durations.length).toBe(plan.records.length);
    expect(durations.every((ms) => ms >= 0)).toBe(true);
    const sum = durations.reduce((a, b) => a + b);
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThanOrEqual(wallMs);
    await engine.close();
  });

  test('the peak rates are plausible, and sessions still work', async () => {
    const engine = await open(2);
    const session = await openFilled(engine);
    const { flopsPerSecond, bytesPerSecond } = await engine.measurePeak!();
    expect(flopsPerSecond).toBeGreaterThan(1e8);
    expect(flopsPerSecond).toBeLessThan(1e14);
    expect(bytesPerSecond).toBeGreaterThan(1e8);
    expect(bytesPerSecond).toBeLessThan(1e13);
    await session.run('train', inputs, { learningRate: 0.1 });
    await engine.close();
  });
});

describe('a profile', () => {
  const durations = plan.records.map((_, i) => 1 + (i % 3));
  const peak = { flopsPerSecond: 1e10, bytesPerSecond: 1e9 };
  const { records, kinds, total } = profileOf(plan, durations, peak);

  test('divides the time over records and over kinds', () => {
    const sum = durations.reduce((a, b) => a + b);
    expect(total).toMatchObject({ ms: sum, share: 1 });
    for (const rows of [records, kinds]) {
      expect(rows.reduce((all, { share }) => all + share, 0)).toBeCloseTo(1, 10);
      expect(rows.reduce((all, { flops }) => all + flops, 0)).toBe(total.flops);
    }
    expect(kinds.reduce((all, kind) => all + kind.records, 0)).toBe(records.length);
    expect(kinds.map(({ ms }) => ms)).toEqual([...kinds.map(({ ms }) => ms)].sort((a, b) => b - a));
  });

  test('limits each record by the roof: the ridge point is at 10 operations per byte', () => {
    for (const each of records) {
      expect(each.limitedBy).toBe(each.intensity < 10 ? 'memory' : 'compute');
      const least = Math.max(each.flops / 1e10, each.bytes / 1e9);
      expect(each.reached).toBeCloseTo(least / (each.ms / 1000), 10);
      if (each.flops > 0)
        expect(each.reached).toBeCloseTo(each.flopsPerSecond / each.limitFlopsPerSecond, 10);
    }
    expect(new Set(records.map(({ limitedBy }) => limitedBy))).toEqual(new Set(['memory', 'compute']));
  });
});
