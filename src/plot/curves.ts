import * as Plot from '@observablehq/plot';
import { label } from '../tensor/printable.ts';
import { svgOf } from './svg.ts';

/** A point in the history of a run. Epochs may be fractional; losses and accuracies are means. */
export interface CurvePoint {
  readonly epoch: number;
  readonly trainLoss?: number | undefined;
  readonly trainAccuracy?: number | undefined;
  readonly testAccuracy?: number | undefined;
  /** Accuracy on the validation set, if there is one. */
  readonly validationAccuracy?: number | undefined;
  readonly learningRate?: number | undefined;
}

/** Maximum length of a title in characters. */
const LONGEST_TITLE = 90;
const SERIES = [
  { field: 'trainLoss', label: 'train loss', dash: 'none', colour: '#1f77b4' },
  { field: 'trainAccuracy', label: 'train accuracy', dash: '6,4', colour: '#c33fa0' },
  { field: 'testAccuracy', label: 'test accuracy', dash: '2,3', colour: '#2a8f3c' },
  { field: 'validationAccuracy', label: 'validation accuracy', dash: '8,3,2,3', colour: '#b8670a' },
] as const;

/** Series that are always in the legend. */
const ALWAYS = new Set<string>(['trainLoss', 'trainAccuracy', 'testAccuracy']);
const RATE_COLOUR = '#8a8a8a';
const LEGEND_COLUMNS = 3;

/**
 * Plots loss, training and test accuracy by epoch, as in the training loops of d2l (https://d2l.ai), validation
 * accuracy if available, and a learning rate that is not constant, scaled so that its maximum is at the top.
 * @returns SVG text.
 */
export function curvesSvg(
  document: Document,
  points: readonly CurvePoint[],
  epochs: number,
  title: string,
): string {
  const rows = SERIES.map(({ field, ...look }) => ({ ...look, field, data: valuesOf(points, field) })).filter(
    ({ field, data }) => data.length > 0 || ALWAYS.has(field),
  );
  const greatest = rows.flatMap(({ data }) => data).reduce((most, { value }) => Math.max(most, value), 1);
  const rates = valuesOf(points, 'learningRate');
  const top = rates.reduce((most, { value }) => Math.max(most, value), 0);
  const showsRate = rates.some(({ value }) => value !== top);
  const legend: { readonly colour: string; readonly text: string }[] = rows.map(({ label, data, colour }) => {
    const last = data.at(-1);
    return { colour, text: last ? `■ ${label} ${last.value.toFixed(3)}` : `■ ${label}` };
  });
  if (showsRate) legend.push({ colour: RATE_COLOUR, text: `■ learning rate, at most ${rounded(top)}` });
  const legendHeight = 22 * Math.ceil(legend.length / LEGEND_COLUMNS);
  const plot = Plot.plot({
    document,
    width: 760,
    height: 438 + legendHeight,
    marginLeft: 50,
    marginRight: 20,
    marginTop: 34 + legendHeight,
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
      ...(showsRate
        ? [
            Plot.line(
              rates.map(({ epoch, value }) => ({ epoch, value: (greatest * value) / top })),
              { x: 'epoch', y: 'value', stroke: RATE_COLOUR, strokeWidth: 1.5 },
            ),
          ]
        : []),
      ...rows.map(({ data, dash, colour }) =>
        Plot.line(data, { x: 'epoch', y: 'value', stroke: colour, strokeWidth: 2, strokeDasharray: dash }),
      ),
      ...rows.map(({ data, colour }) => Plot.dot(data, { x: 'epoch', y: 'value', fill: colour, r: 2.5 })),
      Plot.text([label(title, LONGEST_TITLE)], {
        frameAnchor: 'top-left',
        dy: -26 - legendHeight,
        dx: -40,
        fontSize: 15,
        fontWeight: 'bold',
      }),
      ...legend.map(({ text, colour }, i) =>
        Plot.text([text], {
          frameAnchor: 'top-left',
          dx: -40 + (i % LEGEND_COLUMNS) * 210,
          dy: -4 - legendHeight + 22 * Math.floor(i / LEGEND_COLUMNS),
          fill: colour,
          fontSize: 13,
        }),
      ),
    ],
  });
  return svgOf(plot);
}

function valuesOf(points: readonly CurvePoint[], field: Exclude<keyof CurvePoint, 'epoch'>) {
  return points.flatMap((point) => {
    const value = point[field];
    return value === undefined ? [] : [{ epoch: point.epoch, value }];
  });
}

function rounded(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}
