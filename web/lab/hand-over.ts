import type { TrainTest } from 'densor/browser';
import { zipSync } from 'fflate';

/** What a run is handed over with. */
export interface HandOver {
  readonly last: Uint8Array;
  readonly best: Uint8Array | undefined;
  readonly log: Uint8Array;
  /** Images of one's own go along, as the network reads them; the sample is known to the command line. */
  readonly data: TrainTest | undefined;
}

/** A zip that `densor train --resume run` goes on from, in the folder where it is unpacked. */
export async function handOverZip({ last, best, log, data }: HandOver): Promise<Uint8Array<ArrayBuffer>> {
  const readme = [
    'A run of Densor, from the page. In the folder where this is unpacked:',
    '',
    '    npx densor train --resume run',
    '    npx densor evaluate run',
    '',
    'The same instruction set (--engine wasm) goes on with the same bits.',
    '',
  ];
  const files: Record<string, Uint8Array> = {
    'README.txt': new TextEncoder().encode(readme.join('\n')),
    'run/last.safetensors': last,
    'run/log.jsonl': log,
    ...(best && { 'run/best.safetensors': best }),
  };
  for (const set of data ? [data.train, data.test] : []) {
    const bytes = set.height * set.width * set.channels;
    for (let i = 0; i < set.count; i++) {
      const pixels = (set.pixels as Uint8Array).subarray(i * bytes, (i + 1) * bytes);
      // Whatever the name says: what a file is shows in its bytes.
      files[`images/${set.files![i]}`] = await pngOf(pixels, set);
    }
  }
  return zipSync(files, { level: 0 }) as Uint8Array<ArrayBuffer>;
}

/** A PNG with exactly these pixels. */
async function pngOf(
  pixels: Uint8Array,
  { width, height, channels }: TrainTest['train'],
): Promise<Uint8Array> {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[i * channels + (channels === 3 ? c : 0)]!;
    image.data[4 * i + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
}
