import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { label, printable, printableJson, printableLines, shorten } from '../../src/tensor/printable.ts';

describe('a printable text', () => {
  test.each([
    ['\u001b[2Jcls', '\\u001b[2Jcls'],
    ['a\nb\tc\rd', 'a\\nb\\tc\\rd'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['a\u2066b\u2069\u200fc\u061c', 'a\\u2066b\\u2069\\u200fc\\u061c'],
    ['zero\u200bwidth\ufeff\u2060\u00ad', 'zero\\u200bwidth\\ufeff\\u2060\\u00ad'],
    ['c1 \u009b31m \u0085', 'c1 \\u009b31m \\u0085'],
    ['lone \ud800', 'lone \\ud800'],
    ['filler \u3164', 'filler \\u3164'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['no character \uffff', 'no character \\uffff'],
    ['lines\u2028\u2029', 'lines\\u2028\\u2029'],
  ])('%j is %s', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test.each(['Zürich', '猫', 'é', 'עברית', '❤️', '𝔸', "it's <b> [1] & ~\\", '日本語 テスト'])(
    '%s is itself',
    (text) => {
      expect(printable(text)).toBe(text);
      expect(JSON.parse(printableJson(text))).toBe(text);
    },
  );

  test('of lines keeps their ends, and nothing else', () => {
    expect(printableLines('a\nb\u001b\r\n')).toBe('a\nb\\u001b\\r\n');
  });

  test('never has control characters, and JSON is nevertheless exact', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const shown of [printable(text), printableJson({ text })]) {
          expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
        }
        expect(JSON.parse(printableJson({ text }))).toEqual({ text });
      }),
    );
  });
});

test('names are truncated for tables and plots, between characters', () => {
  expect(shorten('short', 5)).toBe('short');
  expect(shorten('longer', 5)).toBe('long…');
  expect(shorten('🐈🐈🐈', 3)).toBe('🐈🐈🐈');
  expect(shorten('🐈🐈🐈🐈', 3)).toBe('🐈🐈…');
  expect(label('x'.repeat(100_000)).length).toBe(80);
  expect(label('\u001b'.repeat(20), 10)).toBe('\\u001b\\u0…');
});
