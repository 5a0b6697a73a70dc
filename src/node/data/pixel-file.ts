import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset, TrainTest } from '../../data/dataset.ts';
import type { PixelStore } from '../../data/pixel-store.ts';
import { makeWritable, SET_CACHE_HOME } from '../cache-folder.ts';
import { naming, writeAll } from '../files.ts';

/** Stores pixels in a temporary file in the folder, which is deleted when the process ends. @throws CacheError */
export function fileStore(folder: string): PixelStore {
  makeWritable(folder, SET_CACHE_HOME);
  const path = join(folder, `pixels-${randomBytes(8).toString('hex')}`);
  const file = openSync(path, 'wx+', 0o600); // O_EXCL: fails if a file or link with this name exists.
  try {
    rmSync(path); // Unlinked while open, so no file remains even if the process is killed.
  } catch {
    process.once('exit', () => {
      closeSync(file);
      rmSync(path, { force: true });
    });
  }
  return {
    append(image) {
      try {
        writeAll(file, image);
      } catch (error) {
        throw naming(path, error);
      }
    },
    finish: () => ({
      read(at, to) {
        for (let done = 0; done < to.length; ) {
          const got = readSync(file, to, done, to.length - done, at + done);
          if (got === 0) throw new RangeError(`${path} ends before byte ${at + to.length}`);
          done += got;
        }
      },
    }),
  };
}

/** Copies the pixels of all sets into temporary files, so the original arrays can be garbage-collected. */
export function spilled(data: TrainTest, folder: string): TrainTest {
  const inFile = (set: Dataset): Dataset => {
    if (!(set.pixels instanceof Uint8Array)) return set;
    const store = fileStore(folder);
    store.append(set.pixels);
    return { ...set, pixels: store.finish() };
  };
  const { train, validation, test } = data;
  return {
    ...data,
    ...{ train: inFile(train), test: inFile(test), ...(validation && { validation: inFile(validation) }) },
  };
}
