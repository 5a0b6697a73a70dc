import { describe, expect, test } from 'vitest';
import { ClassNamesError, decodeClassNames } from '../../src/io/class-names.ts';

const decode = (text: string) => decodeClassNames(Buffer.from(text), 'names.txt');

describe('names of classes', () => {
  test.each([
    ['lines', 'cat\nsea lion\nÄffchen\n'],
    ['lines of Windows, with a byte order mark', '\ufeffcat\r\nsea lion \r\nÄffchen\r\n\r\n'],
    ['an array', '\ufeff ["cat", "sea lion", "Äffchen"]'],
    ['numbers with names, in any order', '{"2": "Äffchen", "0": "cat", "1": "sea lion"}'],
    ["ImageNet's index", '{"0": ["n1", "cat"], "1": ["n2", "sea lion"], "2": ["n3", "Äffchen"]}'],
  ])('are read from %s', (_, text) => {
    expect(decode(text)).toEqual(['cat', 'sea lion', 'Äffchen']);
  });

  test('may be equal for two classes, as in ImageNet, and empty', () => {
    expect(decode('crane\ncrane')).toEqual(['crane', 'crane']);
    expect(decode('\n')).toEqual([]);
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    [
      'an empty line in between',
      'cat\n\ndog',
      /names\.txt has no name for class 1; expected a name for each class/,
    ],
    ['a number that is missing', '{"0": "cat", "2": "dog"}', /no name for class 1/],
    ['what is no name', '["cat", 3]', /no name for class 1/],
    ['an empty list', '{"0": []}', /no name for class 0/],
    ['half of JSON', '["cat"', /is not valid JSON/],
    ['brackets in brackets', '['.repeat(1e6), /nests deeper than 2/],
    [
      'what a terminal obeys',
      'cat\n\x1b[2Jdog',
      /a control character in the name of class 1: "\\u001b\[2Jdog"/,
    ],
    ['a name without end', 'a'.repeat(5000), /more than 1000 characters/],
    ['bytes of no text', Buffer.from([0xff, 0xfe, 0x63, 0]), /is no text in UTF-8/],
  ])('are refused for %s', (_, text, message) => {
    const read = () => decodeClassNames(Buffer.from(text as string), 'names.txt');
    expect(read).toThrow(ClassNamesError);
    expect(read).toThrow(message);
  });
});
