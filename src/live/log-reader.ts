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
  #columns = newColumns();
  #from = 0;
  #count = 0;

  /** @returns what is finished by this step: steps before a gap, or as many as one message has. */
  add(step: StepEvent): StepRun | undefined {
    const isNext = this.#count > 0 && step.globalStep === this.#from + this.#count;
    const finished = this.#count > 0 && (!isNext || this.#count === MOST_STEPS) ? this.take() : undefined;
    if (this.#count === 0) this.#from = step.globalStep;
    for (const name of STEP_COLUMNS) this.#columns[name][this.#count] = step[name] ?? Number.NaN;
    this.#count++;
    return finished;
  }

  take(): StepRun | undefined {
    if (this.#count === 0) return undefined;
    const taken = { from: this.#from, count: this.#count, columns: this.#columns };
    this.#columns = newColumns();
    this.#count = 0;
    return taken;
  }
}

function newColumns(): Record<StepColumn, Float32Array> {
  return Object.fromEntries(STEP_COLUMNS.map((name) => [name, new Float32Array(MOST_STEPS)])) as Record<
    StepColumn,
    Float32Array
  >;
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
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#line(bytes.subarray(start, end), found);
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
    const steps = this.#steps.take();
    if (steps) found.push({ seq: this.#offset, news: encodeSteps(steps) });
    return found;
  }

  #keep(rest: Uint8Array): void {
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > LONGEST_LINE) this.#pending = undefined;
    else if (rest.length > 0) this.#pending?.push(rest.slice());
  }

  #line(end: Uint8Array, found: ReadNews[]): void {
    const before = this.#offset;
    this.#offset += this.#pendingBytes + end.length + 1;
    const pieces = this.#pendingBytes + end.length > LONGEST_LINE ? undefined : this.#pending;
    const line = pieces && (pieces.length === 0 ? end : concat([...pieces, end]));
    this.#pending = [];
    this.#pendingBytes = 0;
    const json = line && parse(this.#decoder.decode(line));
    const event = json === undefined ? undefined : knownEvent(json);
    if (!event) {
      if (end.length > 0 || !line) this.#skipped++;
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
