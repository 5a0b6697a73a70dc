import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset, TrainTest } from '../../data/dataset.ts';
import type { PixelStore } from '../../data/pixel-store.ts';
import { makeWritable, SET_CACHE_HOME } from '../cache-folder.ts';
import { naming, writeAll } from '../files.ts';

/** A temporary file in the folder; it goes with the process. An error names it. @throws CacheError */
export function fileStore(folder: string): PixelStore {
  makeWritable(folder, SET_CACHE_HOME);
  const path = join(folder, `pixels-${randomBytes(8).toString('hex')}`);
  const file = openSync(path, 'wx+', 0o600); // O_EXCL: no planted file or link is opened.
  try {
    rmSync(path); // The bytes stay until the file is closed, however the process ends.
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

/** Data sets whose pixels lie in a temporary file of the folder; what held them can be collected when it is let go. */
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
