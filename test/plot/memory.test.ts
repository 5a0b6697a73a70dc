import { parseHTML } from 'linkedom';
import { describe, expect, test } from 'vitest';
import { memoryPicture } from '../../src/cli/memory-picture.ts';
import { searchRematerialization } from '../../src/compile.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { newDocument } from '../../src/node/document.ts';
import { pngOf } from '../../src/node/png.ts';
import { rematerializationReports } from '../../src/plan/memory/rematerialization-report.ts';
import { memoryReport } from '../../src/plan/memory/report.ts';
import { memorySvg } from '../../src/plot/memory.ts';

const { candidates } = searchRematerialization(modelByName('densenet-40-12'), [32, 32], { batch: 8 });
const reports = rematerializationReports(candidates, 2);

function drawn(shown: number) {
  const { plan } = candidates[shown]!;
  const picture = memoryPicture('a title', plan.records, memoryReport(plan, 2), reports, shown);
  const svg = memorySvg(newDocument(), picture);
  const { document } = parseHTML(svg);
  // The first of the groups is the arena's background.
  const [, buffers] = [...document.querySelectorAll('g[aria-label="rect"]')];
  const rects = [...buffers!.querySelectorAll('rect')].map((rect) => {
    const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) =>
      Number(rect.getAttribute(name)),
    );
    return { x: x!, y: y!, width: width!, height: height! };
  });
  return { picture, svg, rects };
}

describe("a memory plan's picture", () => {
  test('has a rectangle for every large buffer, inside the arena and as high as its bytes', () => {
    const { picture, rects } = drawn(0);
    const large = picture.blocks.filter(({ bytes }) => bytes > picture.arenaBytes / 100);
    expect(large.length).toBeGreaterThan(5);
    const height = 440;
    for (const { bytes } of large) {
      const pixels = (height * bytes) / picture.arenaBytes;
      expect(rects.some((rect) => Math.abs(rect.height - pixels) < 0.01)).toBe(true);
    }
    const top = Math.min(...rects.map(({ y }) => y));
    const bottom = Math.max(...rects.map((rect) => rect.y + rect.height));
    expect(bottom - top).toBeLessThanOrEqual(height + 0.01);
    for (const { x, width } of rects) {
      expect(x).toBeGreaterThanOrEqual(84);
      expect(x + width).toBeLessThanOrEqual(872.01);
    }
  });

  test('shows the peak of the arena, its buffers, and the cost of using less', () => {
    const { svg, picture } = drawn(0);
    for (const text of [
      'a title',
      picture.peak.text,
      'forward',
      'backward',
      'feature maps of dense block 1',
    ]) {
      expect(svg).toContain(text);
    }
    for (const { added } of reports) expect(svg).toContain(added);
    expect(svg).toContain('times are predictions');
    expect(svg).not.toContain('NaN');
    expect(pngOf(svg).length).toBeGreaterThan(10_000);
  });

  test('shows recomputed results in a separate color', () => {
    expect(drawn(0).svg).not.toContain('feature maps, recomputed');
    expect(drawn(candidates.length - 1).svg).toContain('feature maps, recomputed');
  });
});
