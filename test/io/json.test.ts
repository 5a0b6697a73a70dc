import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonError, parseJson } from '../../src/io/json.ts';

const LIMITS = { depth: 4, values: 100 };

/** With the prototypes that `toEqual` requires. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('untrusted JSON', () => {
  test('is parsed as by JSON.parse', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(3), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
        expect(plain(parseJson(spaced, { depth: 10, values: 1e6 }))).toEqual(plain(JSON.parse(spaced)));
      }),
    );
  });

  test('is refused wherever JSON.parse refuses it', () => {
    const characters = fc.constantFrom(...'{}[]",:\\ \n0123e-+.truefalsn\u0001');
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (list) => {
        const text = list.join('');
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => parseJson(text, LIMITS)).toThrow(JsonError);
          return;
        }
        try {
          expect(plain(parseJson(text, LIMITS))).toEqual(plain(expected));
        } catch (error) {
          expect((error as Error).message).toMatch(/twice|deeper/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('treats special keys as ordinary keys', () => {
    const object = parseJson('{"__proto__":1,"constructor":{"toString":2}}', LIMITS) as object;
    expect('hasOwnProperty' in object).toBe(false);
    expect(Object.entries(object)).toEqual([
      ['__proto__', 1],
      ['constructor', expect.objectContaining({ toString: 2 })],
    ]);
  });

  test.each([
    ['brackets in brackets', '['.repeat(1e6), /^nests deeper than 4$/],
    ['many values', `[${'0,'.repeat(1e6)}0]`, /^holds more than 100 values$/],
    ['a key twice', '{"a":1,"\\u0061":2}', /^names a twice$/],
    ['a key without end', `{"${'a'.repeat(2000)}":1}`, /^has a name of more than 1024 characters$/],
    [
      'a number without end',
      '1'.repeat(1e6),
      /^is not valid JSON \(line 1, column 1: expected a value, not "1"\)$/,
    ],
    ['two values', '1 2', /^is not valid JSON \(line 1, column 3: expected the end, not "2"\)$/],
  ])('is refused for %s', (_, text, message) => {
    expect(() => parseJson(text, LIMITS)).toThrow(message);
  });
});
