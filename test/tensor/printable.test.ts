import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeFailure } from '../../src/cli/errors.ts';
import { WeightsError } from '../../src/io/weights.ts';
import { printable, printableLines } from '../../src/tensor/printable.ts';

test('what moves the cursor or turns the text is an escape, letters of any language are not', () => {
  expect(printable('\x1b[2Jred\r\n\u009b31m')).toBe('\\u{1b}[2Jred\\u{d}\\u{a}\\u{9b}31m');
  expect(printable('\u202Egnp.exe \ud800')).toBe('\\u{202e}gnp.exe \\u{d800}');
  expect(printable('Größe 狗 😀 שלום — 3×3')).toBe('Größe 狗 😀 שלום — 3×3');
  expect(printableLines('a\nb\x07')).toBe('a\nb\\u{7}');
});

test('an error about a file is one line of bounded length without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const { line } = describeFailure(new WeightsError(`tensor ${name} is not there`));
      expect(line).not.toMatch(/\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
  const { line } = describeFailure(new WeightsError(`tensor ${'ab'.repeat(100_000)} is not there`));
  expect(line.length).toBeLessThan(2_100);
  expect(line).toMatch(/^tensor abab.* … .*ab is not there$/);
});
