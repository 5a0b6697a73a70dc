import * as Plot from '@observablehq/plot';
import { label } from '../tensor/printable.ts';
import { svgOf } from './svg.ts';

/** Minimum cell size in pixels for numbers in cells, and for class names beside rows. */
const NUMBERED = 26;
const NAMED = 9;
const LONGEST_NAME = 22;
/** Average width of a character at font size 12, in pixels. */
const LETTER = 7.2;

/**
 * Plots a confusion matrix: rows are true classes, columns predicted classes; the shade of a cell is its fraction
 * of the row. Correct predictions are blue, errors orange.
 * @param confusion [true class, predicted class], number of images. @returns SVG text.
 */
export function confusionSvg(
  document: Document,
  classNames: readonly string[],
  confusion: ArrayLike<number>,
  title: string,
  subtitle: string,
): string {
  const classes = classNames.length;
  const cell = Math.max(1, Math.min(54, Math.floor(820 / classes)));
  const isNamed = cell >= NAMED;
  const names = classNames.map((name) => label(name, LONGEST_NAME));
  const letters = names.reduce((most, name) => Math.max(most, name.length), 0);
  const room = isNamed ? Math.ceil(letters * LETTER) : 0;
  const side = Math.max(cell * classes, 330);
  const frame = { left: 52 + room, top: 76, right: 24, bottom: 48 + Math.ceil(room * 0.75) };
  const cells = cellsOf(classes, confusion);
  const step = side / classes;
  const edge = (dx: number, dy: number) =>
    ({ frameAnchor: 'top-left', dx: dx - frame.left, dy: dy - frame.top }) as const;
  const fontSize = Math.min(13, Math.max(8, step * 0.8));
  const plot = Plot.plot({
    document,
    width: frame.left + side + frame.right,
    height: frame.top + side + frame.bottom,
    marginLeft: frame.left,
    marginRight: frame.right,
    marginTop: frame.top,
    marginBottom: frame.bottom,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: { axis: null, domain: [0, classes] },
    y: { axis: null, domain: [classes, 0] },
    marks: [
      Plot.rect(cells, {
        x1: 'predicted',
        x2: ({ predicted }: Cell) => predicted + 1,
        y1: 'label',
        y2: ({ label }: Cell) => label + 1,
        fill: shade,
        inset: step > 16 ? 0.5 : 0,
      }),
      Plot.frame({ stroke: '#bbb' }),
      ...(step >= NUMBERED
        ? [
            Plot.text(cells, {
              x: ({ predicted }: Cell) => predicted + 0.5,
              y: ({ label }: Cell) => label + 0.5,
              text: ({ count }: Cell) => `${count}`,
              fill: ({ label, predicted, share }: Cell) =>
                share > (label === predicted ? 0.25 : 0.5) ? 'white' : '#222',
              fontSize: Math.min(13, step * 0.32),
            }),
          ]
        : []),
      ...(isNamed
        ? [
            Plot.text(names, {
              y: (_: string, i: number) => i + 0.5,
              text: (name: string) => name,
              frameAnchor: 'left',
              textAnchor: 'end',
              dx: -7,
              fontSize,
            }),
            Plot.text(names, {
              x: (_: string, i: number) => i + 0.5,
              text: (name: string) => name,
              frameAnchor: 'bottom',
              textAnchor: 'end',
              rotate: -45,
              dx: 4,
              dy: 10,
              fontSize,
            }),
          ]
        : []),
      Plot.text(['true class'], {
        frameAnchor: 'left',
        rotate: -90,
        dx: 18 - frame.left,
        fill: '#555',
      }),
      Plot.text(['predicted class'], { frameAnchor: 'bottom', dy: frame.bottom - 16, fill: '#555' }),
      Plot.text([title], { ...edge(14, 18), fontSize: 15, fontWeight: 'bold' }),
      Plot.text([subtitle], { ...edge(14, 42), fill: '#333' }),
    ],
  });
  return svgOf(plot);
}

interface Cell {
  readonly label: number;
  readonly predicted: number;
  readonly count: number;
  /** Fraction of the row. */
  readonly share: number;
}

/** The cells that are not empty. */
function cellsOf(classes: number, confusion: ArrayLike<number>): readonly Cell[] {
  const cells: Cell[] = [];
  for (let label = 0; label < classes; label++) {
    let support = 0;
    for (let k = 0; k < classes; k++) support += confusion[label * classes + k]!;
    for (let predicted = 0; predicted < classes; predicted++) {
      const count = confusion[label * classes + predicted]!;
      if (count > 0) cells.push({ label, predicted, count, share: count / support });
    }
  }
  return cells;
}

/** From nearly white to the full color, by the square root of the fraction, so that rare errors are visible. */
function shade({ label, predicted, share }: Cell): string {
  const full = label === predicted ? [8, 81, 156] : [204, 76, 2];
  const strength = 0.06 + 0.94 * Math.sqrt(share);
  const [r, g, b] = full.map((channel) => Math.round(255 + (channel - 255) * strength));
  return `rgb(${r},${g},${b})`;
}
