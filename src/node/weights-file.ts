import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { decodeWeights as decode, type Weights, WeightsError } from '../io/weights.ts';
import { naming } from './files.ts';
import { ZIP_READER } from './zip.ts';

const MAX_FILE_BYTES = 2 ** 31 - 1;

/** Reads a file of weights of any known format. @throws as `decodeWeights` */
export async function readWeights(path: string): Promise<Weights> {
  return decodeWeights(readFileLimited(path), path);
}

/**
 * The same for a file's bytes. @param source the file's name in messages.
 * @throws WeightsError when it is of none; TorchFileError, SafetensorsError or OnnxError when it is damaged or asks for too much.
 */
export async function decodeWeights(bytes: Uint8Array, source: string): Promise<Weights> {
  return decode(bytes, source, ZIP_READER);
}

/** A whole file. @throws WeightsError when it is too large to be one of weights. */
export function readFileLimited(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > MAX_FILE_BYTES)
      throw new WeightsError(`${path} is larger than 2 GiB: expected a file of weights`);
    return readFileSync(file);
  } catch (error) {
    throw naming(path, error);
  } finally {
    closeSync(file);
  }
}
