import { describe, expect, test } from 'vitest';
import { searchRematerialization } from '../../src/compile.ts';
import type { Block } from '../../src/graph/layer.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { bufferName } from '../../src/plan/buffers.ts';
import { describeGroups, groupsBeyond } from '../../src/plan/memory/describe.ts';
import { memoryReport, phaseOf } from '../../src/plan/memory/report.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';

const THREADS = 3;
const bytesOf = (some: readonly { readonly bytes: number }[]) =>
  some.reduce((sum, { bytes }) => sum + bytes, 0);

describe.each([
  ['notes', 64, 8],
  ['densenet-bc-40-12', 32, 8],
  ['resnet18-d2l', 32, 4],
  ['resnet18', 32, 4],
])('the memory report of %s', (name, size, batch) => {
  const { candidates } = searchRematerialization(modelByName(name), [size, size], { batch });
  const plans = [candidates[0]!.plan, candidates.at(-1)!.plan];

  test('adds up to the planned bytes', () => {
    for (const plan of plans) {
      const report = memoryReport(plan, THREADS);
      const atPeak = report.roles.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0);
      expect(report.unusedBytes).toBeGreaterThanOrEqual(0);
      expect(atPeak + report.unusedBytes + THREADS * plan.scratchBytes).toBe(
        plannedPeakBytes([plan], THREADS),
      );
      expect(report.plannedPeakBytes).toBe(plannedPeakBytes([plan], THREADS));
      expect(report.roles.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(bytesOf(plan.buffers));
      expect(report.roles.reduce((sum, { buffers }) => sum + buffers, 0)).toBe(plan.buffers.length);
    }
  });

  test('knows state by its slab, and feature maps that are recomputed by when they are born', () => {
    const state = new Set(['parameter', 'parameterGradient', 'runningStatistics', 'optimizer']);
    const [kept, least] = plans.map((plan) => memoryReport(plan, THREADS));
    for (const { slab, role, name: buffer } of kept!.buffers) {
      if (slab === 'persistent') expect(state.has(role), buffer).toBe(true);
      else expect(['parameter', 'runningStatistics', 'optimizer'], buffer).not.toContain(role);
    }
    expect(kept!.buffers.some(({ isComputedAgain }) => isComputedAgain)).toBe(false);
    expect(least!.buffers.some(({ isComputedAgain }) => isComputedAgain)).toBe(true);
    expect(least!.buffers.filter(({ isComputedAgain }) => isComputedAgain)).toEqual(
      least!.buffers.filter(
        ({ role, interval }) => role === 'featureMap' && phaseOf(least!, interval.first) === 'backward',
      ),
    );
  });

  test('is of an arena in which no two buffers have the same byte at the same time', () => {
    for (const plan of plans) {
      const blocks = plan.buffers.filter(({ slab }) => slab === 'transient');
      for (const [i, a] of blocks.entries()) {
        expect(a.offset + a.bytes).toBeLessThanOrEqual(plan.transientBytes);
        const clash = blocks
          .slice(0, i)
          .find(
            (b) =>
              a.interval.first <= b.interval.last &&
              b.interval.first <= a.interval.last &&
              a.offset < b.offset + b.bytes &&
              b.offset < a.offset + a.bytes,
          );
        expect(clash && bufferName(clash.content), bufferName(a.content)).toBeUndefined();
      }
    }
  });
});

test("the reasons of the notes' network are its blocks, their gradients, and what won in the stem", () => {
  const [candidate] = searchRematerialization(modelByName('notes'), [224, 224], { batch: 64 }).candidates;
  const { buffers } = memoryReport(candidate!.plan, 1);
  const reasons = [...buffers]
    .filter(({ slab }) => slab === 'transient')
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ reason }) => reason);
  expect(new Set(reasons.slice(0, 3))).toEqual(
    new Set(['feature maps of dense block 1', 'gradient of dense block 1', 'feature maps of stem']),
  );
  for (const reason of [
    'winners of the max pool of stem',
    'input images',
    'gradient of transition 1',
    'packed weights of dense block 2',
    'partial sums of a weight gradient of dense block 3',
    'statistics and coefficients of dense block 4',
    'numbers of loss',
  ]) {
    expect(reasons).toContain(reason);
  }
});

describe('all rematerialization plans', () => {
  const model = modelByName('densenet-bc-40-12');
  const search = (bytes?: number) =>
    searchRematerialization(
      model,
      [32, 32],
      { batch: 8 },
      { memory: bytes === undefined ? undefined : { bytes, threads: 2 } },
    );
  const { candidates } = search();
  const planned = ({ plan }: (typeof candidates)[number]) => plannedPeakBytes([plan], 2);

  test('begin with keeping everything, and include the choice for a budget', () => {
    expect(candidates.length).toBeGreaterThan(1);
    expect(candidates[0]!.groups).toEqual([]);
    const bytes = planned(candidates[1]!);
    const limited = search(bytes);
    expect(planned(limited.chosen!)).toBeLessThanOrEqual(bytes);
    expect(limited.candidates).toContain(limited.chosen);
    const all = limited.candidates.map(planned);
    expect(all).toEqual([...all].sort((a, b) => b - a));
  });

  test('are complete if no candidate fits, and none is chosen', () => {
    const { candidates: all, chosen } = search(1);
    expect(chosen).toBeUndefined();
    expect(all.map(planned)).toEqual(candidates.map(planned));
  });
});

describe('the description of recomputed results', () => {
  const group = (block: Block, kind: 'conv2d' | 'avgPool' | 'conv2dMaxPool', count: number) => ({
    part: block,
    kind,
    layers: Array.from({ length: count }, (_, i) => ({
      module: `${block.kind}${block.index}.${i}`,
      block,
      label: `${kind} ${i}`,
    })),
  });
  const dense = (index: number): Block => ({ kind: 'denseBlock', index });
  const transition = (index: number): Block => ({ kind: 'transition', index });
  const several = [
    group(dense(1), 'conv2d', 16),
    group(transition(2), 'avgPool', 1),
    group(transition(1), 'avgPool', 1),
    group(dense(10), 'conv2d', 5),
    group(dense(2), 'conv2d', 3),
    group({ kind: 'stem' }, 'conv2dMaxPool', 1),
  ];

  test.each([
    ['nothing', []],
    ['the stem', several.slice(5)],
    ['the pooling of transition 2', several.slice(1, 2)],
    [
      '16 convolutions of dense block 1, 3 of dense block 2 and 5 of dense block 10, the poolings of transitions 1 and 2, the stem',
      several,
    ],
  ])('%s', (text, groups) => {
    expect(describeGroups(groups)).toBe(text);
  });

  test('omits what was described before', () => {
    const more = [group(dense(1), 'conv2d', 16), group({ kind: 'stem' }, 'conv2dMaxPool', 1)];
    expect(describeGroups(groupsBeyond(more, [group(dense(1), 'conv2d', 6)]))).toBe(
      '10 convolutions of dense block 1, the stem',
    );
  });
});
