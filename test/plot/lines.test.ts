import { expect, test } from 'vitest';
import { newDocument } from '../../src/node/document.ts';
import { type LinesChart, linesSvg, type PlottedLine } from '../../src/plot/lines.ts';

const points = [0.5, -1, 2, 8].map((value, x) => ({ x, least: value - 0.25, greatest: value }));
const line = (name: string, more: Partial<PlottedLine> = {}): PlottedLine => ({
  ...{ name, kind: 'line', colour: 'rgb(0, 114, 178)', points },
  ...more,
});
const svg = (chart: Partial<LinesChart>) =>
  linesSvg(newDocument(), { title: 'Loss · <b>run</b>', xName: 'epoch', lines: [], isLog: false, ...chart });
/** Coordinates of the path of a mark. */
const pathOf = (text: string, mark: string) =>
  new RegExp(`aria-label="${mark}"[^>]*>\\s*<path[^>]* d="([^"]+)"`).exec(text)![1]!;

test('a chart of lines has its title and a legend, on white', () => {
  const text = svg({
    lines: [line('training loss', { dash: [7, 4] }), line('loss of a batch', { kind: 'band' })],
  });
  expect(text).toContain('background:white');
  for (const name of ['training loss', 'loss of a batch']) expect(text).toContain(`>${name}</text>`);
  expect(text.match(/■/g)).toHaveLength(2);
  expect(text).toContain('stroke-dasharray="7 4"');
  expect(text).toContain('Loss · &lt;b&gt;run');
  expect(text).toContain('xmlns="http://www.w3.org/2000/svg"');
});

test('a line goes through its greatest values, dots are at them, and a logarithmic axis leaves out what is not positive', () => {
  const places = (text: string) => pathOf(text, 'line').split(/[ML]/).length - 1;
  expect(places(svg({ lines: [line('x')] }))).toBe(4);
  expect(places(svg({ lines: [line('x')], isLog: true }))).toBe(3);
  const dots = svg({ lines: [line('x', { kind: 'dots' })] });
  expect(dots.match(/<circle/g)).toHaveLength(4);
});

test('a chart without points is drawn without them', () => {
  expect(svg({ lines: [line('x', { points: [] })] })).toContain('■');
});
