import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { bufferName } from '../../src/plan/buffers.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import {
  kernelRecords,
  type RecordKind,
  records,
  type View,
  visitFields,
} from '../../src/target/cpu/records.ts';

const compiled = compile(densenet(), [96, 96], {
  train: { batch: 16, mode: 'train' },
  tail: { batch: 3, mode: 'train' },
  evaluate: { batch: 16, mode: 'evaluate' },
});
const plan = (name: string) => compiled.network.programs.get(name)!.plan;
const kinds = (name: string) => kernelRecords(plan(name).records).map(({ record }) => record.kind);
const count = (name: string, kind: string) => kinds(name).filter((each) => each === kind).length;

/** All views of a record, including those in its groups. */
function viewsOf(fields: object): readonly View[] {
  if ('stride' in fields && 'address' in fields) return [fields as View];
  return Object.values(fields).flatMap((field) =>
    typeof field === 'object' && field !== null && !Array.isArray(field) ? viewsOf(field) : [],
  );
}

describe("the plan of the notes' network", () => {
  test('copies no feature: every concatenation happens in its block', () => {
    expect(count('train', 'elementwise')).toBe(0);
    expect(count('train', 'elementwiseGradInput')).toBe(0);
  });

  test('only convolutions, pools and the head access feature maps', () => {
    const readsMaps = (kind: RecordKind) =>
      Object.values(records[kind]).some((type) => /^(View|GradOutput|GradInput)$/.test(type));
    for (const name of ['train', 'evaluate']) {
      const others = kinds(name).filter(
        (kind) => !/^(conv2d|pointwise|winograd|maxPool|avgPool|flatten|crossEntropy)/.test(kind),
      );
      expect(others.filter(readsMaps)).toEqual([]);
    }
  });

  test("stores neither the stem's map nor its gradient", () => {
    const map = 16 * 48 * 48 * 64 * 4;
    for (const name of ['train', 'evaluate']) {
      expect(count(name, 'conv2dMaxPool')).toBe(1);
      for (const { bytes, content } of plan(name).buffers) {
        const buffer = bufferName(content);
        expect(bytes, buffer).not.toBe(map);
        if (buffer.startsWith('stem')) expect(bytes, buffer).toBeLessThanOrEqual(map / 4);
      }
    }
  });

  test("trains the notes' out-of-memory case, 256 images of 224×224, in less than 1.6 GiB", () => {
    const { network } = compile(densenet(), [224, 224], { train: { batch: 256, mode: 'train' } });
    expect(plannedPeakBytes([network.programs.get('train')!.plan], 2)).toBeLessThan(1.6 * 2 ** 30);
  });

  test('trains it in less than 0.85 GiB with feature maps in bfloat16', () => {
    const programs = { train: { batch: 256, mode: 'train' } } as const;
    const { network } = compile(densenet(), [224, 224], programs, { precision: 'bf16' });
    expect(plannedPeakBytes([network.programs.get('train')!.plan], 2)).toBeLessThan(0.85 * 2 ** 30);
  });

  test('stores all feature maps of a record in bfloat16, except the head in float32', () => {
    const programs = { train: { batch: 4, mode: 'train' } } as const;
    const { network } = compile(densenet(), [96, 96], programs, { precision: 'bf16' });
    for (const { record, op } of kernelRecords(network.programs.get('train')!.plan.records)) {
      const views = viewsOf(record).filter(({ address }) => address !== undefined);
      const stored = [...new Set(views.map(({ elementBytes }) => elementBytes))];
      if (record.kind.startsWith('flatten') || stored.length === 0) continue;
      const heights = [...JSON.stringify(record).matchAll(/"height":(\d+)/g)].map(([, height]) => height);
      const isMap = heights.some((height) => height !== '1');
      expect(stored, `${op.layer.label} ${record.kind}`).toEqual([isMap ? 2 : 4]);
    }
  });

  test('gathers the statistics of each feature once, in its producer', () => {
    // Stem, pooled stem, 16 layers, 3 transitions.
    expect(count('train', 'finalizeStatistics')).toBe(1 + 1 + 16 + 3);
    expect(count('train', 'statistics')).toBe(0);
  });

  test('pools before the 1×1 convolution of a transition', () => {
    const convs = kernelRecords(plan('train').records).flatMap(({ record }) =>
      record.kind === 'conv2d' ? [record] : [],
    );
    const pointwise = convs.filter(({ window, in: size }) => window.kernelHeight === 1 && size.height > 1);
    expect(pointwise.map(({ in: size }) => size.height)).toEqual([12, 6, 3]);
  });

  test('writes a block into one buffer, each layer after the previous one', () => {
    const convs = kernelRecords(plan('train').records).flatMap(({ record }) =>
      record.kind === 'winograd' && record.in.height === 24 ? [record] : [],
    );
    expect(convs.map(({ y }) => y.offset)).toEqual([64, 96, 128, 160]);
    expect(new Set(convs.flatMap(({ x, y }) => [x.address, y.address])).size).toBe(1);
    expect(convs.every(({ y }) => y.stride === 192)).toBe(true);
  });

  test('names every buffer of every record, with bytes, slab and lifetime', () => {
    const buffers = new Map(plan('train').buffers.map((buffer) => [buffer.id, buffer]));
    kernelRecords(plan('train').records).forEach(({ record }, index) => {
      visitFields(record, (type, value) => {
        if (type !== 'address' || value === undefined) return;
        const buffer = buffers.get(value as never)!;
        expect(buffer.interval.first).toBeLessThanOrEqual(index);
        expect(buffer.interval.last).toBeGreaterThanOrEqual(index);
      });
    });
  });

  test('gives buffers with overlapping lifetimes separate bytes', () => {
    const transient = plan('train').buffers.filter(({ slab }) => slab === 'transient');
    for (const a of transient) {
      for (const b of transient) {
        const together = a.interval.first <= b.interval.last && b.interval.first <= a.interval.last;
        if (a.id < b.id && together) {
          expect(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset).toBe(true);
        }
      }
    }
  });

  test('the layout of the state depends only on the model: all programs agree', () => {
    const persistent = (name: string) =>
      plan(name).buffers.flatMap(({ slab, content, offset }) =>
        slab === 'persistent' ? [[bufferName(content), offset]] : [],
      );
    const train = new Map(persistent('train') as [string, number][]);
    for (const [name, offset] of persistent('evaluate') as [string, number][]) {
      expect(train.get(name)).toBe(offset);
    }
    expect(plan('train').persistentBytes).toBe(plan('evaluate').persistentBytes);
  });

  test('replaces the state last', () => {
    const updates = kinds('train').map((kind) => kind === 'sgd' || kind === 'updateRunningStatistics');
    expect(updates.lastIndexOf(false)).toBeLessThan(updates.indexOf(true));
  });

  test('knows its peak before it runs, and evaluation needs less', () => {
    const train = plannedPeakBytes([plan('train')], 2);
    expect(plan('evaluate').transientBytes).toBeLessThan(plan('train').transientBytes);
    // Packed weights and coefficients are kept between evaluations, once for all batch sizes.
    const { preparedBytes, scratchBytes } = plan('evaluate');
    const more = preparedBytes + 2 * Math.max(0, scratchBytes - plan('train').scratchBytes);
    expect(plannedPeakBytes([plan('train'), plan('evaluate'), plan('tail')], 2)).toBe(train + more);
  });
});
