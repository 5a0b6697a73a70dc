import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { IDX_FILES } from '../src/data/idx.ts';
import { openFashionMnist } from '../src/node/data/fashion-mnist.ts';

/** Writes `sample/`: the first 1,000 training and 200 test images of Fashion-MNIST, as IDX files. */

const folder = fileURLToPath(new URL('../../sample', import.meta.url));
mkdirSync(folder, { recursive: true });

function header(magic: number, sizes: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  [magic, ...sizes].forEach((word, i) => {
    bytes.writeUInt32BE(word, 4 * i);
  });
  return bytes;
}

const data = await openFashionMnist(process.argv[2], { note: console.error, bytes: () => {} });
for (const [half, count] of [
  ['train', 1000],
  ['test', 200],
] as const) {
  const { height, width, pixels, labels } = data[half];
  const images = [header(0x803, [count, height, width]), pixels.subarray(0, count * height * width)];
  writeFileSync(join(folder, `${IDX_FILES[half].images}.gz`), gzipSync(Buffer.concat(images), { level: 9 }));
  const classes = [header(0x801, [count]), labels.subarray(0, count)];
  writeFileSync(join(folder, `${IDX_FILES[half].labels}.gz`), gzipSync(Buffer.concat(classes), { level: 9 }));
}
