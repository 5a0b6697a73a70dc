import type { TrainTest } from 'densor/browser';
import { readSlot, type SlotContent, type SyncFile, writeAll, writeSlot } from './slots.ts';

/** A run in the browser's own files. */
export interface StoredRun {
  readonly id: string;
  readonly name: string;
  readonly model: string;
  readonly source: 'sample' | 'files';
  readonly createdAt: string;
}

const RUNS = 'runs';

async function runsFolder(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(RUNS, { create: true });
}

/** The runs that are stored, the newest first. What is no run is left out. */
export async function storedRuns(): Promise<readonly StoredRun[]> {
  const found: StoredRun[] = [];
  const runs = await runsFolder();
  for await (const id of runs.keys()) {
    const run = await runs
      .getDirectoryHandle(id)
      .then(metaOf)
      .catch(() => undefined);
    if (run) found.push(run);
  }
  return found.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

/** @throws Error where the folder holds no run: what is left of one that the browser has deleted. */
async function metaOf(folder: FileSystemDirectoryHandle): Promise<StoredRun> {
  const run = JSON.parse(
    await (await (await folder.getFileHandle('meta.json')).getFile()).text(),
  ) as StoredRun;
  const { id, name, model, createdAt } = run;
  if ([id, name, model, createdAt].some((each) => typeof each !== 'string'))
    throw new Error('this is no run');
  return run;
}

/** The log of a run, as far as it is in its file. */
export async function storedLog(id: string): Promise<Uint8Array> {
  const folder = await (await runsFolder()).getDirectoryHandle(id);
  const file = await (await folder.getFileHandle('log.jsonl')).getFile();
  return new Uint8Array(await file.arrayBuffer());
}

export async function deleteRun(id: string): Promise<void> {
  await (await runsFolder()).removeEntry(id, { recursive: true });
}

/** Bytes that this browser keeps for the page, and how many it would keep. */
export async function storedBytes(): Promise<{ readonly used: number; readonly quota: number }> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return { used: usage, quota };
}

type OpenSync = { createSyncAccessHandle(): Promise<SyncFile> };

/** The files of a run, for the worker that trains it. */
export class RunFolder {
  readonly #folder: FileSystemDirectoryHandle;
  readonly run: StoredRun;
  #log: SyncFile | undefined;
  #logBytes = 0;

  private constructor(folder: FileSystemDirectoryHandle, run: StoredRun) {
    this.#folder = folder;
    this.run = run;
  }

  static async create(run: StoredRun): Promise<RunFolder> {
    const folder = await (await runsFolder()).getDirectoryHandle(run.id, { create: true });
    const made = new RunFolder(folder, run);
    await made.#write('meta.json', new TextEncoder().encode(JSON.stringify(run)));
    return made;
  }

  static async open(id: string): Promise<RunFolder> {
    const folder = await found((await runsFolder()).getDirectoryHandle(id), 'there is no such run');
    return new RunFolder(folder, await metaOf(folder));
  }

  /** Opens the log, cut to a length. */
  async openLog(keepBytes: number): Promise<void> {
    this.#log = await this.#sync('log.jsonl');
    this.#logBytes = Math.min(keepBytes, this.#log.getSize());
    this.#log.truncate(this.#logBytes);
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  appendLog(bytes: Uint8Array): void {
    writeAll(this.#log!, bytes, this.#logBytes);
    this.#logBytes += bytes.length;
  }

  readLog(): Uint8Array {
    const bytes = new Uint8Array(this.#logBytes);
    this.#log!.read(bytes, { at: 0 });
    return bytes;
  }

  closeLog(): void {
    this.#log?.flush();
    this.#log?.close();
    this.#log = undefined;
  }

  async saveCheckpoint(which: 'last' | 'best', bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#log?.flush();
    await this.#withSlots(which, (slots) => writeSlot(slots, { bytes, logBytes: this.#logBytes }));
  }

  async loadCheckpoint(which: 'last' | 'best'): Promise<SlotContent | undefined> {
    return this.#withSlots(which, readSlot);
  }

  /** Waits for others, of all tabs: a file that somebody has open is refused. */
  #withSlots<T>(name: string, work: (slots: [SyncFile, SyncFile]) => T): Promise<T> {
    return navigator.locks.request(`densor-slots-${this.run.id}-${name}`, async () => {
      const slots: SyncFile[] = [];
      try {
        for (const i of [0, 1]) slots.push(await this.#sync(`${name}-${i}`));
        return work(slots as [SyncFile, SyncFile]);
      } finally {
        for (const slot of slots) slot.close();
      }
    });
  }

  /** Images as the network reads them, and where each came from. */
  async saveData({ train, test }: TrainTest): Promise<void> {
    for (const [name, set] of Object.entries({ train, test })) {
      const { height, width, channels, count, labels, classNames, files = [] } = set;
      const bytes = height * width * channels;
      const pixels = new Uint8Array(count * bytes);
      for (let i = 0; i < count; i++) {
        const image = pixels.subarray(i * bytes, (i + 1) * bytes);
        if (set.pixels instanceof Uint8Array) image.set(set.pixels.subarray(i * bytes, (i + 1) * bytes));
        else set.pixels.read(i * bytes, image);
      }
      const rest = {
        name: set.name,
        height,
        width,
        channels,
        count,
        classNames,
        files,
        labels: [...labels],
      };
      await this.#write(`${name}.json`, new TextEncoder().encode(JSON.stringify(rest)));
      await this.#write(`${name}.bin`, pixels);
    }
  }

  /** @throws Error where the browser has deleted them to make room. */
  async loadData(): Promise<TrainTest> {
    const load = async (name: string): Promise<TrainTest['train']> => {
      const { labels, ...rest } = JSON.parse(new TextDecoder().decode(await this.#read(`${name}.json`)));
      const isSmall = rest.classNames.length <= 256;
      return {
        ...rest,
        labels: isSmall ? Uint8Array.from(labels) : Uint16Array.from(labels),
        pixels: await this.#read(`${name}.bin`),
      };
    };
    const all = async () => ({ train: await load('train'), test: await load('test') });
    return found(all(), 'the images of this run are gone');
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#sync(name);
    try {
      file.truncate(0);
      writeAll(file, bytes, 0);
      file.flush();
    } finally {
      file.close();
    }
  }

  async #read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const file = await (await this.#folder.getFileHandle(name)).getFile();
    return new Uint8Array(await file.arrayBuffer());
  }

  async #sync(name: string): Promise<SyncFile> {
    const handle = await this.#folder.getFileHandle(name, { create: true });
    return (handle as unknown as OpenSync).createSyncAccessHandle();
  }
}

/** @throws Error with this message where a file or a folder is not there. */
async function found<T>(looked: Promise<T>, message: string): Promise<T> {
  try {
    return await looked;
  } catch (error) {
    throw (error as Error).name === 'NotFoundError' ? new Error(message, { cause: error }) : error;
  }
}
