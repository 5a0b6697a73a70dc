import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../../../src/data/dataset.ts';
import { openDataset } from '../../../src/node/data/open-dataset.ts';
import { writeFiles } from '../../support/images.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (dir: string | undefined = folder) =>
  openDataset('cifar10', dir, { note: () => {}, bytes: () => {} });

/** Records whose red plane is 10 · label + row, green 100 + column, blue 200. */
function records(labels: readonly number[]): Buffer {
  return Buffer.concat(
    labels.map((label) => {
      const plane = (value: (row: number, column: number) => number) =>
        Array.from({ length: 1024 }, (_, i) => value(i >> 5, i & 31));
      return Buffer.from([
        label,
        ...plane((row) => 10 * label + row),
        ...plane((_, column) => 100 + column),
        ...plane(() => 200),
      ]);
    }),
  );
}

const FILES: Readonly<Record<string, Buffer>> = {
  'data_batch_1.bin': records([3, 1]),
  'data_batch_2.bin': records([4]),
  'data_batch_3.bin': records([0]),
  'data_batch_4.bin': records([5]),
  'data_batch_5.bin': records([9, 2]),
  'test_batch.bin': records([7, 8]),
};

function tar(files: Readonly<Record<string, Buffer>>): Buffer {
  const entries = Object.entries(files).map(([name, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(`cifar-10-batches-bin/${name}`, 0);
    header.write(bytes.length.toString(8).padStart(11, '0'), 124);
    header.write('0', 156);
    header.write('ustar', 257);
    return Buffer.concat([header, bytes, Buffer.alloc(-bytes.length & 511)]);
  });
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}

describe('CIFAR-10', () => {
  test.each([
    ['its six files', () => writeFiles(folder, FILES)],
    ['the folder that the archive unpacks to', () => writeFiles(join(folder, 'cifar-10-batches-bin'), FILES)],
    ['the archive', () => writeFiles(folder, { 'cifar-10-binary.tar.gz': gzipSync(tar(FILES)) })],
  ])('from %s has channels last, labels and names', async (_, write) => {
    write();
    const { train, test: held } = await open();
    expect([...train.labels]).toEqual([3, 1, 4, 0, 5, 9, 2]);
    expect([...held.labels]).toEqual([7, 8]);
    expect([train.height, train.width, train.channels, train.classNames[3]]).toEqual([32, 32, 3, 'cat']);
    const at = (2 * 1024 + 5 * 32 + 6) * 3; // Image 2 (label 4), row 5, column 6.
    expect([...(train.pixels as Uint8Array).subarray(at, at + 3)]).toEqual([45, 106, 200]);
  });

  test.each([
    ['nothing', {}, /holds neither test_batch\.bin/],
    ['a file too few', { ...FILES, 'data_batch_4.bin': undefined }, /data_batch_4\.bin does not exist/],
    [
      'a truncated file',
      { ...FILES, 'data_batch_2.bin': records([1]).subarray(1) },
      /3072 bytes are not records/,
    ],
    ['an empty file', { ...FILES, 'test_batch.bin': Buffer.alloc(0) }, /0 bytes are not records/],
    [
      'a label beyond the classes',
      { ...FILES, 'test_batch.bin': records([10]) },
      /label 10 of image 0 is beyond/,
    ],
    ['no gzip', { 'cifar-10-binary.tar.gz': Buffer.from('x') }, /cannot be unpacked/],
    ['no tar', { 'cifar-10-binary.tar.gz': gzipSync(Buffer.alloc(600, 1)) }, /not a tar archive/],
    [
      'a truncated archive',
      { 'cifar-10-binary.tar.gz': gzipSync(tar(FILES).subarray(0, 2000)) },
      /truncated within cifar-10-batches-bin\/data_batch_1\.bin/,
    ],
  ] as const)('of %s is refused', async (_, files, message) => {
    const there = Object.entries(files).filter((entry): entry is [string, Buffer] => entry[1] !== undefined);
    writeFiles(folder, Object.fromEntries(there));
    const error = await open().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(message);
  });

  test('without a folder says where to download it', async () => {
    const progress = { note: () => {}, bytes: () => {} };
    await expect(openDataset('cifar10', undefined, progress)).rejects.toThrow(/fetch https:.*`dataDir`/);
  });
});
