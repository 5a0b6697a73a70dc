import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { networkPeakBytes } from '../../src/plan/compiled-network.ts';
import { MemoryLimitError } from '../../src/plan/memory/error.ts';
import { liveBytes, peakRecord } from '../../src/plan/memory/timeline.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import { leastBytes } from '../support/least-bytes.ts';

const MIB = 2 ** 20;
const THREADS = 2;

function candidates(name: string, size: number, batch: number, bytes: number) {
  const programs = { train: { batch, mode: 'train' } } as const;
  return compile(modelByName(name), [size, size], programs, { memory: { bytes, threads: THREADS } })
    .candidates!;
}

const least = (name: string, size: number, batch: number) =>
  leastBytes((bytes) => candidates(name, size, batch, bytes));

describe('the smallest plan of', () => {
  test.each([
    // The papers and the issue report the whole process; these are bounds for the plan.
    ["the notes' out-of-memory case", 'notes', 224, 256, 1380],
    ['DenseNet-BC, L = 100, k = 12 (the paper on memory: 5453 → 1655 MB)', 'densenet-bc-100-12', 32, 64, 150],
    ['DenseNet-121 (PyTorch: 5.1 GiB)', 'densenet121', 224, 32, 380],
  ])('%s', (_, name, size, batch, mib) => {
    expect(least(name, size, batch)).toBeLessThan(mib * MIB);
  });
});

describe('evaluation programs', () => {
  const notes = modelByName('notes');
  const evaluate = { batch: 8, mode: 'evaluate' } as const;

  test('are included in the budget of a training step, with prepared values', () => {
    const programs = {
      train: { batch: 8, mode: 'train' },
      evaluate: { batch: 8, mode: 'evaluate' },
    } as const;
    const compiled = (bytes: number) =>
      compile(notes, [64, 64], programs, { memory: { bytes, threads: THREADS } });
    const alone = least('notes', 64, 8);
    expect(() => compiled(alone)).toThrow(MemoryLimitError);
    const { train, evaluate } = Object.fromEntries(compiled(2 ** 40).network.programs);
    expect(evaluate!.plan.preparedBytes).toBeGreaterThan(0);
    const scratch = Math.max(0, evaluate!.plan.scratchBytes - train!.plan.scratchBytes);
    const enough = alone + evaluate!.plan.preparedBytes + THREADS * scratch;
    expect(networkPeakBytes(compiled(enough).network, THREADS)).toBe(enough);
  });

  test('alone are refused if they do not fit', () => {
    const memory = { bytes: 2 ** 20, threads: THREADS };
    expect(() => compile(notes, [64, 64], { evaluate }, { memory })).toThrow(MemoryLimitError);
  });
});

test('what is cheapest per byte comes first: in a ResNet not its convolutions', () => {
  const all = candidates('resnet18-d2l', 64, 32, least('resnet18-d2l', 64, 32));
  const [first] = all[1]!.groups;
  expect(first!.kind).not.toBe('conv2d');
  expect(all.at(-1)!.groups.map(({ kind }) => kind)).toContain('conv2d');
});

describe('the rematerialization plans of a DenseNet-121', () => {
  const all = candidates('densenet121', 64, 8, least('densenet121', 64, 8));

  test('need less memory and more time from candidate to candidate', () => {
    expect(all.length).toBeGreaterThan(2);
    for (const [i, candidate] of all.entries()) {
      if (i === 0) continue;
      expect(candidate.plan.transientBytes).toBeLessThan(all[i - 1]!.plan.transientBytes);
      expect(candidate.predictedSeconds).toBeGreaterThan(all[i - 1]!.predictedSeconds);
    }
  });

  test('stops at the first candidate that fits, with no more of its last group than is needed', () => {
    const at = all.findIndex(({ groups }) => (groups.at(-1)?.layers.length ?? 0) > 3);
    const [before, after] = [all[at - 1]!, all[at]!];
    const bytesOf = (candidate: typeof after) => plannedPeakBytes([candidate.plan], THREADS);
    const bytes = Math.round((bytesOf(before) + bytesOf(after)) / 2);
    const chosen = candidates('densenet121', 64, 8, bytes).at(-1)!;
    expect(bytesOf(chosen)).toBeLessThanOrEqual(bytes);
    const layers = ({ groups }: typeof chosen) => groups.flatMap((group) => group.layers).length;
    expect(layers(chosen)).toBeLessThan(layers(after));
    expect(layers(chosen)).toBeGreaterThan(layers(before));
    expect(chosen.predictedSeconds).toBeLessThan(after.predictedSeconds);
    expect(chosen.predictedSeconds).toBeGreaterThan(before.predictedSeconds);
  });

  test('replaces running statistics once however often a batch norm runs', () => {
    const updates = ({ plan }: (typeof all)[number]) =>
      plan.records.filter(({ record }) => record.kind === 'updateRunningStatistics').length;
    const measures = ({ plan }: (typeof all)[number]) =>
      plan.records.filter(({ record }) => record.kind === 'finalizeStatistics').length;
    expect(updates(all.at(-1)!)).toBe(updates(all[0]!));
    expect(measures(all.at(-1)!)).toBe(measures(all[0]!));
  });

  test('is never fuller than its arena', () => {
    for (const { plan } of all) {
      expect(liveBytes(plan)[peakRecord(plan)]).toBeLessThanOrEqual(plan.transientBytes);
    }
  });
});
