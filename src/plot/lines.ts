import * as Plot from '@observablehq/plot';
import { label } from '../tensor/printable.ts';
import { svgOf } from './svg.ts';

/** A value at a place of the x axis; of a band, the least and the greatest. */
export interface LinePoint {
  readonly x: number;
  readonly least: number;
  readonly greatest: number;
}

/** A line, a band, or dots along a line. */
export interface PlottedLine {
  readonly name: string;
  readonly kind: 'line' | 'band' | 'dots';
  /** A CSS color that can be read on white. */
  readonly colour: string;
  readonly dash?: readonly number[] | undefined;
  readonly points: readonly LinePoint[];
}

export interface LinesChart {
  readonly title: string;
  readonly xName: string;
  readonly lines: readonly PlottedLine[];
  /** Values that are not positive are left out of a logarithmic axis. */
  readonly isLog: boolean;
}

const WIDTH = 760;
const [LONGEST_TITLE, LONGEST_NAME] = [90, 60];
const LEGEND_COLUMNS = 3;
const LEGEND_LINE = 22;

/** Plots lines over a common x axis on white, with title and legend. @returns SVG text. */
export function linesSvg(document: Document, { title, xName, lines, isLog }: LinesChart): string {
  const shown = lines.map((line) => ({
    ...line,
    points: line.points.filter(({ least }) => !isLog || least > 0),
  }));
  const legendHeight = LEGEND_LINE * Math.ceil(lines.length / LEGEND_COLUMNS);
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: 400 + legendHeight,
    ...{ marginLeft: 60, marginRight: 20, marginTop: 34 + legendHeight, marginBottom: 44 },
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: { label: xName, labelArrow: 'none', grid: true },
    y: { label: null, grid: true, type: isLog ? 'log' : 'linear', nice: true },
    marks: [
      ...shown.flatMap(marksOf),
      Plot.text([label(title, LONGEST_TITLE)], {
        ...{ frameAnchor: 'top-left', dy: -26 - legendHeight, dx: -50, fontSize: 15, fontWeight: 'bold' },
      }),
      ...lines.flatMap(({ name, colour }, i) => {
        const at = {
          frameAnchor: 'top-left',
          dx: -50 + (i % LEGEND_COLUMNS) * 230,
          dy: -4 - legendHeight + LEGEND_LINE * Math.floor(i / LEGEND_COLUMNS),
        } as const;
        // A light colour shows as a square, but could not be read.
        return [
          Plot.text(['■'], { ...at, fill: colour }),
          Plot.text([label(name, LONGEST_NAME)], { ...at, dx: at.dx + 16 }),
        ];
      }),
    ],
  });
  return svgOf(plot);
}

function marksOf({ kind, colour, dash, points }: PlottedLine): Plot.Markish[] {
  if (kind === 'band')
    return [
      Plot.areaY(points, {
        x: 'x',
        y1: 'least',
        y2: 'greatest',
        fill: colour,
        fillOpacity: 0.45,
        stroke: colour,
      }),
    ];
  const look = { stroke: colour, strokeWidth: 2, ...(dash && { strokeDasharray: dash.join(' ') }) };
  return [
    Plot.line(points, { x: 'x', y: 'greatest', ...look }),
    ...(kind === 'dots' ? [Plot.dot(points, { x: 'x', y: 'greatest', fill: colour, r: 2.5 })] : []),
  ];
}
