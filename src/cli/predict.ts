import { Argument, type Command } from 'commander';
import { z } from 'zod';
import { DataError } from '../data/dataset.ts';
import { fitImage } from '../data/fit-image.ts';
import { decodeImage, readImageFile } from '../node/data/image-file.ts';
import { openRun, type SavedRun } from '../run/open-run.ts';
import { testTransforms } from '../train/data-config.ts';
import { evaluate } from '../train/evaluate.ts';
import { evaluateMirrored } from '../train/evaluate-mirrored.ts';
import { softmax } from '../train/scorecard.ts';
import { type EngineName, openEngine } from './engines.ts';
import { formatTable } from './format.ts';
import { commandOf, runArgument } from './options.ts';
import { print, printJson, say } from './terminal.ts';

interface PredictOptions {
  readonly checkpoint: 'last' | 'best';
  readonly top: number;
  readonly mirror?: boolean;
  readonly engine: EngineName;
  readonly threads: number;
  readonly json?: boolean;
}

interface Prediction {
  readonly file: string;
  /** The likeliest classes, the likeliest first. */
  readonly top: readonly { readonly class: string; readonly probability: number }[];
}

/** Images at once: enough to be fast, few enough to need little memory. */
const MOST_AT_ONCE = 32;

export function predictCommand(): Command {
  return commandOf('predict', {
    description: 'the likeliest classes of images; a file that is no image makes the exit status 1',
    arguments: [runArgument(), new Argument('<image...>', 'JPEG, PNG or WebP files')],
    own: {
      top: { schema: z.int().positive().max(999_999), value: 'k', help: 'classes to name', default: 5 },
    },
    examples: ['predict runs/photos new.jpg', 'predict runs/photos *.png --top 1 --json'],
  }).action(runPredict);
}

/** Exit status 0: every file was read; 1: some were; 2: none, or the run is no run. */
async function runPredict(place: string, files: readonly string[], given: PredictOptions): Promise<void> {
  const run = openRun(place, given.checkpoint);
  const { size } = run.config;
  const images = new Map<string, Uint8Array>();
  const failed: { file: string; reason: string }[] = [];
  for (const file of new Set(files)) {
    try {
      images.set(file, fitImage(await decodeImage(await readImageFile(file)), size, run.channels));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      failed.push({ file, reason: error.message });
    }
  }
  const [first] = failed;
  if (first && images.size === 0) {
    const more = failed.length > 1 ? `, and no other of the ${failed.length} files is one` : '';
    throw new DataError(`${first.file} ${first.reason}${more}: expected JPEG, PNG or WebP images`);
  }
  const predictions = await predict(run, images, given);
  if (given.json) printJson({ predictions, failed });
  else print(linesOf(predictions));
  for (const { file, reason } of failed) say(`densor: ${file} ${reason}`);
  if (failed.length > 0) process.exitCode = 1;
}

async function predict(
  run: SavedRun,
  images: ReadonlyMap<string, Uint8Array>,
  { engine: engineName, threads, top, mirror }: PredictOptions,
): Promise<readonly Prediction[]> {
  const { config, channels, classNames } = run;
  const files = [...images.keys()];
  const dataset = {
    name: 'images',
    count: files.length,
    height: config.size,
    width: config.size,
    channels,
    pixels: Buffer.concat([...images.values()]),
    labels: new Uint8Array(files.length), // Nobody knows them yet: the loss is left unread.
    classNames,
    files,
  };
  const predictions: Prediction[] = [];
  const engine = await openEngine(engineName, threads);
  try {
    const batch = Math.min(files.length, MOST_AT_ONCE);
    const session = await run.open(engine, { count: files.length, batch });
    await (mirror ? evaluateMirrored : evaluate)(session, dataset, {
      size: [config.size, config.size],
      batch,
      ...testTransforms(config),
      onBatch: (at, labels, logits) => {
        for (let i = 0; i < labels.length; i++) {
          const row = logits.subarray(i * classNames.length, (i + 1) * classNames.length);
          predictions.push({ file: files[at + i]!, top: likeliest(softmax(row), classNames, top) });
        }
      },
    });
  } finally {
    await engine.close();
  }
  return predictions;
}

function likeliest(probabilities: Float64Array, classNames: readonly string[], top: number) {
  return classNames
    .map((name, label) => ({ class: name, probability: probabilities[label]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}

function linesOf(predictions: readonly Prediction[]): readonly string[] {
  return predictions.flatMap(({ file, top }) => {
    const rows = top.map(({ class: name, probability }) => [
      `  ${name}`,
      `${(100 * probability).toFixed(1)}%`,
    ]);
    return [file, ...formatTable(rows)];
  });
}
