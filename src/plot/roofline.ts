import * as Plot from '@observablehq/plot';
import { labelRows } from './label-column.ts';
import { logScale } from './log-scale.ts';
import { svgOf } from './svg.ts';

/** A kernel call in a profile: operations per byte, and billions of operations per second. */
export interface RooflineDot {
  readonly name: string;
  readonly kind: string;
  readonly intensity: number;
  readonly gflopsPerSecond: number;
  /** Fraction of the step's time, 0 to 1. */
  readonly share: number;
}

export interface Roof {
  readonly gflopsPerSecond: number;
  readonly gigabytesPerSecond: number;
}

/** Dots with a smaller fraction of the step's time, or of the FMA peak, are not drawn. */
const DRAWN_SHARE = 0.001;
const DRAWN_OF_PEAK = 0.0005;
/** Dots with a larger fraction of the step's time have a label. */
const NAMED_SHARE = 0.04;

/** The color-blind-safe palette of Okabe and Ito, and two more; the kind with the largest share has the first. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a5195', '#666666'];

const [WIDTH, HEIGHT] = [1120, 630];
const FRAME = { left: 64, right: WIDTH - 270, top: 152, bottom: HEIGHT - 56 };
/** Offset from the left edge of the frame to that of the picture, plus a margin. */
const EDGE = 12 - FRAME.left;
const ROW = 20;

/**
 * Plots a roofline (Williams, Waterman, Patterson 2009): the memory bandwidth limit (slope), the FMA limit (flat),
 * and a dot per kernel call. Dots above the roof had their data in caches. @returns SVG text.
 */
export function rooflineSvg(
  document: Document,
  all: readonly RooflineDot[],
  roof: Roof,
  title: string,
): string {
  const dots = all
    .filter(({ share }) => share >= DRAWN_SHARE)
    .filter(({ gflopsPerSecond }) => gflopsPerSecond >= DRAWN_OF_PEAK * roof.gflopsPerSecond)
    .sort((a, b) => b.share - a.share);
  const kinds = kindsOf(all, dots);
  const colourOf = ({ kind }: RooflineDot) => kinds.find((each) => each.kind === kind)!.colour;

  const ridge = roof.gflopsPerSecond / roof.gigabytesPerSecond;
  const xs = [ridge, ...dots.map(({ intensity }) => intensity)];
  const ys = [roof.gflopsPerSecond, ...dots.map(({ gflopsPerSecond }) => gflopsPerSecond)];
  const x = logScale(xs, 2, FRAME.left, FRAME.right);
  const y = logScale(ys, 1.8, FRAME.bottom, FRAME.top);
  const slopeStart = Math.max(x.domain[0], y.domain[0] / roof.gigabytesPerSecond);
  const onRoof = (intensity: number) => ({
    intensity,
    gflopsPerSecond: Math.min(roof.gflopsPerSecond, intensity * roof.gigabytesPerSecond),
  });
  const slope = (-Math.atan2(y.pixelsPerDecade, x.pixelsPerDecade) * 180) / Math.PI;

  const named = dots.filter(({ share }) => share > NAMED_SHARE);
  const points = named.map((dot) => ({ x: x.apply(dot.intensity), y: y.apply(dot.gflopsPerSecond) }));
  const column = { x: FRAME.right, top: FRAME.top + 8, bottom: FRAME.bottom, lineHeight: ROW };
  const rows = labelRows(points, column).map((row) => y.invert(row));
  const drawn = dots.reduce((sum, { share }) => sum + share, 0);

  const position = { x: 'intensity', y: 'gflopsPerSecond' };
  const header = (dx: number, dy: number) =>
    ({ frameAnchor: 'top-left', dx: EDGE + dx, dy: dy - FRAME.top }) as const;
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: FRAME.left,
    marginRight: WIDTH - FRAME.right,
    marginTop: FRAME.top,
    marginBottom: HEIGHT - FRAME.bottom,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '13px', background: 'white' },
    x: { type: 'log', domain: x.domain, axis: null },
    y: { type: 'log', domain: y.domain, axis: null },
    r: { type: 'identity' },
    marks: [
      Plot.gridX(x.ticks),
      Plot.gridY(y.ticks),
      Plot.text(x.ticks, { x: (tick) => tick, text: plain, frameAnchor: 'bottom', dy: 18 }),
      Plot.text(y.ticks, {
        y: (tick) => tick,
        text: plain,
        frameAnchor: 'left',
        textAnchor: 'end',
        dx: -8,
      }),
      Plot.line([onRoof(slopeStart), onRoof(ridge), onRoof(x.domain[1])], {
        ...position,
        stroke: '#222',
        strokeWidth: 2.5,
      }),
      Plot.text([onRoof(Math.sqrt(slopeStart * ridge))], {
        ...position,
        text: () => `memory ${roof.gigabytesPerSecond.toFixed(1)} GB/s`,
        rotate: slope,
        dx: -9,
        dy: -9,
        fontWeight: 'bold',
      }),
      Plot.text([onRoof(ridge)], {
        ...position,
        text: () => `multiply-adds ${roof.gflopsPerSecond.toFixed(1)} GFLOP/s`,
        textAnchor: 'start',
        dy: -12,
        fontWeight: 'bold',
      }),
      Plot.dot(dots, {
        ...position,
        r: ({ share }: RooflineDot) => Math.max(2, 36 * Math.sqrt(share)),
        fill: colourOf,
        fillOpacity: 0.75,
        stroke: 'white',
      }),
      Plot.link(named, {
        x1: 'intensity',
        y1: 'gflopsPerSecond',
        x2: x.domain[1],
        y2: rows,
        stroke: colourOf,
        strokeOpacity: 0.7,
      }),
      Plot.dot(named, { ...position, r: 2, fill: 'white' }),
      Plot.text(named, {
        x: x.domain[1],
        y: rows,
        text: ({ share, name }: RooflineDot) => `${percent(share)}\u2002${name}`,
        textAnchor: 'start',
        dx: 6,
        fontSize: 12,
      }),
      Plot.text([title], { ...header(0, 14), fontSize: 15, fontWeight: 'bold' }),
      Plot.text([`areas are shares of the step; drawn: ${percent(drawn)} of its time`], header(0, 40)),
      ...kinds.flatMap(({ kind, share, colour }, i) => {
        const [left, top] = [(i % 4) * 260, 66 + Math.floor(i / 4) * ROW];
        return [
          Plot.text(['■'], { ...header(left, top - 2), fill: colour, fontSize: 16 }),
          Plot.text([`${kind} ${percent(share)}`], header(left + 18, top)),
        ];
      }),
      Plot.text(['↑ GFLOP/s'], header(0, FRAME.top - 18)),
      Plot.text(['operations per byte of memory moved →'], { frameAnchor: 'bottom-right', dy: 44 }),
    ],
  });
  return svgOf(plot);
}

/** The kinds of the dots with their fractions of the total time, largest first. */
function kindsOf(all: readonly RooflineDot[], dots: readonly RooflineDot[]) {
  const shares = new Map(dots.map(({ kind }) => [kind, 0]));
  for (const { kind, share } of all) if (shares.has(kind)) shares.set(kind, shares.get(kind)! + share);
  return [...shares]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, share], i) => ({ kind, share, colour: COLOURS[Math.min(i, COLOURS.length - 1)]! }));
}

function plain(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
