import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonFileError, parseJsonFile } from '../../src/io/json-file.ts';

const parse = (text: string | Uint8Array) => parseJsonFile(Buffer.from(text), 'settings.json');

describe('a JSON file of a user', () => {
  test('is read, with or without a byte order mark', () => {
    expect(parse('{"a": [1, "ü"]}')).toEqual({ a: [1, 'ü'] });
    expect(parse('\ufeff{"a": 1}')).toEqual({ a: 1 });
  });

  test.each([
    ['{"a": 1,\n  "b": 2,\n}', 'line 3, column 1: expected a name in double quotes, not "}"'],
    ['{"a": 1\n  "b": 2}', 'line 2, column 3: expected a comma or }, not "\\""'],
    ["{'a': 1}", 'line 1, column 2: expected a name in double quotes or }, not "\'"'],
    ['{\n  // lr\n  "a": 1}', 'line 2, column 3: expected a name in double quotes or }, not "/"'],
    ['{"a": .1}', 'line 1, column 7: expected a value, not "."'],
    ['{"a": True}', 'line 1, column 7: expected a value, not "T"'],
    ['{"a" 1}', 'line 1, column 6: expected a colon, not "1"'],
    ['[1, 2', 'line 1, column 6: expected a comma or ], not the end'],
    ['[1, ]', 'line 1, column 5: expected a value, not "]"'],
    ['{"a": "never\nends"}', 'line 1, column 13: expected a double quote, not "\\n"'],
    ['{"a": "never', 'line 1, column 13: expected a double quote, not the end'],
    [
      '{"out": "\\\\C:\\data"}',
      String.raw`line 1, column 15: expected an escape such as \n, or \\ for a backslash, not "d"`,
    ],
    [
      '"\\u12x4"',
      String.raw`line 1, column 3: expected an escape such as \n, or \\ for a backslash, not "u"`,
    ],
    ['{"a": 1}\r\nx', 'line 2, column 1: expected the end, not "x"'],
    ['', 'line 1, column 1: expected a value, not the end'],
    ['[01]', 'line 1, column 3: expected a comma or ], not "1"'],
  ])('%j is refused with line and column', (text, message) => {
    expect(() => parse(text)).toThrow(JsonFileError);
    expect(() => parse(text)).toThrow(`settings.json: ${message}`);
  });

  test('is refused if it names something twice, or nests without end', () => {
    expect(() => parse('{"lr": 1, "lr": 2}')).toThrow(/^settings\.json names lr twice$/);
    expect(() => parse('['.repeat(1e5))).toThrow(/^settings\.json nests deeper than 64$/);
  });

  test('of another encoding is refused with what to do', () => {
    expect(() => parse(Buffer.from('\ufeff{}', 'utf16le'))).toThrow(/UTF-16.*: save it as UTF-8/);
    expect(() => parse(Uint8Array.of(0x22, 0xe4, 0x22))).toThrow(/no UTF-8 text: save it as UTF-8/);
  });

  test('that is damaged anywhere is refused with a message', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, at, put) => {
        const text = json.slice(0, at % json.length) + put + json.slice((at % json.length) + 1);
        const messageOf = (read: () => unknown) => {
          try {
            read();
            return undefined;
          } catch (error) {
            return (error as Error).message;
          }
        };
        const message = messageOf(() => parse(text));
        if (message?.endsWith(' twice')) return; // Which JSON.parse allows.
        if (messageOf(() => JSON.parse(text)) === undefined) expect(message).toBeUndefined();
        else expect(message).toMatch(/line \d+, column \d+: expected .+, not .+/);
      }),
    );
  });
});
