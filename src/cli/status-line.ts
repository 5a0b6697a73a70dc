import { type GenericFormatter, type Options, SingleBar } from 'cli-progress';
import { beginStatus, closeStatus, drawStatusLine, eraseStatusLine, terminalColumns } from './terminal.ts';

const SEPARATOR = '  ';
const SHORTEST_BAR = 5;
const LONGEST_BAR = 20;

/**
 * A field of the status line. Fields of worth 1 are always shown; of the others, the highest number is dropped
 * first.
 */
export type Field = TextField | BarField;

interface TextField {
  readonly text: string;
  /** Used if the fields of worth 1 do not fit. */
  readonly short?: string;
  readonly worth: number;
}

/** A progress bar. */
interface BarField {
  /** Fraction from 0 to 1. */
  readonly share: number;
  readonly worth: number;
}

/**
 * Joins as many fields as fit into one row, in order; of fields with equal worth, later ones are dropped first.
 * The bar (at most one) shrinks before a field is dropped. The last column stays empty, because some terminals
 * wrap after writing it.
 */
export function fitLine(fields: readonly Field[], columns: number): string {
  const room = columns - 1;
  const essential = fields.filter(({ worth }) => worth === 1);
  const isShort = joined(essential, false, SHORTEST_BAR).length > room;
  const kept = new Set<Field>();
  for (const field of [...fields].sort((a, b) => a.worth - b.worth)) {
    const more = fields.filter((each) => each === field || kept.has(each));
    if (kept.size > 0 && joined(more, isShort, SHORTEST_BAR).length > room) break;
    kept.add(field);
  }
  const shown = fields.filter((field) => kept.has(field));
  const left = room - joined(shown, isShort, SHORTEST_BAR).length;
  return joined(shown, isShort, Math.min(LONGEST_BAR, SHORTEST_BAR + left)).slice(0, room);
}

function joined(fields: readonly Field[], isShort: boolean, barLength: number): string {
  return fields
    .map((field) => {
      if (!('share' in field)) return isShort ? (field.short ?? field.text) : field.text;
      const done = Math.round(Math.min(Math.max(field.share, 0), 1) * barLength);
      return `[${'='.repeat(done)}${'-'.repeat(barLength - done)}]`;
    })
    .join(SEPARATOR);
}

export interface StatusLine {
  /** Has no effect after `close`. */
  update(done: number, total: number): void;
  close(): void;
}

/**
 * Opens a status line on a terminal, which replaces the previous one; it is redrawn every 100 ms.
 * @param describe returns its current fields; `etaMs`, the remaining time, is undefined at first.
 */
export function openStatusLine(
  done: number,
  total: number,
  describe: (etaMs: number | undefined) => readonly Field[],
): StatusLine {
  const format: GenericFormatter = (_, { eta, maxWidth }) =>
    fitLine(describe(Number.isFinite(eta) ? 1000 * eta : undefined), maxWidth);
  /** The types lack `terminal`. `linewrap`: do not change the terminal's setting. */
  const options: Options & { readonly terminal: object } = {
    format,
    terminal,
    linewrap: true,
    clearOnComplete: true,
    forceRedraw: true, // Redraws also after other output or a change of width.
  };
  const bar = new SingleBar(options);
  const status = { draw: () => bar.render(), close: () => bar.stop() };
  beginStatus(status);
  bar.start(total, done);
  return {
    update(now, of) {
      bar.setTotal(of);
      bar.update(now);
    },
    close: () => closeStatus(status),
  };
}

/**
 * Terminal functions for cli-progress. Its own save and restore the cursor, which fails if the screen has
 * scrolled.
 */
const terminal = {
  isTTY: () => true,
  getWidth: terminalColumns,
  cursorSave() {},
  cursorRestore() {},
  cursorTo() {},
  write: drawStatusLine,
  clearRight() {},
  clearLine: eraseStatusLine,
};
