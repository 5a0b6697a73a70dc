import * as Plot from '@observablehq/plot';
import { arenaMarks } from './memory-arena.ts';
import { candidateMarks } from './memory-candidates.ts';
import {
  ARENA,
  candidatesTop,
  HEAD_ROW,
  headHeight,
  LEAST_PIXELS,
  pictureHeight,
  WIDTH,
} from './memory-layout.ts';
import type { MemoryPicture } from './memory-types.ts';
import { svgOf } from './svg.ts';

const LEGEND_COLUMNS = 5;

/**
 * Plots the arena of a program: one rectangle per buffer, whose width is its lifetime and whose height its bytes,
 * at its offset; beside it the buffers at the peak; below it the time of candidates that need less memory.
 * @returns SVG text.
 */
export function memorySvg(document: Document, picture: MemoryPicture): string {
  const { title, subtitle, blocks, arenaBytes } = picture;
  const seen = new Set(
    blocks.flatMap(({ bytes, group }) => (bytes * ARENA.height >= LEAST_PIXELS * arenaBytes ? [group] : [])),
  );
  const groups = picture.groups.filter(({ name }) => seen.has(name));
  const head = headHeight(Math.ceil(groups.length / LEGEND_COLUMNS));
  const height = pictureHeight(head, picture.candidates.length);
  const at = (dx: number, dy: number) => ({ frameAnchor: 'top-left', dx, dy }) as const;
  const plot = Plot.plot({
    document,
    width: WIDTH,
    height,
    margin: 0,
    style: { fontFamily: 'DejaVu Sans, sans-serif', fontSize: '12px', background: 'white' },
    x: { axis: null, type: 'identity' },
    y: { axis: null, type: 'identity' },
    marks: [
      Plot.text([title], { ...at(14, 14), fontSize: 16, fontWeight: 'bold' }),
      Plot.text([subtitle], { ...at(14, 40), fontSize: 13, fill: '#333' }),
      ...groups.flatMap(({ name, colour }, i) => {
        const [left, top] = [14 + (i % LEGEND_COLUMNS) * 250, 66 + Math.floor(i / LEGEND_COLUMNS) * HEAD_ROW];
        return [
          Plot.text(['■'], { ...at(left, top - 2), fill: colour, fontSize: 16 }),
          Plot.text([name], at(left + 18, top)),
        ];
      }),
      ...arenaMarks(picture, head),
      ...candidateMarks(picture, candidatesTop(head)),
    ],
  });
  return svgOf(plot);
}
