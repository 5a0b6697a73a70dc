import type { FileHandle } from 'node:fs/promises';
import { LogReader } from '../live/log-reader.ts';
import type { RunMessage, RunNews } from '../live/protocol.ts';
import type { ChunkCache } from './chunk-cache.ts';
import type { RunFiles, RunPlace } from './run-files.ts';

/** Small: what is read and parsed at once stays young, and is freed at once. */
const PIECE_BYTES = 2 ** 17;
const SAMPLE_BYTES = 80;

/** Follows one log for one reader: lines of messages, from an offset on. */
export class LogFollower {
  readonly place: RunPlace;
  readonly #files: RunFiles;
  readonly #cache: ChunkCache;
  #reader: LogReader;
  /** Bytes that the reader was given. */
  #position: number;
  /** The last bytes before the position, to know them again. */
  #before = '';
  #isNew: boolean;
  #bytes: Buffer | undefined;

  /** @param after the offset behind what is known already; 0: nothing is. */
  constructor(place: RunPlace, after: number, files: RunFiles, cache: ChunkCache) {
    this.place = place;
    this.#files = files;
    this.#cache = cache;
    this.#reader = new LogReader(after);
    this.#position = after;
    this.#isNew = after === 0;
  }

  /** What has been added to the log, in small pieces, up to its end. */
  async *news(): AsyncGenerator<Buffer> {
    const log = await this.#files.openLog(this.place);
    if (!log) return;
    try {
      for (let pieces = await this.#read(log); pieces; pieces = await this.#read(log)) yield* pieces;
    } finally {
      await log.close();
    }
  }

  lineOf(news: RunNews, seq = this.#reader.seq): string {
    return `${JSON.stringify({ v: 1, run: this.place.id, seq, ...news } satisfies RunMessage)}\n`;
  }

  /** @returns undefined at the end of the log. */
  async #read(log: FileHandle): Promise<readonly Buffer[] | undefined> {
    const { size } = await log.stat();
    if (await this.#isCut(log, size)) {
      this.#goTo(0);
      this.#isNew = true;
    }
    const hello = this.#isNew
      ? [Buffer.from(this.lineOf({ kind: 'hello', phase: 'preparing', steps: 0 }, 0))]
      : [];
    const isAtEnd = size === this.#position && !this.#isNew;
    this.#isNew = false;
    if (isAtEnd) {
      this.#bytes = undefined; // Most of the time there is little to read.
      return undefined;
    }
    const start = this.#position;
    const isLineStart = start === this.#reader.seq;
    const known = isLineStart ? await this.#cache.get(this.place.id, start, log) : undefined;
    if (known) {
      this.#goTo(known.end);
      return [...hello, ...known.lines];
    }
    this.#bytes ??= Buffer.allocUnsafe(PIECE_BYTES);
    const bytes = this.#bytes;
    const { bytesRead } = await log.read(bytes, 0, Math.min(PIECE_BYTES, size - start), start);
    const lines = Buffer.from(
      this.#reader
        .read(bytes.subarray(0, bytesRead))
        .map(({ seq, news }) => this.lineOf(news, seq))
        .join(''),
    );
    const { seq } = this.#reader;
    if (seq <= start) {
      this.#position += bytesRead; // Within a line that is longer than the piece, or not written to its end.
      return [...hello, lines];
    }
    if (isLineStart && bytesRead === PIECE_BYTES)
      await this.#cache.put(this.place.id, start, seq, lines, log);
    this.#goTo(seq); // The beginning of a line is read again: others begin there as well.
    this.#before = bytes.toString('latin1', Math.max(0, seq - start - SAMPLE_BYTES), seq - start);
    return [...hello, lines];
  }

  #goTo(position: number): void {
    this.#reader = new LogReader(position);
    this.#position = position;
    this.#before = '';
  }

  /** A run that is resumed cuts its log, and may have written as much again since it was looked at. */
  async #isCut(log: FileHandle, size: number): Promise<boolean> {
    if (size < this.#position) return true;
    const { length } = this.#before;
    if (size === this.#position || length === 0) return false;
    const bytes = Buffer.alloc(length);
    await log.read(bytes, 0, length, this.#reader.seq - length);
    return bytes.toString('latin1') !== this.#before;
  }
}
