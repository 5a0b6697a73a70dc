import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/compile.ts';
import { densenet } from '../../src/model/densenet.ts';
import { type ArenaLimits, BufferTooLargeError, layOut, layOutInOrder } from '../../src/plan/arena.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';

const requests = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), a: fc.nat(40), b: fc.nat(40) }),
  { maxLength: 60 },
);
const roomy = { alignmentBytes: 64, slackBytes: 64, maxBufferBytes: Number.POSITIVE_INFINITY };
/** Limits as of a GPU. */
const narrow = { alignmentBytes: 256, slackBytes: 0, maxBufferBytes: 8192 };

describe.each<[string, ArenaLimits]>([
  ['one buffer for all', roomy],
  ['several buffers of limited size', narrow],
])('an arena of %s', (_, limits) => {
  const { alignmentBytes, slackBytes, maxBufferBytes } = limits;

  test('never lets values that live at the same time share a byte', () => {
    fc.assert(
      fc.property(requests, (list) => {
        const wanted = list.map(({ bytes, a, b }, id) => ({
          id,
          bytes,
          interval: { first: Math.min(a, b), last: Math.max(a, b) },
        }));
        const arena = layOut(wanted, limits);
        expect(Math.max(0, ...arena.partBytes)).toBeLessThanOrEqual(maxBufferBytes);
        expect(arena.bytes).toBe(arena.partBytes.reduce((sum, bytes) => sum + bytes, 0));
        for (const one of wanted) {
          const { part, offset: start } = arena.places.get(one.id)!;
          expect(start % alignmentBytes).toBe(0);
          expect(start + one.bytes + slackBytes).toBeLessThanOrEqual(arena.partBytes[part]!);
          for (const other of wanted) {
            if (other.id <= one.id) continue;
            const { part: place, offset: at } = arena.places.get(other.id)!;
            const isTogether =
              one.interval.first <= other.interval.last && other.interval.first <= one.interval.last;
            const isApart = start + one.bytes + slackBytes <= at || at + other.bytes + slackBytes <= start;
            if (isTogether && place === part) expect(isApart).toBe(true);
          }
        }
      }),
    );
  });

  test('lets values that live one after the other share their bytes', () => {
    const chain = [0, 1, 2, 3].map((id) => ({
      id,
      bytes: 1000,
      interval: { first: 2 * id, last: 2 * id + 1 },
    }));
    const size = Math.ceil((1000 + slackBytes) / alignmentBytes) * alignmentBytes;
    expect(layOut(chain, limits).partBytes).toEqual([size]);
  });

  test('keeps persistent values in order', () => {
    const all = Array.from({ length: 20 }, (__, id) => ({ id, bytes: 1000 }));
    const { places, partBytes } = layOutInOrder(all, limits);
    const starts = all.map(({ id }) => places.get(id)!);
    for (const [i, { part, offset }] of starts.entries()) {
      const before = starts[i - 1];
      if (before?.part === part) expect(offset).toBeGreaterThanOrEqual(before.offset + 1000 + slackBytes);
      else expect([part, offset]).toEqual([before ? before.part + 1 : 0, 0]);
      expect(offset + 1000 + slackBytes).toBeLessThanOrEqual(partBytes[part]!);
    }
    expect(Math.max(...partBytes)).toBeLessThanOrEqual(maxBufferBytes);
  });
});

test('a value that is larger than any buffer is refused, with its size', () => {
  const interval = { first: 0, last: 1 };
  expect(() => layOut([{ id: 0, bytes: 9000, interval }], narrow)).toThrow(BufferTooLargeError);
  expect(() => layOutInOrder([{ id: 0, bytes: 9000 }], narrow)).toThrow(
    /9216 bytes is needed, the limit is 8192/,
  );
});

test("a network's plan and its state are split over buffers of a target's largest size", () => {
  const maxBufferBytes = 512 * 1024;
  const target = { ...cpuTarget(), maxBufferBytes };
  const model = densenet({ blocks: [2, 2] });
  const request = { step: { batch: 4, mode: 'train' } } as const;
  const [{ layout, programs }, whole] = [{ target }, {}].map(
    (options) => compile(model, [16, 16], request, options).network,
  ) as [ReturnType<typeof compile>['network'], ReturnType<typeof compile>['network']];
  expect(layout.partBytes.length).toBeGreaterThan(1);
  const { plan } = programs.get('step')!;
  for (const parts of Object.values(plan.partBytes)) {
    for (const bytes of parts) expect(bytes).toBeLessThanOrEqual(maxBufferBytes);
  }
  expect(plan.partBytes.persistent).toEqual(layout.partBytes);
  expect(plan.partBytes.transient.length).toBeGreaterThan(1);
  for (const { slab, part, offset, bytes } of plan.buffers) {
    expect(offset + bytes).toBeLessThanOrEqual(plan.partBytes[slab][part]!);
  }
  // The same records with other addresses.
  const kinds = (network: typeof whole) =>
    network.programs.get('step')!.plan.records.map(({ record }) => record.kind);
  expect(kinds({ ...whole, layout, programs })).toEqual(kinds(whole));
});
