import { type LoadedCheckpoint, loadedCheckpoint } from '../train/checkpoint.ts';
import { train } from '../train/trainer.ts';
import type { RunStore, TrainingRun } from '../train/training-run.ts';

/** A checkpoint store for runs without a folder: keeps the latest of each kind in memory. */
function keptCheckpoints(): RunStore & {
  readonly kept: Partial<Record<'last' | 'best', LoadedCheckpoint>>;
} {
  const kept: Partial<Record<'last' | 'best', LoadedCheckpoint>> = {};
  return {
    kept,
    nameOf: (which) => `the ${which} checkpoint, in memory,`,
    async save(which, { run, state }, shapes) {
      const tensors = new Map<string, Float32Array | Float64Array>();
      for (const name of shapes.keys()) tensors.set(name, await state.read(name));
      const stored = {
        state: tensors,
        shapes: new Map([...shapes].map(([name, { shape }]) => [name, shape])),
      };
      kept[which] = loadedCheckpoint(run, stored);
    },
    load: async (which) => kept[which]!,
  };
}

/** Trains without a folder; resolves to the checkpoints. */
export async function trainInMemory(
  training: Omit<TrainingRun, 'store'>,
  bestBefore?: () => LoadedCheckpoint,
): Promise<{ readonly last: LoadedCheckpoint; readonly best: LoadedCheckpoint }> {
  const store = keptCheckpoints();
  const { resumeFrom } = training;
  if (resumeFrom) store.kept.last = resumeFrom;
  if (resumeFrom?.run.best && bestBefore) store.kept.best = bestBefore();
  await train({ ...training, store });
  const { last, best = last } = store.kept;
  return { last: last!, best: best! };
}
