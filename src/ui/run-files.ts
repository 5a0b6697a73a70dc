import { createHash, randomBytes } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';

const LOG = 'log.jsonl';
const BEST = 'best.safetensors';
const LAST = 'last.safetensors';
/** Folders below the root that are looked at: runs, and the runs of an experiment. */
const DEPTH = 2;
const MOST_RUNS = 2000;

/** A folder with the log of a run. */
export interface RunPlace {
  /** Tells nothing of its place, and is no path. */
  readonly id: string;
  readonly name: string;
  readonly folder: string;
}

/** The runs in a folder: they are found by names that this process has made, never by a path that was sent. */
export class RunFiles {
  readonly #root: string;
  readonly #secret = randomBytes(16);
  readonly #known = new Map<string, RunPlace>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Runs that are there now. */
  async list(): Promise<readonly RunPlace[]> {
    const found: RunPlace[] = [];
    await this.#find(await realpath(this.#root), DEPTH, found);
    this.#known.clear();
    for (const place of found) this.#known.set(place.id, place);
    return found;
  }

  /** A run that `list` has found. */
  get(id: string): RunPlace | undefined {
    return this.#known.get(id);
  }

  async #find(folder: string, depth: number, found: RunPlace[]): Promise<void> {
    const entries = await entriesOf(folder);
    if (entries.some((entry) => entry.name === LOG && entry.isFile())) found.push(this.#place(folder));
    if (depth === 0) return;
    for (const entry of entries) {
      if (found.length >= MOST_RUNS) return;
      // A symbolic link is no directory here: what lies outside is never looked at.
      if (entry.isDirectory()) await this.#find(join(folder, entry.name), depth - 1, found);
    }
  }

  #place(folder: string): RunPlace {
    const hash = createHash('sha256').update(this.#secret).update(folder);
    const name = relative(this.#root, folder) || basename(folder);
    return { id: hash.digest('base64url').slice(0, 16), name: name.split(sep).join('/'), folder };
  }

  openLog(place: RunPlace): Promise<FileHandle | undefined> {
    return this.#open(place, LOG);
  }

  /** Opens the checkpoint of the best epoch or, before there is one, the last; as `openLog`. */
  async openCheckpoint(place: RunPlace): Promise<FileHandle | undefined> {
    return (await this.#open(place, BEST)) ?? this.#open(place, LAST);
  }

  /**
   * Opens a file of a run, to read. @returns undefined where it is not there, is no regular file, or a link has come into
   * its path.
   */
  async #open({ folder }: RunPlace, name: string): Promise<FileHandle | undefined> {
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    let file: FileHandle | undefined;
    try {
      if ((await realpath(folder)) !== folder) return undefined;
      file = await open(join(folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if ((await file.stat()).isFile()) return file;
    } catch {}
    await file?.close();
    return undefined;
  }
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    return []; // Gone, or not ours to read.
  }
}
