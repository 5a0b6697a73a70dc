import { expect, test } from 'vitest';
import { writeAll } from '../../src/node/write-all.ts';

test('bytes are written until all are, in as many pieces as the file takes', () => {
  const pieces: [number, number][] = [];
  writeAll(7, new Uint8Array(10), (file, bytes, from) => {
    const size = Math.min(4, bytes.length - from);
    pieces.push([from, size]);
    return file === 7 ? size : 0;
  });
  expect(pieces).toEqual([
    [0, 4],
    [4, 4],
    [8, 2],
  ]);
});

test('a file that takes no more is an error rather than an endless loop', () => {
  expect(() => writeAll(7, new Uint8Array(10), (_, __, from) => (from < 4 ? 4 : 0))).toThrow(
    'nothing was written after 4 of 10 bytes',
  );
});
