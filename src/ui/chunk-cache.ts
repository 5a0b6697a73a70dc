import type { FileHandle } from 'node:fs/promises';

/** All chunks together. */
const MOST_BYTES = 40 * 2 ** 20;
/** At both ends of a stretch of the log: lines have their time, so a log that was cut and grew again differs there. */
const SAMPLE_BYTES = 160;

/** Messages of a stretch of a log, as bytes. */
export interface Chunk {
  /** Offset behind the stretch. */
  readonly end: number;
  readonly lines: Buffer;
}

interface Kept extends Chunk {
  readonly samples: string;
}

/** Messages that were made of a log before, for the next reader. The longest unused go first. */
export class ChunkCache {
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  async get(id: string, start: number, log: FileHandle): Promise<Chunk | undefined> {
    const key = `${id} ${start}`;
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#drop(key, kept);
    if ((await samplesOf(log, start, kept.end)) !== kept.samples) return undefined;
    this.#keep(key, kept);
    return kept;
  }

  async put(id: string, start: number, chunk: Chunk, log: FileHandle): Promise<void> {
    const key = `${id} ${start}`;
    const before = this.#kept.get(key);
    if (before) this.#drop(key, before);
    this.#keep(key, { ...chunk, samples: await samplesOf(log, start, chunk.end) });
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= MOST_BYTES) break;
      this.#drop(oldest, kept);
    }
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#bytes += kept.lines.length;
  }

  #drop(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#bytes -= kept.lines.length;
  }
}

async function samplesOf(log: FileHandle, start: number, end: number): Promise<string> {
  const length = Math.min(SAMPLE_BYTES, end - start);
  const samples = Buffer.alloc(2 * length);
  await Promise.all([log.read(samples, 0, length, start), log.read(samples, length, length, end - length)]);
  return samples.toString('latin1');
}
