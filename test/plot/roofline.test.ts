import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newDocument } from '../../src/node/document.ts';
import { pngOf } from '../../src/node/png.ts';
import { labelRows } from '../../src/plot/label-column.ts';
import { logScale } from '../../src/plot/log-scale.ts';
import { rooflineSvg } from '../../src/plot/roofline.ts';

const roof = { gflopsPerSecond: 100, gigabytesPerSecond: 25 };
const dot = (name: string, share: number) => ({
  name,
  kind: name.split(' ')[1]!,
  intensity: 100 * share,
  gflopsPerSecond: 50,
  share,
});

describe('the roofline', () => {
  test('labels dots with more than 4% of the step, and omits tiny ones', () => {
    const dots = [dot('a conv', 0.7), dot('b conv', 0.2), dot('c pool', 0.03), dot('d flatten', 0.0001)];
    const svg = rooflineSvg(newDocument(), dots, roof, 'a title');
    for (const text of ['a title', 'a conv', 'b conv', 'conv 90.0%', 'pool 3.0%', 'memory 25.0 GB/s']) {
      expect(svg).toContain(text);
    }
    for (const text of ['c pool', 'flatten']) expect(svg).not.toContain(text);
    expect(svg.match(/<circle/g)!.length).toBe(3 + 2); // The named ones have a centre.
    expect(pngOf(svg).length).toBeGreaterThan(1000);
  });

  test('can be drawn without a dot, and without a name', () => {
    expect(rooflineSvg(newDocument(), [], roof, 'nothing')).toContain('multiply-adds');
    expect(rooflineSvg(newDocument(), [dot('a conv', 0.01)], roof, 'little')).toContain('conv 1.0%');
  });
});

test('a logarithmic scale inverts itself', () => {
  const scale = logScale([0.5, 300], 2, 600, 100);
  for (const value of [0.25, 1, 77, 600]) expect(scale.invert(scale.apply(value))).toBeCloseTo(value, 9);
  expect([scale.apply(0.25), scale.apply(600)].map(Math.round)).toEqual([600, 100]);
  expect(scale.ticks).toEqual([0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]);
});

test('lines from points to their labels do not cross', () => {
  const column = { x: 800, top: 100, bottom: 500, lineHeight: 20 };
  const point = fc.record({ x: fc.integer({ min: 0, max: 700 }), y: fc.integer({ min: 0, max: 600 }) });
  fc.assert(
    fc.property(fc.uniqueArray(point, { maxLength: 12, selector: ({ x, y }) => `${x},${y}` }), (points) => {
      const rows = labelRows(points, column);
      expect(new Set(rows).size).toBe(points.length);
      const ends = points.map(({ x, y }, i) => [x, y, column.x, rows[i]!] as const);
      return ends.every((a, i) => ends.slice(0, i).every((b) => !cross(a, b)));
    }),
  );
});

type Segment = readonly [number, number, number, number];

function cross(a: Segment, b: Segment): boolean {
  const side = ([x0, y0, x1, y1]: Segment, x: number, y: number) =>
    Math.sign((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0));
  return side(a, b[0], b[1]) * side(a, b[2], b[3]) < 0 && side(b, a[0], a[1]) * side(b, a[2], a[3]) < 0;
}
