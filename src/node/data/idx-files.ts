import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../data/dataset.ts';
import { IDX_FILES, type IdxSplits, readIdx } from '../../data/idx.ts';
import { unpack } from '../gzip.ts';

const NAMES: readonly string[] = Object.values(IDX_FILES).flatMap((files) => Object.values(files));

/**
 * Accepted file names, including common variants: a dot instead of the dash, `test` for `t10k`, prefixes (EMNIST).
 */
const NAME = /^(.*-)?(train|t10k|test)-(images|labels)[.-]idx([13])-ubyte(\.gz)?$/;
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** The four files of a data set: the path of each by its name in `IDX_FILES`. */
export interface IdxPaths {
  /** Their folder. */
  readonly folder: string;
  readonly paths: ReadonlyMap<string, string>;
}

/**
 * Finds the four files in a folder or, if it has none of them, in a subfolder as created by torchvision
 * (NAME/raw).
 * @param below subfolders to search. Default: all that torchvision may have created.
 * @returns undefined if none of the four files exists.
 * @throws DataError if some are missing, or there are several sets.
 */
export function findIdxFiles(
  folder: string,
  below: readonly string[] = rawFoldersIn(folder),
): IdxPaths | undefined {
  const own = filesIn(folder);
  if (own.size === NAMES.length) return { folder, paths: own };
  const found = below
    .map((name) => join(folder, name))
    .map((place) => ({ folder: place, paths: filesIn(place) }))
    .filter(({ paths }) => paths.size > 0);
  if (own.size === 0 && found.length === 0) return undefined;
  if (own.size === 0 && found.length > 1) {
    throw new DataError(
      `${folder} has data sets in ${found.map((each) => each.folder).join(', ')}: name one`,
    );
  }
  const set = own.size === 0 ? found[0]! : { folder, paths: own };
  const missing = NAMES.filter((name) => !set.paths.has(name));
  if (missing.length === 0) return set;
  const has = [...set.paths.values()].map((path) => basename(path)).join(', ');
  throw new DataError(`${set.folder} lacks ${missing.join(' and ')} (or .gz): it has ${has}`);
}

/** The data set in a folder, or in a subfolder. @throws DataError if there is none. */
export function readIdxFolder(folder: string, name: string, classNames?: readonly string[]): IdxSplits {
  if (!existsSync(folder)) throw new DataError(`${folder} does not exist`);
  const files = findIdxFiles(folder);
  if (files) return readIdxFiles(files, name, classNames);
  throw new DataError(`${folder} has no IDX files: expected ${NAMES.join(', ')} (or .gz)`);
}

/** Whether a folder has all four files. */
export function hasIdxFiles(folder: string): boolean {
  return filesIn(folder).size === NAMES.length;
}

/** The subfolders that torchvision creates: `raw`, or NAME/raw. */
function rawFoldersIn(folder: string): readonly string[] {
  const names = isFolder(folder) ? readdirSync(folder).sort() : [];
  const folders = names.filter((name) => isFolder(join(folder, name))).map((name) => join(name, 'raw'));
  return ['raw', ...folders].filter((name) => isFolder(join(folder, name)));
}

/**
 * The files of a folder by their standard names; standard names have priority over variants. @throws DataError for
 * duplicates.
 */
function filesIn(folder: string): ReadonlyMap<string, string> {
  const names = isFolder(folder) ? readdirSync(folder).sort() : [];
  const paths = new Map<string, string>();
  for (const name of [...names.filter(isUsual), ...names.filter((each) => !isUsual(each))]) {
    const canonical = canonicalName(name);
    if (canonical === undefined || !isFile(join(folder, name))) continue;
    const known = basename(paths.get(canonical) ?? '');
    // An unpacked file has priority over its compressed version.
    if (isUsual(known) || name === `${known}.gz`) continue;
    if (known !== '') {
      throw new DataError(
        `${folder} has both ${known} and ${name}: put the four files that belong together into a folder of their own`,
      );
    }
    paths.set(canonical, join(folder, name));
  }
  return paths;
}

function canonicalName(name: string): string | undefined {
  const [, , set, kind, axes] = NAME.exec(name) ?? [];
  if (axes !== (kind === 'images' ? '3' : '1')) return undefined;
  return IDX_FILES[set === 'train' ? 'train' : 'test'][kind as 'images' | 'labels'];
}

function isUsual(name: string): boolean {
  return NAMES.includes(name.replace(/\.gz$/, ''));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The unpacked content of a file. Compression is recognized by content, not by name. @throws DataError */
export function readIdxFile(path: string): Uint8Array {
  if (statSync(path).size > MAX_FILE_BYTES) throw new DataError(`${path} is larger than 2 GiB`);
  const bytes = readFileSync(path);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const isIdx = bytes[0] === 0 && bytes[1] === 0;
  return isPacked || (path.endsWith('.gz') && !isIdx) ? unpack(bytes, path) : bytes;
}

/** Returns the unpacked content of a file. @param name its name in `IDX_FILES`. */
export type ReadIdxFile = (path: string, name: string) => Uint8Array;

/**
 * The training and test sets from the four files.
 * @param read reads a file, and may reject it.
 * @throws DataError if the files are inconsistent.
 */
export function readIdxFiles(
  { folder, paths }: IdxPaths,
  name: string,
  classNames?: readonly string[],
  read: ReadIdxFile = readIdxFile,
): IdxSplits {
  const files = (file: string) => {
    const source = paths.get(file)!;
    return { source, bytes: read(source, file) };
  };
  return readIdx(files, { name, place: folder, classNames });
}
