import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../../src/data/dataset.ts';
import { parseIdx } from '../../src/data/idx.ts';
import { sha256Of } from '../../src/node/data/fingerprint.ts';
import { readIdxFolder } from '../../src/node/data/idx-files.ts';
import { openDataset } from '../../src/node/data/open-dataset.ts';
import { idxImages, idxLabels, writeIdxFolder } from '../support/idx.ts';

const quiet = { note: () => {}, bytes: () => {} };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('an IDX data set', () => {
  test('is read, packed or not', () => {
    writeIdxFolder(folder);
    const { train, test: held } = readIdxFolder(folder, 'mine');
    expect([train.count, train.height, train.width, held.count]).toEqual([6, 4, 5, 3]);
    expect([...train.labels]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(train.classNames).toEqual(['0', '1', '2']);
    expect(train.pixels[21]).toBe(21);
  });

  test('that is the sample has 1,000 and 200 images of ten classes', async () => {
    const { train, test: held } = await openDataset('sample', undefined, quiet);
    expect([train.count, held.count, train.classNames.length]).toEqual([1000, 200, 10]);
    expect(new Set(train.labels).size).toBe(10);
  });

  test.each([
    [
      'images with the magic number of labels',
      'train-images-idx3-ubyte',
      idxLabels([1, 2]),
      /not an IDX file of images.*0x801/s,
    ],
    ['a header cut off', 'train-images-idx3-ubyte', idxImages(6).subarray(0, 9), /truncated/],
    [
      'pixels cut off',
      'train-images-idx3-ubyte',
      idxImages(6).subarray(0, 100),
      /truncated: 6×4×5 images need 136 bytes/,
    ],
    [
      'bytes left over',
      'train-images-idx3-ubyte',
      Buffer.concat([idxImages(6), Buffer.alloc(1)]),
      /too long/,
    ],
    ['fewer labels than images', 'train-labels-idx1-ubyte', idxLabels([1, 2]), /2 labels for the 6 images/],
    ['no images', 'train-images-idx3-ubyte', idxImages(0), /labels for the 0|no images/],
    ['no pixels', 'train-images-idx3-ubyte', idxImages(6, 0, 5), /images of 0×5: expected pixels/],
  ])('with %s is refused', (_, name, bytes, message) => {
    writeIdxFolder(folder, { [name]: bytes });
    expect(() => readIdxFolder(folder, 'mine')).toThrow(DataError);
    expect(() => readIdxFolder(folder, 'mine')).toThrow(message);
  });

  test('with a damaged or truncated gzip stream is refused', () => {
    writeIdxFolder(folder);
    const packed = gzipSync(idxImages(6));
    rmSync(join(folder, 'train-images-idx3-ubyte'));
    for (const bytes of [packed.subarray(0, packed.length - 9), Buffer.from('no gzip')]) {
      writeFileSync(join(folder, 'train-images-idx3-ubyte.gz'), bytes);
      expect(() => readIdxFolder(folder, 'mine')).toThrow(/cannot be unpacked/);
    }
  });

  test('with a label that is not below the number of classes is refused', () => {
    writeIdxFolder(folder, { 't10k-labels-idx1-ubyte': idxLabels([0, 9, 1]) });
    expect(() => readIdxFolder(folder, 'mine', ['a', 'b', 'c'])).toThrow(
      /label 9 of image 1 is beyond the 3 classes/,
    );
  });

  test('is found under common names, compressed or not, independent of its names', async () => {
    writeIdxFolder(folder);
    const plain = sha256Of(readIdxFolder(folder, 'mine'));
    const files = readdirSync(folder);
    const disguises: readonly ((name: string) => string)[] = [
      (name) => name.replace('-idx', '.idx'),
      (name) => `emnist-letters-${name.replace('t10k', 'test')}.gz`,
      (name) => `${name}.gz`,
    ];
    for (const [i, disguise] of disguises.entries()) {
      for (const pack of [(bytes: Buffer) => bytes, (bytes: Buffer) => gzipSync(bytes)]) {
        const other = mkdtempSync(join(folder, `${i}`));
        for (const name of files) {
          writeFileSync(join(other, disguise(name)), pack(readFileSync(join(folder, name))));
        }
        expect(sha256Of(await openDataset(`idx:${other}`, undefined, quiet))).toBe(plain);
      }
    }
  });

  test('is found in the folder of torchvision; if there are several, one must be given', async () => {
    writeIdxFolder(join(folder, 'MNIST/raw'));
    expect((await openDataset(`idx:${folder}`, undefined, quiet)).train.count).toBe(6);
    expect((await openDataset(`idx:${folder}/MNIST`, undefined, quiet)).train.count).toBe(6);
    writeIdxFolder(join(folder, 'KMNIST/raw'));
    await expect(openDataset(`idx:${folder}`, undefined, quiet)).rejects.toThrow(
      /has data sets in .*KMNIST\/raw, .*\/MNIST\/raw: name one/,
    );
  });

  test('with two data sets in one folder is refused', () => {
    writeIdxFolder(folder);
    for (const name of readdirSync(folder)) {
      for (const set of ['digits', 'letters']) {
        writeFileSync(join(folder, `emnist-${set}-${name}`), readFileSync(join(folder, name)));
      }
    }
    expect(readIdxFolder(folder, 'mine').train.count).toBe(6); // Standard names have priority.
    for (const name of readdirSync(folder)) if (!name.startsWith('emnist')) rmSync(join(folder, name));
    expect(() => readIdxFolder(folder, 'mine')).toThrow(
      /has both emnist-digits-.* and emnist-letters-.* put the/,
    );
  });

  test('whose labels start at 1, or skip a class, is read with a warning', async () => {
    const notesOf = async (train: readonly number[], held: readonly number[]) => {
      writeIdxFolder(folder, {
        'train-labels-idx1-ubyte': idxLabels(train),
        't10k-labels-idx1-ubyte': idxLabels(held),
      });
      const notes: string[] = [];
      const note = (text: string) => void notes.push(text);
      await openDataset(`idx:${folder}`, undefined, { ...quiet, note });
      return notes;
    };
    expect(await notesOf([0, 1, 2, 0, 1, 2], [0, 1, 2])).toEqual([]);
    expect(await notesOf([1, 2, 3, 1, 2, 3], [1, 2, 3])).toEqual([
      expect.stringMatching(/of 4 classes, no training image has label 0: labels count from 1; subtract 1/),
    ]);
    expect(await notesOf([0, 1, 4, 0, 1, 4], [0, 1, 2])).toEqual([
      expect.stringMatching(/of 5 classes, no training image has label 2, 3$/),
    ]);
  });

  test('whose folder lacks a file or does not exist says which', async () => {
    await expect(openDataset(`idx:${folder}`, undefined, quiet)).rejects.toThrow(
      /has no IDX files: expected train-images-idx3-ubyte, train-labels/,
    );
    writeIdxFolder(folder);
    rmSync(join(folder, 't10k-labels-idx1-ubyte'));
    await expect(openDataset(`idx:${folder}`, undefined, quiet)).rejects.toThrow(
      /lacks t10k-labels-idx1-ubyte \(or \.gz\): it has t10k-images-idx3-ubyte, train-images/,
    );
    await expect(openDataset(`idx:${folder}/none`, undefined, quiet)).rejects.toThrow(/does not exist/);
  });

  test('of a huge size in its header allocates nothing', () => {
    const header = Buffer.alloc(16);
    [0x803, 0xffffffff, 0xffff, 0xffff].forEach((word, i) => {
      header.writeUInt32BE(word, 4 * i);
    });
    expect(() => parseIdx(header, 'images', 'huge')).toThrow(/truncated/);
  });
});
