import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { newDocument } from '../../src/node/document.ts';
import { pngOf } from '../../src/node/png.ts';
import { confusionSvg } from '../../src/plot/confusion.ts';
import { pictureSheetSvg } from '../../src/plot/picture-sheet.ts';
import { picture } from '../support/images.ts';

const textsOf = (svg: string) =>
  [...parseHTML(svg).document.querySelectorAll('text')].map((node) => `${node.textContent}`);

test('a confusion matrix has a cell for each pair that occurs, its number, and names of any letters', () => {
  const svg = confusionSvg(newDocument(), ['<cat> & "dog"', 'b'], [3, 1, 0, 4], 'a <title>', 'words');
  expect(textsOf(svg)).toEqual(
    expect.arrayContaining(['3', '1', '4', '<cat> & "dog"', 'b', 'a <title>', 'words']),
  );
  expect(textsOf(svg)).not.toContain('0');
  const cells = [...parseHTML(svg).document.querySelectorAll('rect')].filter((rect) =>
    rect.getAttribute('fill')?.startsWith('rgb'),
  );
  const fills = cells.map((cell) => cell.getAttribute('fill')!.match(/\d+/g)!.map(Number));
  expect(fills.length).toBe(3);
  // Correct predictions are blue, errors orange.
  expect(fills.map(([r, , b]) => (b! > r! ? 'blue' : 'orange'))).toEqual(['blue', 'orange', 'blue']);
  expect(pngOf(svg).length).toBeGreaterThan(1000);
});

test('a confusion matrix of many classes leaves out numbers, then names', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);
  const diagonal = (count: number) =>
    Array.from({ length: count ** 2 }, (_, i) => (i % (count + 1) === 0 ? 7 : 0));
  const texts = (count: number) =>
    textsOf(confusionSvg(newDocument(), names(count), diagonal(count), 'title', ''));
  expect(texts(40)).toContain('class 39');
  expect(texts(40)).not.toContain('7');
  expect(texts(150)).not.toContain('class 39');
});

test('a sheet shows each picture with its lines, and the PNG has its colors', async () => {
  const href = async (colour: readonly [number, number, number]) =>
    `data:image/png;base64,${(await picture({ colour })).toString('base64')}`;
  const pictures = [
    { href: await href([190, 10, 10]), lines: ['taken for & <b>', 'is', '1.png'] },
    { href: await href([10, 190, 10]), lines: ['taken for', 'is a very long name of a class', '2.png'] },
  ] as const;
  const svg = pictureSheetSvg(newDocument(), pictures, 'title', 'subtitle');
  expect(textsOf(svg)).toEqual(expect.arrayContaining(['taken for & <b>', '2.png', 'is a very long name…']));
  const { default: sharp } = await import('sharp');
  const { data, info } = await sharp(pngOf(svg)).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...data.subarray((y * info.width + x) * info.channels).subarray(0, 3),
  ];
  const [red, green] = [at(2 * 86, 2 * 138), at(2 * 246, 2 * 138)];
  expect(red[0]).toBeGreaterThan(2 * red[1]!);
  expect(green[1]).toBeGreaterThan(2 * green[0]!);
});

test('a sheet without pictures says so', () => {
  expect(textsOf(pictureSheetSvg(newDocument(), [], 'title', 'no mistakes'))).toEqual([
    'title',
    'no mistakes',
  ]);
});
