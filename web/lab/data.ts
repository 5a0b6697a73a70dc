import { FASHION_CLASSES, type FilesOptions, openFiles, readIdx, type TrainTest } from 'densor/browser';
import type { DataSource } from './messages.ts';

const SAMPLE = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

/** The images that come with the package: the same bytes as of `--data sample`. @param base address of the page. */
export async function openSample(base: string): Promise<TrainTest> {
  const files = new Map<string, Uint8Array>();
  await Promise.all(
    SAMPLE.map(async (name) => {
      const response = await fetch(new URL(`sample/${name}.gz`, base));
      if (!response.ok) throw new Error(`the sample cannot be fetched: status ${response.status}`);
      // A server may have unpacked it on its way.
      const bytes = new Uint8Array(await response.arrayBuffer());
      files.set(name, bytes[0] === 0x1f ? await unzipped(bytes) : bytes);
    }),
  );
  const named = (name: string) => ({ source: name, bytes: files.get(name)! });
  return readIdx(named, { name: 'sample', place: 'the sample', classNames: FASHION_CLASSES });
}

async function unzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The images of a source, for a run of these settings. */
export async function openSource(
  source: DataSource,
  { size, seed, testShare }: Pick<FilesOptions, 'size' | 'seed' | 'testShare'>,
  base: string,
): Promise<TrainTest> {
  if (source.kind === 'sample') return openSample(base);
  return openFiles(source.files, { size, seed, testShare });
}
