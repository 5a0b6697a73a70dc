import * as Plot from '@observablehq/plot';
import { label, printableLines } from '../tensor/printable.ts';
import type { CurvePoint } from './curves.ts';

/** The runs of a configuration, and its label in the legend. */
export interface ComparedRuns {
  readonly label: string;
  readonly runs: readonly (readonly CurvePoint[])[];
}

/** A panel: one quantity of all runs by epoch. */
interface Panel {
  readonly label: string;
  readonly height: number;
  readonly read: (point: CurvePoint) => number | undefined;
  readonly hasDots: boolean;
}

/** Maximum length of a title in characters. */
const LONGEST_TITLE = 90;
const COLOURS = ['#1f77b4', '#d2601a', '#2a8f3c', '#c33fa0', '#7d5fb2', '#8a6d3b', '#5b6770', '#b3261e'];
const WIDTH = 760;
const LEGEND_COLUMNS = 2;
const LINE = 22;

/**
 * Plots test accuracy (validation accuracy, if available) and training loss of all runs by epoch: a thin line per
 * run, a color per configuration, and the mean over its runs in bold. @returns SVG text.
 */
export function comparisonSvg(
  document: Document,
  configurations: readonly ComparedRuns[],
  epochs: number,
  title: string,
): string {
  const hasValidation = configurations.some(({ runs }) =>
    runs.some((points) => points.some(({ validationAccuracy }) => validationAccuracy !== undefined)),
  );
  const accuracy: Panel = hasValidation
    ? {
        label: 'validation accuracy',
        height: 330,
        read: ({ validationAccuracy }) => validationAccuracy,
        hasDots: true,
      }
    : { label: 'test accuracy', height: 330, read: ({ testAccuracy }) => testAccuracy, hasDots: true };
  const loss: Panel = {
    label: 'train loss',
    height: 250,
    read: ({ trainLoss }) => trainLoss,
    hasDots: false,
  };
  const head = 44 + LINE * Math.ceil(configurations.length / LEGEND_COLUMNS);
  const parts = [
    headSvg(document, configurations, title, head),
    panelSvg(document, accuracy, configurations, epochs, head),
    panelSvg(document, loss, configurations, epochs, head + accuracy.height),
  ];
  const height = head + accuracy.height + loss.height;
  return printableLines(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">` +
      `<rect width="${WIDTH}" height="${height}" fill="white"/>${parts.join('')}</svg>`,
  );
}

function headSvg(
  document: Document,
  configurations: readonly ComparedRuns[],
  title: string,
  height: number,
): string {
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height,
    margin: 0,
    style: STYLE,
    marks: [
      Plot.text([label(title, LONGEST_TITLE)], {
        frameAnchor: 'top-left',
        dx: 10,
        dy: 12,
        fontSize: 15,
        fontWeight: 'bold',
      }),
      ...configurations.map(({ label }, i) =>
        Plot.text([`■ ${label}`], {
          frameAnchor: 'top-left',
          dx: 10 + (i % LEGEND_COLUMNS) * (WIDTH / LEGEND_COLUMNS),
          dy: 38 + LINE * Math.floor(i / LEGEND_COLUMNS),
          fill: colourOf(i),
          fontSize: 13,
        }),
      ),
    ],
  });
  return plot.outerHTML;
}

function panelSvg(
  document: Document,
  panel: Panel,
  configurations: readonly ComparedRuns[],
  epochs: number,
  top: number,
): string {
  const { label, height, hasDots } = panel;
  const at = { x: 'epoch', y: 'value' } as const;
  const drawn = configurations.map(({ runs }, i) => {
    const all = runs.map((points) => valuesOf(points, panel));
    return { colour: colourOf(i), single: all.length > 1 ? all : [], mean: meanOf(all) };
  });
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height,
    marginLeft: 54,
    marginRight: 20,
    marginTop: 30,
    marginBottom: 40,
    style: STYLE,
    x: {
      label: 'epoch',
      domain: [0, Math.max(1, epochs)],
      grid: true,
      ticks: Math.min(10, Math.max(1, epochs)),
    },
    y: { label, labelArrow: 'none', domain: rangeOf(drawn), nice: true, grid: true, ticks: 6 },
    marks: [
      ...drawn.flatMap(({ single, colour }) =>
        single.flatMap((values) => [
          Plot.line(values, { ...at, stroke: colour, strokeWidth: 1, strokeOpacity: 0.5 }),
          ...(hasDots ? [Plot.dot(values, { ...at, fill: colour, fillOpacity: 0.5, r: 1.8 })] : []),
        ]),
      ),
      ...drawn.flatMap(({ mean, colour }) => [
        Plot.line(mean, { ...at, stroke: colour, strokeWidth: 3 }),
        ...(hasDots ? [Plot.dot(mean, { ...at, fill: colour, r: 3.5 })] : []),
      ]),
    ],
  });
  plot.setAttribute('y', `${top}`);
  return plot.outerHTML;
}

/** Minimum and maximum, widened if equal. */
function rangeOf(
  drawn: readonly { readonly single: readonly (readonly Value[])[]; readonly mean: readonly Value[] }[],
) {
  const values = drawn.flatMap(({ single, mean }) => [...single.flat(), ...mean].map(({ value }) => value));
  if (values.length === 0) return [0, 1];
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return least < greatest ? [least, greatest] : [least - 0.05, greatest + 0.05];
}

const STYLE = { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'none' } as const;

function colourOf(i: number): string {
  return COLOURS[i % COLOURS.length]!;
}

interface Value {
  readonly epoch: number;
  readonly value: number;
}

function valuesOf(points: readonly CurvePoint[], { read }: Panel): readonly Value[] {
  return points.flatMap((point) => {
    const value = read(point);
    return value === undefined ? [] : [{ epoch: point.epoch, value }];
  });
}

/** The mean over runs at the points that all runs have. */
function meanOf(runs: readonly (readonly Value[])[]): readonly Value[] {
  const [first, ...others] = runs;
  return (first ?? []).flatMap(({ epoch, value }) => {
    const rest = others.map((values) => values.find((other) => other.epoch === epoch)?.value);
    if (rest.some((other) => other === undefined)) return [];
    const sum = rest.reduce<number>((total, other) => total + other!, value);
    return [{ epoch, value: sum / runs.length }];
  });
}
