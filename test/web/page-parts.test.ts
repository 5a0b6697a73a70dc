import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { MinMaxPyramid } from '../../src/live/pyramid.ts';
import { csvOf } from '../../web/app/csv.ts';
import { pointsOf, smoothed } from '../../web/charts/chart-data.ts';
import { canTrain, classesOf, filesOf, imbalanceOf, joined } from '../../web/lab/classes.ts';
import { readZip } from '../../web/lab/read-zip.ts';
import { en } from '../../web/text/en.ts';
import { zh } from '../../web/text/zh.ts';

describe('points of a chart', () => {
  const column = new MinMaxPyramid();
  column.append(Float32Array.from({ length: 10_000 }, (_, i) => (i === 4321 ? 99 : Math.sin(i))));

  test('are as many as there are places, and have every spike', () => {
    const { x, greatest } = pointsOf(column, 1, 100, { from: 0, to: 100, places: 300 });
    expect(x.length).toBeLessThanOrEqual(301);
    expect(Math.max(...(greatest as number[]))).toBe(99);
  });

  test('are the steps themselves where those are few', () => {
    const { x, least, greatest } = pointsOf(column, 1, 100, { from: 10, to: 10.1, places: 300 });
    expect(least).toEqual(greatest);
    expect(x[1]! - x[0]!).toBeCloseTo(0.01, 10);
  });

  test('do not move while steps are added', () => {
    const before = pointsOf(column, 1, 100, { from: 0, to: 50, places: 100 });
    column.append(new Float32Array(500));
    expect(pointsOf(column, 1, 100, { from: 0, to: 50, places: 100 })).toEqual(before);
  });

  test('are smoothed without those that are missing', () => {
    expect(smoothed([1, null, 2])).toEqual([1, null, 1.1]);
  });
});

test('a table for spreadsheets has no formulas', () => {
  expect(csvOf([['=1+1', '@x', '-2', '+3', 'a"b', 4, Number.NaN]])).toBe(
    '\'=1+1,\'@x,\'-2,\'+3,"a""b",4,\r\n',
  );
});

describe('classes', () => {
  const file = new Blob(['x']);
  const at = (path: string) => ({ path, file });

  test('are the folders of pictures, whatever is above them', () => {
    const files = ['set/dog/1.png', 'set/cat/1.jpg', 'set/cat/2.JPG', 'set/notes.txt', 'set/.x/1.png'];
    const classes = classesOf(files.map(at));
    expect(classes.map(({ name, files: { length } }) => [name, length])).toEqual([
      ['cat', 2],
      ['dog', 1],
    ]);
    expect(canTrain(classes)).toBe(false);
    expect(canTrain(joined(classes, [{ name: 'dog', files: [file] }]))).toBe(true);
  });

  test('become files under names that no path can be made of', () => {
    const paths = filesOf([{ name: '../a/b', files: [file] }]).map(({ path }) => path);
    expect(paths).toEqual(['__a_b/00001.png']);
  });

  test('that are very unequal are told of', () => {
    const of = (name: string, length: number) => ({ name, files: Array.from({ length }, () => file) });
    expect(imbalanceOf([of('a', 30), of('b', 5)])).toMatchObject({
      least: { name: 'b' },
      most: { name: 'a' },
    });
    expect(imbalanceOf([of('a', 30), of('b', 20)])).toBeUndefined();
  });
});

test('a zip is unpacked up to what a browser can hold, and no further', async () => {
  const zip = (files: Record<string, Uint8Array>) =>
    new Blob([zipSync(files, { level: 9 }) as Uint8Array<ArrayBuffer>]);
  const good = await readZip(
    zip({ 'a/1.png': Uint8Array.of(1, 2), 'a/x.txt': Uint8Array.of(1), '../b/1.png': Uint8Array.of(1) }),
  );
  expect(good.map(({ path }) => path)).toEqual(['a/1.png']);
  await expect(readZip(zip({ 'a/1.png': new Uint8Array(65 * 2 ** 20) }))).rejects.toThrow('zipTooLarge');
  await expect(readZip(new Blob([new Uint8Array(1000)]))).rejects.toThrow('zipBroken');
});

test('every text has another in Chinese, but for names', () => {
  const same = Object.entries(en).filter(
    ([key, text]) => typeof text === 'string' && zh[key as keyof typeof zh] === text,
  );
  expect(same.map(([key]) => key)).toEqual(['downloadOnnx']);
});
