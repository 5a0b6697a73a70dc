import { encodeStored, type LoadedCheckpoint, loadedCheckpoint } from '../train/checkpoint.ts';
import { train } from '../train/trainer.ts';
import type { RunStore, TrainingRun } from '../train/training-run.ts';
import { joined } from './joined.ts';

/** Told of each checkpoint; the run waits. What it throws ends the training. @param bytes gives those of its file. */
export type OnCheckpoint = (
  which: 'last' | 'best',
  bytes: () => Promise<Uint8Array<ArrayBuffer>>,
) => Promise<void> | void;

/** The bytes of a checkpoint's file. */
export async function encoded(checkpoint: LoadedCheckpoint): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encodeStored(checkpoint)) chunks.push(chunk.slice());
  return joined(chunks);
}

/** A checkpoint store for runs without a folder: keeps the latest of each kind in memory. */
function keptCheckpoints(onCheckpoint?: OnCheckpoint): RunStore & {
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
      const checkpoint = loadedCheckpoint(run, stored);
      await onCheckpoint?.(which, () => encoded(checkpoint));
      kept[which] = checkpoint;
    },
    load: async (which) => kept[which]!,
  };
}

/** Trains without a folder; resolves to the checkpoints. */
export async function trainInMemory(
  training: Omit<TrainingRun, 'store'>,
  bestBefore?: () => LoadedCheckpoint,
  onCheckpoint?: OnCheckpoint,
): Promise<{ readonly last: LoadedCheckpoint; readonly best: LoadedCheckpoint }> {
  const store = keptCheckpoints(onCheckpoint);
  const { resumeFrom } = training;
  if (resumeFrom) store.kept.last = resumeFrom;
  if (resumeFrom?.run.best && bestBefore) store.kept.best = bestBefore();
  await train({ ...training, store });
  const { last, best = last } = store.kept;
  return { last: last!, best: best! };
}
