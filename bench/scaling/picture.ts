import * as Plot from '@observablehq/plot';
import { newDocument } from '../../src/node/document.ts';

/** The steps of one axis. */
export interface ScalingPanel {
  readonly axis: string;
  readonly points: readonly { readonly value: number; readonly ms: number; readonly macs: number }[];
}

const [WIDTH, HEIGHT, HEAD] = [420, 300, 44];

/**
 * Plots a panel per axis: the measured time of a step in ms (dots), and the time of its multiply-adds at the
 * average speed of the panel (line). @returns SVG text.
 */
export function scalingSvg(panels: readonly ScalingPanel[]): string {
  const plots = panels.map((panel, i) => {
    const plot = panelPlot(panel);
    plot.setAttribute('x', `${(i % 2) * WIDTH}`);
    plot.setAttribute('y', `${HEAD + Math.floor(i / 2) * HEIGHT}`);
    return plot.outerHTML;
  });
  const [width, height] = [2 * WIDTH, HEAD + Math.ceil(panels.length / 2) * HEIGHT];
  const title =
    '<text x="12" y="26" font-family="DejaVu Sans, sans-serif" font-size="15" font-weight="bold">A training step: ' +
    'measured (dots), and its multiplications at one speed (line)</text>';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
    `<rect width="100%" height="100%" fill="white"/>${title}${plots.join('')}</svg>`
  );
}

function panelPlot({ axis, points }: ScalingPanel): Element {
  const document = newDocument();
  const total = (of: (point: ScalingPanel['points'][number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0);
  const msPerMac = total(({ ms }) => ms) / total(({ macs }) => macs);
  const theory = points.map(({ value, macs }) => ({ value, ms: macs * msPerMac }));
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: 54,
    marginBottom: 42,
    marginTop: 28,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: { label: axis, labelArrow: 'none', zero: true, ticks: 6 },
    y: { label: 'ms', labelArrow: 'none', zero: true, grid: true, ticks: 6 },
    marks: [
      Plot.line(theory, { x: 'value', y: 'ms', stroke: '#9a9a9a', strokeWidth: 2 }),
      Plot.dot(points, { x: 'value', y: 'ms', fill: '#1f77b4', r: 4 }),
    ],
  });
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return plot;
}
