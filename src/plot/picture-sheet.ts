import * as Plot from '@observablehq/plot';
import { label } from '../tensor/printable.ts';
import { svgOf } from './svg.ts';

/** A picture with three lines of text below it. */
export interface SheetPicture {
  /** A `data:` URL of a PNG. */
  readonly href: string;
  readonly lines: readonly [string, string, string];
}

const SIDE = 132;
const [STEP_X, STEP_Y] = [160, 206];
const LINE = 17;
const LETTERS = 20;
const HEAD = 72;
const MARGIN = 20;
const COLOURS = ['#b3261e', '#1a7f37', '#777'] as const;

/** A contact sheet: pictures in rows, each with its lines of text in red, green and gray. @returns SVG text. */
export function pictureSheetSvg(
  document: Document,
  pictures: readonly SheetPicture[],
  title: string,
  subtitle: string,
  columns = 6,
): string {
  const rows = Math.max(1, Math.ceil(pictures.length / columns));
  const width = 2 * MARGIN + columns * STEP_X - (STEP_X - SIDE);
  const height = HEAD + rows * STEP_Y + MARGIN / 2;
  const left = (_: SheetPicture, i: number) => MARGIN + (i % columns) * STEP_X;
  const top = (_: SheetPicture, i: number) => HEAD + Math.floor(i / columns) * STEP_Y;
  const plot = Plot.plot({
    document,
    width,
    height,
    margin: 0,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '12px', background: 'white' },
    x: { axis: null, type: 'identity' },
    y: { axis: null, type: 'identity' },
    marks: [
      Plot.image(pictures, {
        x: (picture: SheetPicture, i: number) => left(picture, i) + SIDE / 2,
        y: (picture: SheetPicture, i: number) => top(picture, i) + SIDE / 2,
        src: 'href',
        width: SIDE,
        height: SIDE,
        imageRendering: 'pixelated',
      }),
      ...COLOURS.map((fill, line) =>
        Plot.text(pictures, {
          x: left,
          y: (picture: SheetPicture, i: number) => top(picture, i) + SIDE + 6 + LINE * (line + 0.5),
          text: ({ lines }: SheetPicture) => label(lines[line]!, LETTERS),
          textAnchor: 'start',
          fill,
        }),
      ),
      Plot.text([title], { frameAnchor: 'top-left', dx: MARGIN, dy: 16, fontSize: 15, fontWeight: 'bold' }),
      Plot.text([subtitle], { frameAnchor: 'top-left', dx: MARGIN, dy: 41, fontSize: 13, fill: '#333' }),
    ],
  });
  return svgOf(plot);
}
