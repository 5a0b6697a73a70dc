import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

/** A point of a training run's history; epochs are fractional within an epoch, losses and accuracies are means. */
export interface CurvePoint {
  readonly epoch: number;
  readonly trainLoss?: number | undefined;
  readonly trainAccuracy?: number | undefined;
  readonly testAccuracy?: number | undefined;
}

const SERIES = [
  { field: 'trainLoss', label: 'train loss', dash: 'none', colour: '#1f77b4' },
  { field: 'trainAccuracy', label: 'train accuracy', dash: '6,4', colour: '#c33fa0' },
  { field: 'testAccuracy', label: 'test accuracy', dash: '2,3', colour: '#2a8f3c' },
] as const;

/** The plot of d2l's training loops: loss, train and test accuracy against epochs. @returns SVG text. */
export function curvesSvg(points: readonly CurvePoint[], epochs: number, title: string): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const rows = SERIES.map(({ field, label, dash, colour }) => ({
    label,
    dash,
    colour,
    data: points.flatMap((point) => {
      const value = point[field];
      return value === undefined ? [] : [{ epoch: point.epoch, value }];
    }),
  }));
  const greatest = rows.flatMap(({ data }) => data).reduce((most, { value }) => Math.max(most, value), 1);
  const plot = Plot.plot({
    document,
    width: 760,
    height: 460,
    marginLeft: 50,
    marginRight: 20,
    marginTop: 56,
    marginBottom: 44,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: {
      label: 'epoch',
      domain: [0, Math.max(1, epochs)],
      grid: true,
      ticks: Math.min(10, Math.max(1, epochs)),
    },
    y: { label: null, domain: [0, greatest], grid: true },
    marks: [
      ...rows.map(({ data, dash, colour }) =>
        Plot.line(data, { x: 'epoch', y: 'value', stroke: colour, strokeWidth: 2, strokeDasharray: dash }),
      ),
      ...rows.map(({ data, colour }) => Plot.dot(data, { x: 'epoch', y: 'value', fill: colour, r: 2.5 })),
      Plot.text([title], { frameAnchor: 'top-left', dy: -48, dx: -40, fontSize: 15, fontWeight: 'bold' }),
      ...rows.map(({ label, data, colour }, i) => {
        const last = data.at(-1);
        const text = last ? `■ ${label} ${last.value.toFixed(3)}` : `■ ${label}`;
        return Plot.text([text], {
          frameAnchor: 'top-left',
          dx: -40 + i * 210,
          dy: -26,
          fill: colour,
          fontSize: 13,
        });
      }),
    ],
  });
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return plot.outerHTML;
}
