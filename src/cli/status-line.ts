import { type GenericFormatter, type Options, SingleBar } from 'cli-progress';
import { beginStatus, closeStatus, drawStatusLine, eraseStatusLine, terminalColumns } from './terminal.ts';

const SEPARATOR = '  ';
const SHORTEST_BAR = 5;
const LONGEST_BAR = 20;

/** A part of the status line. Those of worth 1 are essential; of the others, the highest number is dropped first. */
export type Field = TextField | BarField;

interface TextField {
  readonly text: string;
  /** Used where the essential fields do not fit. */
  readonly short?: string;
  readonly worth: number;
}

/** A progress bar. */
interface BarField {
  /** From 0 to 1. */
  readonly share: number;
  readonly worth: number;
}

/**
 * As many of the fields, in their order, as fit into one row; of equal worth the earlier is kept. The bar, at most one,
 * shrinks before a field is dropped. The last column stays empty: some terminals wrap as soon as it is written.
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
  /** Has no effect once it is closed. */
  update(done: number, total: number): void;
  close(): void;
}

/**
 * Opens a status line on a terminal, in place of the one before; it is redrawn every 100 ms.
 * @param describe its fields now; `etaMs` is undefined until there is a pace.
 */
export function openStatusLine(
  done: number,
  total: number,
  describe: (etaMs: number | undefined) => readonly Field[],
): StatusLine {
  const format: GenericFormatter = (_, { eta, maxWidth }) =>
    fitLine(describe(Number.isFinite(eta) ? 1000 * eta : undefined), maxWidth);
  /** `terminal` is missing in the types. `linewrap` leaves the terminal's setting alone. */
  const options: Options & { readonly terminal: object } = {
    format,
    terminal,
    linewrap: true,
    clearOnComplete: true,
    forceRedraw: true, // Also after something else wrote to the terminal, or its width changed.
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

/** What cli-progress calls to draw. Its own saves and restores the cursor, which fails once the screen has scrolled. */
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
