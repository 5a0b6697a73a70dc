import { encodeColumn } from './columns.ts';
import { knownEvent } from './known-event.ts';
import { type RunNews, STEP_COLUMNS, type StepColumn, type StepEvent } from './protocol.ts';

/** A longer line is no event: it is skipped without being kept. */
const LONGEST_LINE = 4 * 2 ** 20;
/** Steps in one message. */
const MOST_STEPS = 8192;

/** News, and the offset in the log behind what it tells of. */
export interface ReadNews {
  readonly seq: number;
  readonly news: RunNews;
}

/** Columns of steps in a row. */
export interface StepRun {
  readonly from: number;
  readonly count: number;
  readonly columns: Readonly<Record<StepColumn, Float32Array>>;
}

export function encodeSteps({ from, count, columns }: StepRun): RunNews {
  const encoded = STEP_COLUMNS.map((name) => [name, encodeColumn(columns[name].subarray(0, count))] as const);
  return { kind: 'steps', from, count, columns: Object.fromEntries(encoded) as Record<StepColumn, string> };
}

/** Collects steps in a row until there is other news. */
export class StepCollector {
  #columns = newColumns(FEW_STEPS);
  #from = 0;
  #count = 0;

  /** @returns what is finished by this step: steps before a gap, or as many as one message has. */
  add(step: StepEvent): StepRun | undefined {
    const isNext = this.#count > 0 && step.globalStep === this.#from + this.#count;
    const finished = this.#count > 0 && (!isNext || this.#count === MOST_STEPS) ? this.take() : undefined;
    if (this.#count === 0) this.#from = step.globalStep;
    if (this.#count === this.#columns.loss.length) this.#columns = newColumns(2 * this.#count, this.#columns);
    for (const name of STEP_COLUMNS) this.#columns[name][this.#count] = step[name] ?? Number.NaN;
    this.#count++;
    return finished;
  }

  take(): StepRun | undefined {
    if (this.#count === 0) return undefined;
    const taken = { from: this.#from, count: this.#count, columns: this.#columns };
    this.#columns = newColumns(FEW_STEPS);
    this.#count = 0;
    return taken;
  }
}

const FEW_STEPS = 64;

function newColumns(
  length: number,
  before?: Record<StepColumn, Float32Array>,
): Record<StepColumn, Float32Array> {
  const columns = STEP_COLUMNS.map((name) => {
    const column = new Float32Array(length);
    if (before) column.set(before[name]);
    return [name, column] as const;
  });
  return Object.fromEntries(columns) as Record<StepColumn, Float32Array>;
}

/** Reads a log as it grows, in whatever pieces: lines that are no events are counted and left out. */
export class LogReader {
  readonly #decoder = new TextDecoder();
  readonly #steps = new StepCollector();
  /** The beginning of a line whose end is still to come; undefined within a line that is too long. */
  #pending: Uint8Array[] | undefined = [];
  #pendingBytes = 0;
  #offset: number;
  #skipped = 0;

  /** @param offset of the first byte that will be read: the beginning of a line. */
  constructor(offset = 0) {
    this.#offset = offset;
  }

  /** Offset behind the last whole line. */
  get seq(): number {
    return this.#offset;
  }

  /** Lines that were no events. */
  get skipped(): number {
    return this.#skipped;
  }

  /** @returns the news of the lines that are whole now; steps are told of at the end of each piece. */
  read(bytes: Uint8Array): readonly ReadNews[] {
    const found: ReadNews[] = [];
    const first = bytes.indexOf(NEWLINE);
    if (first < 0) {
      this.#keep(bytes);
      return found;
    }
    this.#endLine(bytes.subarray(0, first), found);
    const last = bytes.lastIndexOf(NEWLINE);
    this.#lines(bytes.subarray(first + 1, last + 1), found);
    this.#keep(bytes.subarray(last + 1));
    const steps = this.#steps.take();
    if (steps) found.push({ seq: this.#offset, news: encodeSteps(steps) });
    return found;
  }

  /** Whole lines: decoded at once where a character is a byte, so that offsets are known. */
  #lines(bytes: Uint8Array, found: ReadNews[]): void {
    const text = this.#decoder.decode(bytes);
    const isAscii = text.length === bytes.length;
    for (let start = 0; start < bytes.length; ) {
      const end = isAscii ? text.indexOf('\n', start) : bytes.indexOf(NEWLINE, start);
      const isLong = end - start > LONGEST_LINE;
      const line = isAscii ? text.slice(start, end) : this.#decoder.decode(bytes.subarray(start, end));
      this.#line(isLong ? undefined : line, end + 1 - start, found);
      start = end + 1;
    }
  }

  #keep(rest: Uint8Array): void {
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > LONGEST_LINE) this.#pending = undefined;
    else if (rest.length > 0) this.#pending?.push(rest.slice());
  }

  /** The end of a line whose beginning came with earlier pieces, if there was one. */
  #endLine(end: Uint8Array, found: ReadNews[]): void {
    const bytes = this.#pendingBytes + end.length;
    const pieces = bytes > LONGEST_LINE ? undefined : this.#pending;
    const line = pieces && (pieces.length === 0 ? end : concat([...pieces, end]));
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#line(line && this.#decoder.decode(line), bytes + 1, found);
  }

  /** @param line undefined: it was too long to be kept. */
  #line(line: string | undefined, bytes: number, found: ReadNews[]): void {
    const before = this.#offset;
    this.#offset += bytes;
    const json = line === undefined ? undefined : parse(line);
    const event = json === undefined ? undefined : knownEvent(json);
    if (!event) {
      if (line !== '') this.#skipped++;
      return;
    }
    if (event.kind === 'step') {
      const finished = this.#steps.add(event);
      if (finished) found.push({ seq: before, news: encodeSteps(finished) });
      return;
    }
    const steps = this.#steps.take();
    if (steps) found.push({ seq: before, news: encodeSteps(steps) });
    const { time } = json as { readonly time?: unknown };
    found.push({
      seq: this.#offset,
      news: { kind: 'event', event, ...(typeof time === 'string' && { time }) },
    });
  }
}

const NEWLINE = 10;

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Torn or damaged.
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
