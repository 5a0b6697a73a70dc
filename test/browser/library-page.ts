import * as densor from '../../src/browser.ts';
import { bitsOfState, colourImage, colours, OWN_NETWORK } from '../support/colours.ts';

const DATA = colours(36);
export const OPTIONS = { epochs: 2, lr: 0.05, batch: 8, seed: 4 } as const;

/** Uses the library in a page: trains, predicts a file, saves, and loads the result. */
export async function useLibrary(
  files: readonly (readonly number[])[],
  threads?: number,
  engine: 'auto' | 'webgpu' = 'auto',
) {
  const isolated = crossOriginIsolated;
  await using run = await densor.fit(OWN_NETWORK, DATA, { ...OPTIONS, threads, engine });
  const saved = await run.save();
  await using again = await densor.loadRun(new Blob([saved]), { engine });
  const images = [...files.map((bytes) => new Uint8Array(bytes)), colourImage(DATA, 1)];
  return {
    isolated,
    finished: run.finished,
    bits: bitsOfState(run),
    saved: [...saved],
    onnxBytes: (await run.exportOnnx()).length,
    predictions: await again.predict(images),
    canvas: (await (await densor.CANVAS_DECODER.open(images[0] as Uint8Array)).decode()).width,
  };
}

/** The error message of the library for a mistake. */
export async function mistake(kind: 'threads' | 'html' | 'missing' | 'folder' | 'run'): Promise<string> {
  try {
    if (kind === 'threads') await densor.fit(OWN_NETWORK, DATA, { ...OPTIONS, threads: 2 });
    if (kind === 'html') await densor.fetchWasmModule('/answers-html/');
    if (kind === 'missing') await densor.fit(OWN_NETWORK, DATA, { ...OPTIONS, kernels: '/nowhere' });
    if (kind === 'folder') await densor.fit(OWN_NETWORK, 'photos' as never, OPTIONS);
    if (kind === 'run') await densor.loadRun(await fetch('/answers-html/scalar.wasm'));
    return 'nothing';
  } catch (error) {
    return (error as Error).message;
  }
}
