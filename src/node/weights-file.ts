import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { quoted } from '../io/quoted.ts';
import { decodeWeights as decode, type Weights, WeightsError } from '../io/weights.ts';
import { naming } from './files.ts';
import { ZIP_READER } from './zip.ts';

const MAX_FILE_BYTES = 2 ** 31 - 1;
/** Not available on Windows. */
const O_NONBLOCK = constants.O_NONBLOCK ?? 0;

/** Reads a weight file of any supported format. @throws as `decodeWeights` */
export async function readWeights(path: string): Promise<Weights> {
  return (await readWeightsFile(path)).weights;
}

/** The same, with the bytes of the file and of its external data files. */
export async function readWeightsFile(
  path: string,
): Promise<{ readonly weights: Weights; readonly parts: readonly Uint8Array[] }> {
  const bytes = readFileLimited(path);
  const beside = new Map<string, Uint8Array>();
  let left = MAX_FILE_BYTES - bytes.length;
  const readBeside = (name: string) => {
    const known = beside.get(name);
    if (known) return known;
    const part = readFileBeside(path, name);
    left -= part.length;
    if (left < 0) throw new WeightsError(`${path} and the files of its data are larger than 2 GiB`);
    beside.set(name, part);
    return part;
  };
  const weights = await decode(bytes, path, { zip: ZIP_READER, beside: readBeside });
  return { weights, parts: [bytes, ...beside.values()] };
}

/**
 * Decodes the bytes of a weight file.
 * @param source name of the file in messages.
 * @throws WeightsError for unsupported formats; TorchFileError, SafetensorsError or OnnxError if it is damaged,
 * too large or has external data.
 */
export async function decodeWeights(bytes: Uint8Array, source: string): Promise<Weights> {
  return decode(bytes, source, { zip: ZIP_READER });
}

/**
 * Reads a whole file.
 * @param expected what kind of file is expected, for messages.
 * @throws WeightsError if it is not a regular file, or too large.
 */
export function readFileLimited(path: string, expected = 'a file of weights'): Uint8Array {
  try {
    // Before opening, because opening a pipe blocks until it has a writer.
    requireRegular(path, statSync(path), expected);
    const file = openSync(path, constants.O_RDONLY | O_NONBLOCK);
    try {
      const found = fstatSync(file);
      requireRegular(path, found, expected);
      if (found.size > MAX_FILE_BYTES)
        throw new WeightsError(`${path} is larger than 2 GiB: expected ${expected}`);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw naming(path, error);
  }
}

/** Reads a file that another file refers to, from the same folder; rejects `..` and links. */
function readFileBeside(path: string, name: string): Uint8Array {
  const refuse = (reason: string): never => {
    throw new WeightsError(
      `${path} has its data in ${quoted(name)}, ${reason}: expected the name of a file in the same folder`,
    );
  };
  if (/[/\\:\0]/.test(name) || ['', '.', '..'].includes(name)) refuse('which is a path');
  const folder = dirname(path);
  let real: string;
  try {
    real = realpathSync(join(folder, name));
  } catch (error) {
    throw naming(join(folder, name), error);
  }
  if (dirname(real) !== realpathSync(folder)) refuse('a link to another folder');
  return readFileLimited(real);
}

function requireRegular(path: string, found: Stats, expected: string): void {
  if (found.isFile()) return;
  const kinds: readonly (readonly [is: boolean, what: string])[] = [
    [found.isDirectory(), 'a folder'],
    [found.isFIFO(), 'a pipe'],
    [found.isSocket(), 'a socket'],
    [found.isCharacterDevice() || found.isBlockDevice(), 'a device'],
  ];
  const what = kinds.find(([is]) => is)?.[1] ?? 'no regular file';
  throw new WeightsError(`${path} is ${what}: expected ${expected}`);
}
