import { compile, stateOf } from '../compile.ts';
import { knownClassNames } from '../data/dataset-names.ts';
import type { Engine, Session } from '../engine/engine.ts';
import { quoted } from '../io/quoted.ts';
import type { Model } from '../model/module.ts';
import { trace } from '../model/trace.ts';
import { CheckpointError, type LoadedCheckpoint, requireFits } from './checkpoint.ts';
import { ConfigError, type RunConfig } from './config.ts';
import { programsFor } from './programs.ts';
import { modelOf } from './run-model.ts';

/** A trained network from its checkpoint. */
export interface Trained {
  /** Path of the checkpoint, for messages. */
  readonly path: string;
  readonly checkpoint: LoadedCheckpoint;
  readonly config: RunConfig;
  readonly model: Model;
  /** One name per class. */
  readonly classNames: readonly string[];
}

/** @throws CheckpointError unless the checkpoint has the tensors of its network, with finite values. */
export function trainedOf(path: string, checkpoint: LoadedCheckpoint): Trained {
  const { config } = checkpoint.run;
  const model = storedModel(path, config, channelsOf(path, checkpoint.shapes));
  const { graph } = trace(model, 1, [config.size, config.size], 'evaluate');
  requireFits(path, checkpoint, stateOf(graph));
  return { path, checkpoint, config, model, classNames: classNamesOf(config) };
}

function storedModel(path: string, { dropout: _, ...config }: RunConfig, channels: number): Model {
  try {
    return modelOf(config, channels); // Dropout is irrelevant after training.
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CheckpointError(
      config.network
        ? `${path}: ${error.message}`
        : `${path} is of model ${quoted(config.model)}, which does not exist here`,
    );
  }
}

/**
 * Opens the network in an engine, to evaluate `count` images in batches. With feature maps as further outputs it computes in
 * float32, whatever the precision of the run: rounded maps would not add up to the logits.
 */
export async function openTrained(
  { model, config, checkpoint }: Trained,
  engine: Engine,
  { maps = [], ...of }: { readonly count: number; readonly batch: number; readonly maps?: readonly string[] },
): Promise<Session> {
  const { size } = config;
  const precision = maps.length > 0 ? 'f32' : config.precision;
  const options = { precision, target: engine.target };
  const { network } = compile(model, [size, size], programsFor('evaluate', of, { outputs: maps }), options);
  const session = await engine.open(network);
  for (const [name, numbers] of checkpoint.state) session.write(name, numbers);
  return session;
}

/** Input channels of the first convolution: weights are [out, in, height, width]. */
export function channelsOf(path: string, shapes: ReadonlyMap<string, readonly number[]>): number {
  const first = [...shapes.values()].find((shape) => shape.length === 4);
  if (!first) throw new CheckpointError(`${path}: there is no convolution in it`);
  return first[1]!;
}

/** Class names of a run. Older runs have none: those of the data set are used, or numbers. */
export function classNamesOf({ classNames, data, classes }: RunConfig): readonly string[] {
  const names = classNames ?? (data === undefined ? undefined : knownClassNames(data)) ?? [];
  return Array.from({ length: classes }, (_, label) => names[label] ?? `${label}`);
}
