import * as Plot from '@observablehq/plot';
import { labelRows } from './label-column.ts';
import { ARENA, byteTicks, fitting, LEAST_PIXELS, textWidth } from './memory-layout.ts';
import type { MemoryBlock, MemoryPicture, Span } from './memory-types.ts';

interface Box {
  readonly x1: number;
  readonly x2: number;
  readonly y1: number;
  readonly y2: number;
}

const SMALL = 10.5;
/** Position of the cross-section of the arena at its peak, in pixels. */
const SLICE = { left: ARENA.right + 16, right: ARENA.right + 38, labels: ARENA.right + 64 } as const;
const SLICE_LABELS = 22;
const LINE = 16;
/** Colors that need dark text. */
const LIGHT = new Set(['#56b4e9', '#e69f00', '#cc79a7', '#bdbdbd']);

/** The plot of the arena. @param top of the arena, in pixels. */
export function arenaMarks(picture: MemoryPicture, top: number) {
  const { blocks, records, arenaBytes, peak, phases, parts, groups, formatBytes } = picture;
  const bottom = top + ARENA.height;
  const x = (record: number) => ARENA.left + ((ARENA.right - ARENA.left) * record) / records;
  const y = (bytes: number) => bottom - (ARENA.height * bytes) / arenaBytes;
  const boxOf = ({ first, last, offset, bytes }: MemoryBlock): Box => ({
    x1: x(first),
    x2: x(Math.min(last + 1, records)),
    y1: y(offset + bytes),
    y2: y(offset),
  });
  const colours = new Map(groups.map(({ name, colour }) => [name, colour]));
  const colourOf = ({ group }: MemoryBlock) => colours.get(group) ?? '#000';
  const drawn = blocks
    .map((block) => ({ ...block, ...boxOf(block), colour: colourOf(block) }))
    .filter(({ y1, y2 }) => y2 - y1 >= LEAST_PIXELS);
  const labelled = drawn.flatMap((block) => {
    const label = labelIn(block, block.reason, formatBytes(block.bytes));
    return label ? [{ ...block, ...label }] : [];
  });
  const isUpright = ({ rotate }: (typeof labelled)[number]) => rotate === 0;
  const ticks = byteTicks(arenaBytes, 8);
  const [peakLeft, peakRight] = [x(peak.record), x(peak.record + 1)];
  const middle = (peakLeft + peakRight) / 2;
  // The label of the peak is centered above it, or moved to stay within the plot.
  const half = textWidth(peak.text, 12) / 2;
  const peakTextX = Math.min(Math.max(middle, ARENA.left + half), ARENA.right - half);
  const names = (spans: readonly Span[], size: number) =>
    spans.map((span) => ({
      ...span,
      text: fitting(span.names, x(span.last + 1) - x(span.first) - 2, size),
    }));
  const spanBox = (height: number, dy: number) => ({
    x1: ({ first }: Span) => x(first),
    x2: ({ last }: Span) => x(last + 1),
    y1: bottom + dy,
    y2: bottom + dy + height,
    stroke: 'white',
    strokeWidth: 0.75,
  });
  const spanText = (dy: number, fontSize: number) => ({
    x: ({ first, last }: Span) => (x(first) + x(last + 1)) / 2,
    y: bottom + dy,
    text: 'text',
    fontSize,
  });
  return [
    Plot.rect([0], { x1: ARENA.left, x2: ARENA.right, y1: top, y2: bottom, fill: '#f3f3f3' }),
    Plot.ruleY(ticks, { y, x1: ARENA.left - 4, x2: ARENA.right, stroke: '#ccc' }),
    Plot.text(ticks, { x: ARENA.left - 8, y, text: formatBytes, textAnchor: 'end', fontSize: 11 }),
    Plot.rect(drawn, {
      x1: 'x1',
      x2: 'x2',
      y1: 'y1',
      y2: 'y2',
      fill: 'colour',
      stroke: 'white',
      strokeWidth: ({ x1, x2, y1, y2 }: Box) => Math.min(0.75, (x2 - x1) / 5, (y2 - y1) / 5),
    }),
    ...[true, false].map((upright) =>
      Plot.text(
        labelled.filter((label) => isUpright(label) === upright),
        {
          x: (block: Box) => (block.x1 + block.x2) / 2,
          y: (block: Box) => (block.y1 + block.y2) / 2,
          text: 'text',
          fill: ({ colour }: { readonly colour: string }) => (LIGHT.has(colour) ? '#111' : 'white'),
          fontSize: SMALL,
          rotate: upright ? 0 : -90,
        },
      ),
    ),
    Plot.rect(phases, { ...spanBox(18, 6), fill: '#dcdcdc' }),
    Plot.text(names(phases, 12), { ...spanText(15, 12), fontWeight: 'bold' }),
    Plot.rect(parts, { ...spanBox(16, 26), fill: '#ededed' }),
    Plot.text(names(parts, 10), spanText(34, 10)),
    Plot.text([`the ${records} records of a step →`], {
      x: ARENA.right,
      y: bottom + 56,
      textAnchor: 'end',
    }),
    Plot.text(['↑ bytes of the arena'], { x: 14, y: top - 14, textAnchor: 'start' }),
    Plot.ruleX([middle], { x: middle, y1: top - 5, y2: bottom + 6, stroke: '#111', strokeDasharray: '4,3' }),
    Plot.text([peak.text], { x: peakTextX, y: top - 14, fontWeight: 'bold' }),
    ...sliceMarks(picture, drawn, top),
  ];
}

/** The buffers at the peak, at the same vertical positions as in the arena, with labels. */
function sliceMarks(
  { peak, formatBytes }: MemoryPicture,
  drawn: readonly (MemoryBlock & Box & { readonly colour: string })[],
  top: number,
) {
  const bottom = top + ARENA.height;
  const atPeak = drawn.filter(({ first, last }) => first <= peak.record && peak.record <= last);
  const named = joined(atPeak)
    .filter(({ y1, y2 }) => y2 - y1 >= 2)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, SLICE_LABELS);
  const points = named.map(({ y1, y2 }) => ({ x: SLICE.right, y: (y1 + y2) / 2 }));
  const column = { x: SLICE.labels - 4, top: top + 6, bottom: bottom - 6, lineHeight: LINE };
  const rows = labelRows(points, column);
  const others = named.reduce((left, { count }) => left - count, atPeak.length);
  const box = { x1: SLICE.left, x2: SLICE.right };
  return [
    Plot.rect([0], { ...box, y1: top, y2: bottom, fill: '#f3f3f3' }),
    Plot.rect(atPeak, {
      ...box,
      y1: 'y1',
      y2: 'y2',
      fill: 'colour',
      stroke: 'white',
      strokeWidth: 0.5,
    }),
    Plot.link(named, {
      x1: SLICE.right + 2,
      x2: SLICE.labels - 4,
      y1: (_: unknown, i: number) => points[i]!.y,
      y2: rows,
      stroke: 'colour',
      strokeOpacity: 0.7,
    }),
    Plot.text(named, {
      x: SLICE.labels,
      y: rows,
      text: ({ bytes, reason, count }: Named) =>
        `${formatBytes(bytes)}\u2002${reason}${count > 1 ? ` (${count})` : ''}`,
      textAnchor: 'start',
      fontSize: 11,
    }),
    Plot.text([`at the peak${others > 0 ? `, and ${others} smaller` : ''}`], {
      x: SLICE.left,
      y: top - 14,
      textAnchor: 'start',
      fontWeight: 'bold',
    }),
  ];
}

/** A label that fits into a box: in one line, in three lines, or rotated. */
function labelIn({ x1, x2, y1, y2 }: Box, reason: string, bytes: string) {
  const [width, height] = [x2 - x1 - 6, y2 - y1 - 6];
  const texts = [`${reason}, ${bytes}`, `${reason.replace(' of ', ' of\n')}\n${bytes}`, reason];
  const fits = (text: string, along: number, across: number) => {
    const lines = text.split('\n');
    const room = (lines.length - 1) * SMALL * 1.1 + SMALL - 4;
    return across >= room && lines.every((line) => textWidth(line, SMALL) <= along);
  };
  const flat = texts.find((text) => fits(text, width, height));
  if (flat) return { text: flat, rotate: 0 };
  const tall = texts.find((text) => fits(text, height, width));
  return tall ? { text: tall, rotate: -90 } : undefined;
}

interface Named {
  readonly reason: string;
  readonly count: number;
  readonly bytes: number;
  readonly y1: number;
  readonly y2: number;
  readonly colour: string;
}

/** Merges adjacent buffers with the same purpose. */
function joined(blocks: readonly Omit<Named, 'count'>[]): readonly Named[] {
  const runs: Named[] = [];
  for (const block of [...blocks].sort((a, b) => b.y2 - a.y2)) {
    const below = runs.at(-1);
    if (below?.reason === block.reason && below.y1 - block.y2 < 1) {
      const { count, bytes } = below;
      runs[runs.length - 1] = { ...below, count: count + 1, bytes: bytes + block.bytes, y1: block.y1 };
    } else runs.push({ ...block, count: 1 });
  }
  return runs;
}
