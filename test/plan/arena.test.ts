import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALIGNMENT_BYTES, layOut, SLACK_BYTES } from '../../src/plan/arena.ts';

const requests = fc.array(
  fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), a: fc.nat(40), b: fc.nat(40) }),
  { maxLength: 60 },
);

test('buffers that live at the same time never share a byte', () => {
  fc.assert(
    fc.property(requests, (list) => {
      const wanted = list.map(({ bytes, a, b }, id) => ({
        id,
        bytes,
        interval: { first: Math.min(a, b), last: Math.max(a, b) },
      }));
      const arena = layOut(wanted);
      for (const one of wanted) {
        const start = arena.offsets.get(one.id)!;
        expect(start % ALIGNMENT_BYTES).toBe(0);
        expect(start + one.bytes + SLACK_BYTES).toBeLessThanOrEqual(arena.bytes);
        for (const other of wanted) {
          if (other.id <= one.id) continue;
          const together =
            one.interval.first <= other.interval.last && other.interval.first <= one.interval.last;
          const at = arena.offsets.get(other.id)!;
          const apart = start + one.bytes + SLACK_BYTES <= at || at + other.bytes + SLACK_BYTES <= start;
          if (together) expect(apart).toBe(true);
        }
      }
    }),
  );
});

test('buffers that live one after the other share their bytes', () => {
  const chain = [0, 1, 2, 3].map((id) => ({
    id,
    bytes: 1000,
    interval: { first: 2 * id, last: 2 * id + 1 },
  }));
  expect(layOut(chain).bytes).toBe(Math.ceil((1000 + SLACK_BYTES) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES);
});
