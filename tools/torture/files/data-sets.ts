import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { readExperimentFile } from '../../../src/cli/compare-folder.ts';
import { readCifar10 } from '../../../src/data/cifar10.ts';
import { IDX_FILES, readIdx } from '../../../src/data/idx.ts';
import { readTar } from '../../../src/data/tar.ts';
import { openDataset } from '../../../src/node/data/open-dataset.ts';
import { unpack } from '../../../src/node/gzip.ts';
import type { Below } from '../random.ts';
import type { Format } from './format.ts';
import { CANARY, hostileText, pick } from './hostile.ts';
import { mutate } from './mutate.ts';
import { mutateJson } from './mutate-json.ts';

const SIZES = [0, 1, 2, 3, 6, 28, 255, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** The bytes unpacked, or gzipped; damaged before or after packing. */
function packed(bytes: Buffer, below: Below): Buffer {
  const zipped = gzipSync(bytes);
  return below(2) ? zipped : mutate(zipped, [zipped], below);
}

/** An IDX file; in half of the cases its length matches its sizes. */
export function idx(): Format {
  return {
    make: (below) => {
      const sizes = [below(4) === 0 ? below(5) : 2, 1 + below(6), 1 + below(6)];
      const header = Buffer.alloc(16);
      header.writeUInt32BE(0x803, 0);
      for (const [axis, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
      if (below(2)) header.writeUInt32BE(pick(SIZES, below), 4 * below(4));
      const file = Buffer.concat([
        header,
        Buffer.alloc(
          sizes.reduce((a, b) => a * b, 1),
          below(256),
        ),
      ]);
      const whole = below(3) === 0 ? mutate(file, [file], below) : file;
      return below(3) === 0 ? packed(whole, below) : whole;
    },
    read: async (bytes) => {
      const images = bytes[0] === 0x1f ? unpack(bytes, 'train-images.gz') : bytes;
      const labels = Buffer.concat([Buffer.from([0, 0, 8, 1, 0, 0, 0, 2]), Buffer.from([1, 0])]);
      const { images: train, labels: ofTrain } = IDX_FILES.train;
      const files = (name: string) => ({
        source: name,
        bytes: name === ofTrain || name === IDX_FILES.test.labels ? labels : images,
      });
      const { train: half } = readIdx(files, { name: train, place: 'here' });
      if (half.pixels.length !== half.count * half.height * half.width)
        throw new RangeError('pixels do not fit');
      return half.classNames.join('\n');
    },
  };
}

/** Gzipped tar archives with paths that contain `..`, wrong sizes and unusual types. */
export function tar(): Format {
  return {
    make: (below) => {
      const entries = Array.from({ length: 1 + below(6) }, (_, i) => {
        const name = below(3) === 0 ? hostileText(below) : i === 0 ? 'test_batch.bin' : `data_batch_${i}.bin`;
        return tarEntry(name, Buffer.alloc(pick([0, 3073, 2 * 3073, 511, 512], below), below(12)), below);
      });
      const archive = Buffer.concat([...entries, Buffer.alloc(1024)]);
      const whole = below(3) === 0 ? mutate(archive, entries, below) : archive;
      return packed(whole, below);
    },
    read: async (bytes) => {
      const files = readTar(unpack(bytes, 'cifar-10-binary.tar.gz'), 'cifar-10-binary.tar.gz');
      const first = [...files.values()][0] ?? Buffer.alloc(0);
      readCifar10((name) => ({ source: name, bytes: files.get(name) ?? first }));
      return [...files.keys()].join('\n');
    },
  };
}

function tarEntry(name: string, content: Buffer, below: Below): Buffer {
  const header = Buffer.alloc(512);
  header.write(name.slice(0, 99), 0, 'utf8');
  const size =
    below(4) === 0
      ? pick(['77777777777', '-1', '1e9', '', '00000000001 ', '\x80\xff\xff'], below)
      : content.length.toString(8);
  header.write(size, 124, 'latin1');
  header.write(below(4) === 0 ? pick(['1', '2', '5', 'x', 'L', 'g'], below) : '0', 156, 'latin1');
  header.write(`/etc/${CANARY}`, 157, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** Experiment files of `compare`. */
export function json(folder: string): Format {
  const value = {
    common: { epochs: 2, model: 'notes', size: 32 },
    configurations: { a: { lr: 0.1 }, b: { lr: 0.2, augment: ['flip'] } },
    seeds: [0, 1, 2],
    about: 'two rates',
  };
  const seed = Buffer.from(JSON.stringify(value));
  return {
    make: (below) => (below(4) === 0 ? mutate(seed, [seed], below) : Buffer.from(mutateJson(value, below))),
    read: async (bytes) => {
      const path = join(folder, 'experiment.json');
      writeFileSync(path, bytes);
      const { configurations, about } = readExperimentFile(path);
      return [...Object.keys(configurations), about ?? ''].join('\n');
    },
  };
}

/** Folders of images with hostile names and links that lead outside. `make` returns a list of names. */
export async function names(folder: string): Promise<Format> {
  const image = await sharp({ create: { width: 4, height: 4, channels: 3, background: '#804020' } })
    .png()
    .toBuffer();
  const name = (below: Below, plain: string) => (below(2) ? plain : hostileText(below).slice(0, 80));
  return {
    make: (below) => {
      const classes = Array.from({ length: 1 + below(4) }, (_, i) => {
        const files = Array.from({ length: 2 + below(2) }, (_, k) => name(below, `${k}.png`));
        return {
          name: name(below, `class ${i}`),
          files,
          link:
            below(6) === 0
              ? pick(['../../../secret', '..', '.', '/etc/passwd', 'nowhere'], below)
              : undefined,
        };
      });
      return Buffer.from(JSON.stringify(classes));
    },
    read: async (bytes) => {
      const root = join(folder, 'images');
      rmSync(root, { recursive: true, force: true });
      const classes = JSON.parse(Buffer.from(bytes).toString()) as {
        name: string;
        files: string[];
        link?: string;
      }[];
      mkdirSync(root, { recursive: true });
      for (const { name, files, link } of classes) layOut(root, name, files, link, image);
      const quiet = { note: () => {}, bytes: () => {} };
      const { train, skipped = [] } = await openDataset(`folder:${root}`, undefined, quiet, { size: 4 });
      return [...train.classNames, ...skipped.flatMap(({ file, reason }) => [file, reason])].join('\n');
    },
  };
}

/** Creates the files and links that the file system permits, only below the root. */
function layOut(
  root: string,
  name: string,
  files: readonly string[],
  link: string | undefined,
  image: Buffer,
): void {
  const plain = (part: string) => part.replaceAll('/', '∕').replaceAll('\0', '0');
  if (['', '.', '..'].includes(name)) return;
  const at = join(root, plain(name));
  try {
    mkdirSync(at, { recursive: true });
    for (const file of files)
      if (!['', '.', '..'].includes(file)) writeFileSync(join(at, plain(file)), image);
    if (link !== undefined) symlinkSync(link, join(at, 'link.png'));
  } catch {} // For example, the name is too long.
}
