import type { FileHandle } from 'node:fs/promises';

/** All chunks together. */
const MOST_BYTES = 40 * 2 ** 20;
/** At both ends of a stretch of the log: lines have their time, so a log that was cut and grew again differs there. */
const SAMPLE_BYTES = 160;

/** Stretches that follow each other are kept as one, up to so many bytes of messages: they are checked and sent at once. */
const GATHERED_BYTES = 2 ** 20;

/** Messages of a stretch of a log, as bytes. */
export interface Chunk {
  /** Offset behind the stretch. */
  readonly end: number;
  readonly lines: readonly Buffer[];
}

interface Kept extends Chunk {
  readonly bytes: number;
  readonly samples: string;
}

/** Messages that were made of a log before, for the next reader. The longest unused go first. */
export class ChunkCache {
  readonly #kept = new Map<string, Kept>();
  /** Where the latest stretch of each log begins. */
  readonly #latest = new Map<string, number>();
  #bytes = 0;

  async get(id: string, start: number, log: FileHandle): Promise<Chunk | undefined> {
    const key = `${id} ${start}`;
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    const isSame = await isUnchanged(log, start, kept);
    if (this.#kept.get(key) === kept) this.#drop(key);
    if (!isSame) return undefined;
    this.#keep(key, kept);
    return kept;
  }

  async put(id: string, start: number, end: number, lines: Buffer, log: FileHandle): Promise<void> {
    const before = await this.#before(id, start, log);
    const from = before?.start ?? start;
    const samples = await samplesOf(log, from, end);
    const { lines: earlier = [], bytes = 0 } = before?.kept ?? {};
    this.#keep(`${id} ${from}`, { end, lines: [...earlier, lines], bytes: bytes + lines.length, samples });
    this.#latest.set(id, from);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#drop(oldest);
    }
  }

  /** The stretch that ends where another begins, unless it is long enough, or the log has changed there. */
  async #before(
    id: string,
    start: number,
    log: FileHandle,
  ): Promise<{ readonly start: number; readonly kept: Kept } | undefined> {
    const latest = this.#latest.get(id);
    if (latest === undefined) return undefined;
    const kept = this.#kept.get(`${id} ${latest}`);
    if (kept?.end !== start || kept.bytes >= GATHERED_BYTES) return undefined;
    return (await isUnchanged(log, latest, kept)) ? { start: latest, kept } : undefined;
  }

  #keep(key: string, kept: Kept): void {
    this.#drop(key);
    this.#kept.set(key, kept);
    this.#bytes += kept.bytes;
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}

async function isUnchanged(log: FileHandle, start: number, { end, samples }: Kept): Promise<boolean> {
  return (await samplesOf(log, start, end)) === samples;
}

async function samplesOf(log: FileHandle, start: number, end: number): Promise<string> {
  const length = Math.min(SAMPLE_BYTES, end - start);
  const samples = Buffer.alloc(2 * length);
  await Promise.all([log.read(samples, 0, length, start), log.read(samples, length, length, end - length)]);
  return samples.toString('latin1');
}
