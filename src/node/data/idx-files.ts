import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../data/dataset.ts';
import { IDX_FILES, type IdxHalves, readIdx } from '../../data/idx.ts';
import { unpack } from '../gzip.ts';

const NAMES: readonly string[] = Object.values(IDX_FILES).flatMap((files) => Object.values(files));

/** As the files are called in the world: a dot for the dash, `test` for `t10k`, EMNIST's prefixes. */
const NAME = /^(.*-)?(train|t10k|test)-(images|labels)[.-]idx([13])-ubyte(\.gz)?$/;
const MAX_FILE_BYTES = 2 ** 31 - 1;

/** The four files of a data set: the path of each by its name in `IDX_FILES`. */
export interface IdxPaths {
  /** The folder that they are in. */
  readonly folder: string;
  readonly paths: ReadonlyMap<string, string>;
}

/**
 * Finds the four files in a folder or, where it has none, in one below it, as torchvision puts them (NAME/raw).
 * @param below folders to look into, by default all that torchvision may have made.
 * @returns undefined where there is none of the four.
 * @throws DataError that says which is missing, or that there are several.
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

/** The data set in a folder, or in one below it. @throws DataError where there is none. */
export function readIdxFolder(folder: string, name: string, classNames?: readonly string[]): IdxHalves {
  if (!existsSync(folder)) throw new DataError(`${folder} does not exist`);
  const files = findIdxFiles(folder);
  if (files) return readIdxFiles(files, name, classNames);
  throw new DataError(`${folder} has no IDX files: expected ${NAMES.join(', ')} (or .gz)`);
}

/** Whether the four files are there. */
export function hasIdxFiles(folder: string): boolean {
  return filesIn(folder).size === NAMES.length;
}

/** Where torchvision puts them: in `raw`, in the folder of a data set. */
function rawFoldersIn(folder: string): readonly string[] {
  const names = isFolder(folder) ? readdirSync(folder).sort() : [];
  const folders = names.filter((name) => isFolder(join(folder, name))).map((name) => join(name, 'raw'));
  return ['raw', ...folders].filter((name) => isFolder(join(folder, name)));
}

/** Files that have the name of one of the four, by that name: the usual ones come first. @throws DataError where two have the same. */
function filesIn(folder: string): ReadonlyMap<string, string> {
  const names = isFolder(folder) ? readdirSync(folder).sort() : [];
  const paths = new Map<string, string>();
  for (const name of [...names.filter(isUsual), ...names.filter((each) => !isUsual(each))]) {
    const canonical = canonicalName(name);
    if (canonical === undefined || !isFile(join(folder, name))) continue;
    const known = basename(paths.get(canonical) ?? '');
    // A file comes before the same one packed.
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
  const [, , half, kind, axes] = NAME.exec(name) ?? [];
  if (axes !== (kind === 'images' ? '3' : '1')) return undefined;
  return IDX_FILES[half === 'train' ? 'train' : 'test'][kind as 'images' | 'labels'];
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

/** A file's content, unpacked: whether it is packed shows in it, not in its name. @throws DataError */
export function readIdxFile(path: string): Uint8Array {
  if (statSync(path).size > MAX_FILE_BYTES) throw new DataError(`${path} is larger than 2 GiB`);
  const bytes = readFileSync(path);
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const isIdx = bytes[0] === 0 && bytes[1] === 0;
  return isPacked || (path.endsWith('.gz') && !isIdx) ? unpack(bytes, path) : bytes;
}

/** Gives a file's content, unpacked. @param name of the file in `IDX_FILES`. */
export type ReadIdxFile = (path: string, name: string) => Uint8Array;

/**
 * The two halves of a data set from its four files.
 * @param read may refuse a file.
 * @throws DataError when they do not fit together.
 */
export function readIdxFiles(
  { folder, paths }: IdxPaths,
  name: string,
  classNames?: readonly string[],
  read: ReadIdxFile = readIdxFile,
): IdxHalves {
  const files = (file: string) => {
    const source = paths.get(file)!;
    return { source, bytes: read(source, file) };
  };
  return readIdx(files, { name, place: folder, classNames });
}
