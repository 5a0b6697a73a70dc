import { expect, test } from 'vitest';
import { csv } from '../../src/cli/csv.ts';

test('a table quotes cells with commas or quotes, with line ends as in RFC 4180', () => {
  expect(
    csv([
      ['class', 'f1'],
      ['a, "b"', 0.5],
      ['c', -1],
    ]),
  ).toBe('class,f1\r\n"a, ""b""",0.5\r\nc,-1\r\n');
});

test.each(["=cmd|'/C calc'!A0", '+1+1', '-2+3', '@SUM(1)', '\t=1', '\r=1', ' =1', '＝1', '\n@x'])(
  'a name that a spreadsheet would compute, %j, is text',
  (name) => {
    const [cell] = csv([[name]]).split('\r\n');
    expect(cell).toMatch(/^'/);
    expect(cell).not.toMatch(/[\t\r\n]/);
  },
);

test('other names stay as they are', () => {
  for (const name of ['cat', 'a=b', '1-2', 'é', "it's"]) expect(csv([[name]])).toBe(`${name}\r\n`);
});
