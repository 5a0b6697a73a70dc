import { describe, expect, test } from 'vitest';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { compileRun } from '../../src/train/compile-run.ts';
import { PROFILE_ROW, type TrainEvent } from '../../src/train/events.ts';
import { stepParts } from '../../src/train/programs.ts';
import { dataOf } from '../../src/train/run-data.ts';
import { ENGINES } from '../support/engines.ts';
import { data, plain, small, trainingRuns } from '../support/training-run.ts';
import { withoutProfile } from '../support/without-profile.ts';

type Profile = Extract<TrainEvent, { kind: 'profile' }>;

const isProfile = (event: TrainEvent): event is Profile => event.kind === 'profile';
const sumOf = ({ rows }: Profile, field: (typeof PROFILE_ROW)[number]) =>
  rows.reduce(
    (sum, value, i) => sum + (i % PROFILE_ROW.length === PROFILE_ROW.indexOf(field) ? value : 0),
    0,
  );

describe.each(ENGINES)('a run on $name', ({ open }) => {
  const { run, comparable } = trainingRuns();

  test('tells once where the time of a step went, and has the bits of a run that does not', async () => {
    const events = await run(open, 'told');
    const silent = await run((threads) => withoutProfile(open(threads)), 'silent');
    expect(silent.filter(isProfile)).toEqual([]);
    expect(comparable('told')).toEqual(comparable('silent'));
    const profiles = events.filter(isProfile);
    expect(profiles).toHaveLength(1);
    // The tenth step on a whole batch: each epoch has six and a short one.
    const [profile] = profiles as [Profile];
    expect(profile.globalStep).toBe(11);
    const step = events.find((event) => event.kind === 'step' && event.globalStep === 11);
    expect(step).toMatchObject({ stepMs: profile.stepMs });
    expect(sumOf(profile, 'ms')).toBeGreaterThan(0);
    expect(sumOf(profile, 'ms')).toBeLessThanOrEqual(profile.stepMs);
    expect(profile.parts).toContain('dense block 2');
  });
});

describe('the rows', () => {
  const { run } = trainingRuns();
  const { open } = ENGINES[0]!;

  test.each([8, 3])('have all work of a step, in micro-batches of %i', async (microBatch) => {
    const config = { ...plain, microBatch };
    const [profile] = (await run(open, 'rows', { config, stopAfter: 12 })).filter(isProfile) as [Profile];
    const engine = await open(1);
    const { network } = compileRun(config, small, dataOf(config, data), { target: engine.target });
    await engine.close();
    const plans = stepParts(8, microBatch).map(({ program }) => network.programs.get(program)!.plan);
    expect(plans).toHaveLength(Math.ceil(8 / microBatch));
    const records = plans.flatMap(({ records: all, target }) =>
      all.map(({ record }) => ({ kind: record.kind, ...target.costOf(record) })),
    );
    expect(sumOf(profile, 'calls')).toBe(records.length);
    expect(sumOf(profile, 'flops')).toBe(records.reduce((sum, { flops }) => sum + flops, 0));
    expect(sumOf(profile, 'bytes')).toBe(records.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(new Set(profile.ops)).toEqual(new Set(records.map(({ kind }) => kind)));
  });

  test('come again after a resume, and not from a run that is too short, or an engine without clocks', async () => {
    // Of steps 6 to 21, the seventh and the fourteenth are short.
    expect((await run(open, 'short', { stopAfter: 5 })).filter(isProfile)).toEqual([]);
    const resumed = await run(open, 'short', { resume: true });
    expect(resumed.filter(isProfile).map(({ globalStep }) => globalStep)).toEqual([17]);
    const events = await run(async () => createReferenceEngine(), 'reference', { stopAfter: 12 });
    expect(events.filter(isProfile)).toEqual([]);
  });
});
