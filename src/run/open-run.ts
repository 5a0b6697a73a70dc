import { compile, stateOf } from '../compile.ts';
import { knownClassNames } from '../data/dataset-names.ts';
import type { Engine, Session } from '../engine/engine.ts';
import type { Model } from '../model/module.ts';
import { trace } from '../model/trace.ts';
import { imageSizeOf, modelByName } from '../model/zoo.ts';
import { CheckpointError, type LoadedCheckpoint, requireFits } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { programsFor } from '../train/programs.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { checkpointAt } from './find-run.ts';

/** A trained network as its checkpoint has it. */
interface LoadedRun {
  readonly folder: string;
  /** Of the checkpoint. */
  readonly path: string;
  readonly checkpoint: LoadedCheckpoint;
  readonly config: RunConfig;
  readonly model: Model;
  /** One for each class. */
  readonly classNames: readonly string[];
}

/** A trained network, and what it was trained on. */
export interface SavedRun extends Pick<LoadedRun, 'folder' | 'config' | 'classNames'> {
  /** Of the images that it reads. */
  readonly channels: number;
  /** The network in an engine, to evaluate so many images in batches. */
  open(engine: Engine, of: { readonly count: number; readonly batch: number }): Promise<Session>;
}

/**
 * @param place the folder of a run, or one of its checkpoints.
 * @param which checkpoint of a folder.
 * @throws DataError, CheckpointError, SafetensorsError
 */
export function loadRun(place: string, which: 'last' | 'best'): LoadedRun {
  const { folder, file: path } = checkpointAt(place, which);
  const checkpoint = loadCheckpoint(path);
  const { config } = checkpoint.run;
  const channels = channelsOf(path, checkpoint.shapes);
  if (imageSizeOf(config.model) === undefined)
    throw new CheckpointError(`${path} is of model ${config.model}, which does not exist here`);
  const model = modelByName(config.model, { channels, classes: config.classes });
  // Before anything is planned: what a checkpoint claims to be may be far larger than the checkpoint.
  const { graph } = trace(model, 1, [config.size, config.size], 'evaluate');
  requireFits(path, checkpoint, stateOf(graph));
  return { folder, path, checkpoint, config, model, classNames: classNamesOf(config) };
}

/** As `loadRun`. */
export function openRun(place: string, which: 'last' | 'best'): SavedRun {
  const { folder, checkpoint, config, model, classNames } = loadRun(place, which);
  return {
    folder,
    config,
    channels: model.channels,
    classNames,
    async open(engine, of) {
      const { size, precision } = config;
      const { network } = compile(model, [size, size], programsFor('evaluate', of), {
        precision,
        target: engine.target,
      });
      const session = await engine.open(network);
      for (const [name, numbers] of checkpoint.state) session.write(name, numbers);
      return session;
    },
  };
}

/** What the first convolution reads: weights are [out, in, height, width]. */
export function channelsOf(path: string, shapes: ReadonlyMap<string, readonly number[]>): number {
  const first = [...shapes.values()].find((shape) => shape.length === 4);
  if (!first) throw new CheckpointError(`${path}: there is no convolution in it`);
  return first[1]!;
}

/** Older runs hold no names: those of the data set, or numbers. */
export function classNamesOf({ classNames, data, classes }: RunConfig): readonly string[] {
  const names = classNames ?? (data === undefined ? undefined : knownClassNames(data)) ?? [];
  return Array.from({ length: classes }, (_, label) => names[label] ?? `${label}`);
}
