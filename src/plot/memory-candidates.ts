import * as Plot from '@observablehq/plot';
import { byteTicks, CANDIDATES_ROW, candidatesHeight } from './memory-layout.ts';
import type { CandidateRow, MemoryPicture } from './memory-types.ts';

/** The chart, and the columns of the table beside it, in pixels. */
const CHART = { left: 84, right: 400 } as const;
const COLUMNS = { number: 448, bytes: 540, time: 616, text: 634 } as const;
const [DOT, SHOWN] = ['#0072b2', '#d55e00'];
/** Minimum distance of two dots in pixels for both to have a number. */
const LEAST_DISTANCE = 15;

/** Plots predicted time and planned bytes of each candidate, with a table. @param top in pixels. */
export function candidateMarks({ candidates, formatBytes }: MemoryPicture, top: number) {
  const chartTop = top + 34;
  const bottom = chartTop + candidatesHeight(candidates.length) - 14;
  const slowest = candidates.reduce((most, { slowdown }) => Math.max(most, slowdown), 0.01);
  const largest = candidates.reduce((most, { bytes }) => Math.max(most, bytes), 1);
  const x = (slowdown: number) => CHART.left + 10 + ((CHART.right - CHART.left - 24) * slowdown) / slowest;
  const y = (bytes: number) => bottom - ((bottom - chartTop - 6) * bytes) / largest;
  const dots = candidates.map((step, i) => ({
    ...step,
    number: `${i + 1}`,
    x: x(step.slowdown),
    y: y(step.bytes),
    row: chartTop + 22 + i * CANDIDATES_ROW,
    colour: step.isShown ? SHOWN : DOT,
  }));
  const byteSteps = byteTicks(largest, 4);
  const timeSteps = percentTicks(slowest);
  const line = (column: keyof typeof COLUMNS, textAnchor: 'start' | 'end') =>
    ({ x: COLUMNS[column], y: 'row', textAnchor, fontSize: 11.5 }) as const;
  const heading = (column: keyof typeof COLUMNS, textAnchor: 'start' | 'end') =>
    ({ x: COLUMNS[column], y: chartTop, textAnchor, fill: '#555', fontSize: 11 }) as const;
  return [
    Plot.text(['Less memory for more time'], {
      x: 14,
      y: top + 2,
      textAnchor: 'start',
      fontSize: 14,
      fontWeight: 'bold',
    }),
    Plot.text(['results that are not kept are recomputed in the backward pass; times are predictions'], {
      x: 246,
      y: top + 3,
      textAnchor: 'start',
      fill: '#333',
    }),
    Plot.ruleY(byteSteps, { y, x1: CHART.left, x2: CHART.right, stroke: '#ddd' }),
    Plot.text(byteSteps, { x: CHART.left - 8, y, text: formatBytes, textAnchor: 'end', fontSize: 11 }),
    Plot.ruleX(timeSteps, { x, y1: chartTop, y2: bottom, stroke: '#e8e8e8' }),
    Plot.text(timeSteps, { x, y: bottom + 12, text: percent, fontSize: 11 }),
    Plot.text(['predicted time →'], { x: CHART.right, y: bottom + 30, textAnchor: 'end' }),
    Plot.line(dots, { x: 'x', y: 'y', stroke: '#999', strokeWidth: 1.5 }),
    Plot.dot(dots, { x: 'x', y: 'y', r: 4.5, fill: 'colour', stroke: 'white' }),
    Plot.text(apart(dots), { x: 'x', y: 'y', dx: 10, dy: -8, text: 'number', fontSize: 11 }),
    Plot.text(['planned'], heading('bytes', 'end')),
    Plot.text(['time'], heading('time', 'end')),
    Plot.text(['recomputed, beside what the lines above say'], heading('text', 'start')),
    Plot.text(dots, { ...line('number', 'end'), text: 'number', fill: 'colour', fontWeight: 'bold' }),
    Plot.text(dots, { ...line('bytes', 'end'), text: ({ bytes }: CandidateRow) => formatBytes(bytes) }),
    Plot.text(dots, { ...line('time', 'end'), text: ({ slowdown }: CandidateRow) => percent(slowdown) }),
    Plot.text(dots, {
      ...line('text', 'start'),
      text: ({ text, isShown }: CandidateRow) => (isShown ? `${text} (drawn above)` : text),
    }),
  ];
}

/** The dots that get a number: the last one, and the first of each crowded group. */
function apart<T extends { readonly x: number; readonly y: number }>(dots: readonly T[]): readonly T[] {
  const kept: T[] = dots.slice(-1);
  for (const dot of dots.slice(0, -1)) {
    if (kept.every(({ x, y }) => Math.hypot(x - dot.x, y - dot.y) >= LEAST_DISTANCE)) kept.push(dot);
  }
  return kept;
}

function percentTicks(most: number): readonly number[] {
  const step = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1].find((each) => most / each <= 5) ?? 2;
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** A fraction as `+2.5%`. */
function percent(part: number): string {
  return `+${Number((100 * part).toFixed(1))}%`;
}
