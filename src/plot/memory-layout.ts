export const WIDTH = 1280;
/** Of a line of the legend. */
export const HEAD_ROW = 20;
/** Where the arena is drawn, in pixels from the left. */
export const ARENA = { left: 84, right: 872, height: 440 } as const;
/** Of a line of the candidates. */
export const CANDIDATES_ROW = 19;
/** Below the arena: phases, parts, and what the axis is. */
const AXIS_HEIGHT = 76;
const CANDIDATES_HEAD = 62;
const LEAST_CANDIDATES = 170;

/** Title, subtitle and legend, and a line of headings. */
export function headHeight(legendRows: number): number {
  return 66 + legendRows * HEAD_ROW + 30;
}

export function candidatesTop(head: number): number {
  return head + ARENA.height + AXIS_HEIGHT;
}

export function pictureHeight(head: number, candidates: number): number {
  return candidatesTop(head) + CANDIDATES_HEAD + candidatesHeight(candidates);
}

/** Of the chart of candidates and its lines. */
export function candidatesHeight(candidates: number): number {
  return Math.max(LEAST_CANDIDATES, candidates * CANDIDATES_ROW + 10);
}

/** DejaVu Sans is this wide, about, in parts of its size. */
export function textWidth(text: string, fontSize: number): number {
  return 0.56 * fontSize * text.length;
}

/** Boxes that nobody would see are not drawn. */
export const LEAST_PIXELS = 0.35;

/** The first text that fits, else nothing. */
export function fitting(texts: readonly string[], width: number, fontSize: number): string {
  return texts.find((text) => textWidth(text, fontSize) <= width) ?? '';
}

/** Multiples of a power of two from 0 to `most`, at most `count` and the 0. */
export function byteTicks(most: number, count: number): readonly number[] {
  let step = 1;
  while (most / step > count) step *= 2;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}
