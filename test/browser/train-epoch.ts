import type { Dataset } from '../../src/data/dataset.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { densenet } from '../../src/model/densenet.ts';
import { randomBits } from '../../src/tensor/random.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/train/checkpoint.ts';
import { compileRun } from '../../src/train/compile-run.ts';
import { runConfigSchema } from '../../src/train/config.ts';
import { train } from '../../src/train/trainer.ts';
import type { RunStore } from '../../src/train/training-run.ts';

const [CLASSES, CHANNELS, SIDE] = [3, 3, 12];

/** Noisy images with one color per class. */
function images(name: string, count: number, seed: number): Dataset {
  const bytes = SIDE * SIDE * CHANNELS;
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  const pixels = Uint8Array.from({ length: count * bytes }, (_, i) => {
    const isColour = i % CHANNELS === labels[Math.floor(i / bytes)];
    return (randomBits(seed, 0, i) & 127) + (isColour ? 128 : 0);
  });
  const classNames = ['red', 'green', 'blue'];
  return { name, count, height: SIDE, width: SIDE, channels: CHANNELS, pixels, labels, classNames };
}

/**
 * Trains one epoch as a run without a folder; returns losses, points of the curves, and the bits of the
 * checkpoint.
 */
export async function trainEpoch(engine: Engine) {
  const config = runConfigSchema.parse({
    ...{ recipe: 'notes', model: 'small', data: 'made', classes: CLASSES, size: 16, batch: 16, epochs: 1 },
    ...{ lr: 0.05, seed: 3, precision: 'f32', optimizer: 'nesterov', momentum: 0.9, weightDecay: 1e-4 },
    ...{ schedule: 'one-cycle', labelSmoothing: 0.1, clip: 5, ema: 0.9 },
    transforms: {
      augment: ['shift', 'flip'],
      normalize: 'measured',
      normalization: { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] },
    },
  });
  const model = densenet({ stem: 16, growthRate: 8, blocks: [2, 2], classes: CLASSES, channels: CHANNELS });
  const data = { train: images('training', 40, 1), test: images('test', 21, 2) };
  const compiled = compileRun(config, model, data);
  const session = await engine.open(compiled.network);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let saved: Promise<void> | undefined;
  const store: RunStore = {
    nameOf: (which) => which,
    // Called once, after the only epoch.
    save: async (which, checkpoint, shapes) => {
      if (which === 'best') saved = take(encodeCheckpoint(checkpoint, shapes), chunks);
      await saved;
    },
    load: () => {
      throw new Error('nothing is loaded where there are no validation images');
    },
  };
  const losses: number[] = [];
  const { finished, run } = await train({
    ...{ config, model, data, compiled, engine, session, store },
    listener: (event) => {
      if (event.kind === 'step') losses.push(event.loss);
    },
  });
  await saved;
  const { training } = decodeCheckpoint(new Uint8Array(await new Blob(chunks).arrayBuffer()), 'best');
  await engine.close();
  return { finished, losses, history: run.history, bits: bitsOf(training.state) };
}

async function take(from: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, to: Uint8Array[]): Promise<void> {
  for await (const chunk of from) to.push(new Uint8Array(chunk));
}

function bitsOf(state: ReadonlyMap<string, Float32Array | Float64Array>): Record<string, number[]> {
  return Object.fromEntries(
    [...state].map(([name, { buffer, byteOffset, byteLength }]) => [
      name,
      [...new Uint32Array(buffer, byteOffset, byteLength / 4)],
    ]),
  );
}
