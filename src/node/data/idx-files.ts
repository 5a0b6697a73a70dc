import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../data/dataset.ts';
import { IDX_FILES, type IdxHalves, readIdx } from '../../data/idx.ts';
import { unpack } from '../gzip.ts';

/** The file's content, unpacked. @throws DataError where neither FILE nor FILE.gz exists. */
export function readPlainOrGzip(path: string): Uint8Array {
  const packed = `${path}.gz`;
  if (isFile(path)) return readFileSync(path);
  if (!isFile(packed)) throw new DataError(`${path}(.gz) does not exist`);
  return unpack(readFileSync(packed), packed);
}

export function hasIdxFiles(folder: string): boolean {
  return Object.values(IDX_FILES)
    .flatMap((files) => Object.values(files))
    .every((name) => isFile(join(folder, name)) || isFile(join(folder, `${name}.gz`)));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * The two halves of a data set from its four files in a folder.
 * @param read gives a file's content, unpacked, and may refuse it.
 * @throws DataError when they do not fit together.
 */
export function readIdxFolder(
  folder: string,
  name: string,
  classNames?: readonly string[],
  read = readPlainOrGzip,
): IdxHalves {
  const files = (file: string) => ({ source: join(folder, file), bytes: read(join(folder, file)) });
  return readIdx(files, { name, place: folder, classNames });
}
