import { DataError } from '../data/dataset.ts';
import { type PixelImage, readImage } from '../library/images.ts';
import type { Prediction } from '../library/network.ts';
import { loadRun } from '../library/node/network.ts';
import { readImageFile, SHARP_DECODER } from '../node/data/image-file.ts';
import type { EngineName } from './engines.ts';
import { formatTable } from './format.ts';
import { print, printJson, say } from './terminal.ts';

interface PredictOptions {
  readonly checkpoint: 'last' | 'best';
  readonly top: number;
  readonly mirror?: boolean;
  readonly engine: EngineName;
  readonly threads: number;
  readonly json?: boolean;
}

/** Exit status 0: every file was read; 1: some were; 2: none, or the run is no run. */
export async function runPredict(
  folder: string,
  files: readonly string[],
  given: PredictOptions,
): Promise<void> {
  const { checkpoint, engine, threads, top, mirror = false } = given;
  const network = await loadRun(folder, { checkpoint, engine, threads });
  try {
    const images = new Map<string, PixelImage>();
    const failed: { file: string; reason: string }[] = [];
    for (const file of new Set(files)) {
      try {
        const data = await readImage(await readImageFile(file), network, SHARP_DECODER);
        images.set(file, { width: network.size, height: network.size, data });
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        failed.push({ file, reason: error.message });
      }
    }
    const [first] = failed;
    if (first && images.size === 0) {
      const more = failed.length > 1 ? `, and none of the ${failed.length} files is an image` : '';
      throw new DataError(`${first.file} ${first.reason}${more}: expected JPEG, PNG or WebP images`);
    }
    const answers = await network.predict([...images.values()], { top, mirror });
    const predictions = [...images.keys()].map((file, i) => ({ file, top: answers[i]! }));
    if (given.json) printJson(jsonOf(predictions, failed));
    else print(linesOf(predictions));
    for (const { file, reason } of failed) say(`densor: ${file} ${reason}`);
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    await network.close();
  }
}

/** The predictions for a file, most probable first. */
interface Answer {
  readonly file: string;
  readonly top: readonly Prediction[];
}

function jsonOf(answers: readonly Answer[], failed: readonly object[]): object {
  const predictions = answers.map(({ file, top }) => ({
    file,
    top: top.map(({ label, probability }) => ({ class: label, probability })),
  }));
  return { predictions, failed };
}

function linesOf(answers: readonly Answer[]): readonly string[] {
  return answers.flatMap(({ file, top }) => {
    const rows = top.map(({ label, probability }) => [`  ${label}`, `${(100 * probability).toFixed(1)}%`]);
    return [file, ...formatTable(rows)];
  });
}
