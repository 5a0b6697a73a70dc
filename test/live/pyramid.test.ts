import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeColumn, encodeColumn } from '../../src/live/columns.ts';
import { MinMaxPyramid } from '../../src/live/pyramid.ts';

const number = fc.float({ noDefaultInfinity: true });
const chunks = fc.array(fc.array(number, { maxLength: 80 }), { maxLength: 40 });

test('a range of the pyramid is that of the numbers, however they came and whatever is missing', () => {
  fc.assert(
    fc.property(chunks, fc.nat(3000), fc.nat(3000), (all, a, b) => {
      const pyramid = new MinMaxPyramid();
      for (const chunk of all) pyramid.append(Float32Array.from(chunk));
      const flat = all.flat();
      expect(pyramid.length).toBe(flat.length);
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const there = flat.slice(from, to).filter((value) => !Number.isNaN(value));
      const { least, greatest } = pyramid.range(from, to);
      if (there.length === 0) expect([least, greatest]).toEqual([Number.NaN, Number.NaN]);
      else expect([least + 0, greatest + 0]).toEqual([Math.min(...there) + 0, Math.max(...there) + 0]);
    }),
    { numRuns: 300 },
  );
});

test('a spike among a million steps is seen from afar', () => {
  const pyramid = new MinMaxPyramid();
  const numbers = new Float32Array(1_000_000).fill(1);
  numbers[654_321] = 99;
  pyramid.append(numbers);
  expect(pyramid.range(0, 1_000_000)).toEqual({ least: 1, greatest: 99 });
  expect(pyramid.range(654_322, 1_000_000)).toEqual({ least: 1, greatest: 1 });
});

test('columns survive the wire, to the bit', () => {
  fc.assert(
    fc.property(fc.float32Array(), (numbers) => {
      const back = decodeColumn(encodeColumn(numbers), numbers.length);
      expect(new Uint32Array(back.buffer)).toEqual(new Uint32Array(Float32Array.from(numbers).buffer));
    }),
  );
});

test('what is no column is refused', () => {
  expect(() => decodeColumn('AAAA', 2)).toThrow(/3 bytes: expected 8/);
  expect(() => decodeColumn('?', 1)).toThrow('not base64');
});
