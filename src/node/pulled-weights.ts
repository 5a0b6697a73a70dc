import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../data/dataset.ts';
import type { DataProgress } from '../data/progress.ts';
import { hashInName, PRETRAINED_ADDRESS, PRETRAINED_NAMES, pretrainedFile } from '../io/pretrained.ts';
import { cacheFolder, makeWritable, SET_CACHE_HOME } from './cache-folder.ts';
import { receiveAll } from './data/download.ts';
import { FileReceiver, sha256OfFile } from './data/receiver.ts';
import { naming, writeFileAtomic } from './files.ts';
import { LockedError, lockFolder } from './folder-lock.ts';

/** Environment variable with the address of a mirror of PyTorch's files. */
const MIRROR = 'DENSOR_WEIGHTS_URL';

/** The largest published file has 115 MB. */
const LIMITS = { sizeBytes: 2 ** 30, totalMs: 6 * 3_600_000 };

/** A verified weight file in the cache. */
export interface PulledWeights {
  /** Name of the network. */
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  /** Download address; undefined if the user copied the file into the cache. */
  readonly url?: string | undefined;
  readonly isNew: boolean;
}

/** Stored next to the file when it is first used: the file of a network, and its complete hash. */
const recordSchema = z.strictObject({
  file: z.string().regex(/^[\w.-]+$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  url: z.string().optional(),
});
type PulledRecord = z.infer<typeof recordSchema>;

/** The folder of weights in the cache. */
export function pulledFolder(): string {
  return join(cacheFolder(), 'weights');
}

/**
 * The ImageNet weights of a network, from the cache or downloaded. Cached files are verified against their stored
 * hash. Interrupted downloads are resumed, also by other processes.
 * @param name one of `PRETRAINED_NAMES`.
 * @param url address of a different weight file, whose name ends with the first digits of its SHA-256; it replaces
 * the cached file.
 * @throws DataError, CacheError
 */
export async function pullWeights(
  name: string,
  progress: DataProgress,
  { url, folder = pulledFolder() }: { readonly url?: string | undefined; readonly folder?: string } = {},
): Promise<PulledWeights> {
  const published = pretrainedFile(name);
  if (published === undefined) {
    throw new DataError(`there are no published weights of ${name}: expected ${PRETRAINED_NAMES.join(', ')}`);
  }
  const file = url === undefined ? published : fileOf(url);
  const found = verifiedRecord(folder, name);
  if (found && (url === undefined || found.file === file)) return pulled(folder, name, found, false);
  const path = join(folder, file);
  makeWritable(folder, SET_CACHE_HOME);
  const lock = lockedFolder(folder);
  try {
    if (existsSync(path)) {
      const sha256 = sha256Of(path);
      requireHash(sha256, file, path, 'delete it and run again');
      return store(folder, name, { file, sha256 }, false);
    }
    const from = url ?? `${mirror()}${file}`;
    progress.note(`${name} is not here yet: downloading ${file} from ${new URL(from).host}`);
    const sha256 = await fetched(from, path, (done, total) => progress.bytes(file, done, total));
    return store(folder, name, { file, sha256, url: from }, true);
  } finally {
    lock.release();
  }
}

/** The verified record of a network. @throws DataError if the file has changed. */
function verifiedRecord(folder: string, name: string): PulledRecord | undefined {
  const record = readRecord(recordPath(folder, name));
  if (!record) return undefined;
  const path = join(folder, record.file);
  if (!existsSync(path)) return undefined;
  const sha256 = sha256Of(path);
  if (sha256 === record.sha256) return record;
  throw new DataError(
    `${path} is not the file that was downloaded: its SHA-256 begins with ${sha256.slice(0, 8)}, expected ` +
      `${record.sha256.slice(0, 8)}: delete it and run densor pull ${name}`,
  );
}

/**
 * Downloads a file, continuing an interrupted download, and verifies it against the hash in its name.
 * @returns its SHA-256. @throws DataError; a file with a different hash is discarded.
 */
async function fetched(
  url: string,
  path: string,
  report: (done: number, total: number) => void,
): Promise<string> {
  const file = basename(path);
  const part = FileReceiver.open(`${path}.part`);
  try {
    const isResumed = part.sizeBytes > 0;
    await receiveAll(url, part, report, LIMITS);
    if (isResumed && !isNamed(part.sha256(), file)) {
      part.restart(); // The bytes received before are of a different file.
      await receiveAll(url, part, report, LIMITS);
    }
    const sha256 = part.sha256();
    if (!isNamed(sha256, file)) part.discard();
    requireHash(sha256, file, url, 'it was not kept');
    part.finish(path);
    return sha256;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(
      `${file} cannot be downloaded (${error.message}): fetch ${url} in another way and put it into ${dirname(path)}`,
    );
  } finally {
    part.close();
  }
}

function lockedFolder(folder: string) {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new DataError(`another process downloads weights into ${folder}: run again when it has finished`);
  }
}

function mirror(): string {
  const given = process.env[MIRROR];
  if (!given) return PRETRAINED_ADDRESS;
  if (!URL.canParse(given) || !/^https?:/.test(given)) {
    throw new DataError(
      `${MIRROR} is ${given}: expected the address of a folder, as https://example.org/models/`,
    );
  }
  return given.endsWith('/') ? given : `${given}/`;
}

/** The file name in an address. @throws DataError if it has no hash. */
function fileOf(url: string): string {
  const file = URL.canParse(url) ? basename(new URL(url).pathname) : '';
  if (/^https?:/.test(url) && /^[\w.-]+$/.test(file) && hashInName(file) !== undefined) return file;
  throw new DataError(
    `\`url\` ${url}: expected an http or https address of a file whose name ends in the first 8 digits of its SHA-256, as ` +
      `${PRETRAINED_ADDRESS}${pretrainedFile('densenet121')}`,
  );
}

function isNamed(sha256: string, file: string): boolean {
  return sha256.startsWith(hashInName(file)!);
}

/** @throws DataError unless the hash matches the file name. */
function requireHash(sha256: string, file: string, source: string, remedy: string): void {
  if (isNamed(sha256, file)) return;
  const expected = hashInName(file)!;
  throw new DataError(
    `${source} is not the file that its name says: its SHA-256 begins with ${sha256.slice(0, expected.length)}, ` +
      `expected ${expected}: ${remedy}`,
  );
}

function sha256Of(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return sha256OfFile(file);
  } catch (error) {
    throw naming(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

const recordPath = (folder: string, name: string) => join(folder, `${name}.json`);

/** Reads a record; undefined if it cannot be read (the file is then verified against its name). */
function readRecord(path: string): PulledRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function store(folder: string, name: string, record: PulledRecord, isNew: boolean): PulledWeights {
  writeFileAtomic(recordPath(folder, name), `${JSON.stringify(record, undefined, 2)}\n`);
  return pulled(folder, name, record, isNew);
}

function pulled(
  folder: string,
  name: string,
  { file, ...record }: PulledRecord,
  isNew: boolean,
): PulledWeights {
  return { name, path: join(folder, file), ...record, isNew };
}
