export const WIDTH = 1280;
/** Height of a row of the legend, in pixels. */
export const HEAD_ROW = 20;
/** Horizontal position and height of the arena, in pixels. */
export const ARENA = { left: 84, right: 872, height: 440 } as const;
/** Height of a row of the table of candidates, in pixels. */
export const CANDIDATES_ROW = 19;
/** Height of the area below the arena: phases, parts and axis label. */
const AXIS_HEIGHT = 76;
const CANDIDATES_HEAD = 62;
const LEAST_CANDIDATES = 170;

/** Height of title, subtitle, legend and column headings, in pixels. */
export function headHeight(legendRows: number): number {
  return 66 + legendRows * HEAD_ROW + 30;
}

export function candidatesTop(head: number): number {
  return head + ARENA.height + AXIS_HEIGHT;
}

export function pictureHeight(head: number, candidates: number): number {
  return candidatesTop(head) + CANDIDATES_HEAD + candidatesHeight(candidates);
}

/** Height of the chart and the table of candidates, in pixels. */
export function candidatesHeight(candidates: number): number {
  return Math.max(LEAST_CANDIDATES, candidates * CANDIDATES_ROW + 10);
}

/** Approximate width of a text in DejaVu Sans, in pixels. */
export function textWidth(text: string, fontSize: number): number {
  return 0.56 * fontSize * text.length;
}

/** Boxes smaller than this are not drawn. */
export const LEAST_PIXELS = 0.35;

/** The first text that fits; empty if none does. */
export function fitting(texts: readonly string[], width: number, fontSize: number): string {
  return texts.find((text) => textWidth(text, fontSize) <= width) ?? '';
}

/** Axis ticks: 0, and at most `count` multiples of a power of two up to `most`. */
export function byteTicks(most: number, count: number): readonly number[] {
  let step = 1;
  while (most / step > count) step *= 2;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}
