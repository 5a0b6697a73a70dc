import { type Compiled, compile, type EngineOptions } from '../compile.ts';
import type { TrainTest } from '../data/dataset.ts';
import type { Model } from '../model/module.ts';
import { counted } from '../tensor/counted.ts';
import { ShapeError } from '../tensor/shape.ts';
import { ConfigError, evaluationBatch, type RunConfig, trainingOptions } from './config.ts';
import { programsFor, statisticsProgram } from './programs.ts';
import { frozenIn } from './stages.ts';

/**
 * Compiles all programs of a run: full and last batches, training and evaluation.
 * @throws ShapeError, ConfigError, MemoryLimitError
 */
export function compileRun(
  config: RunConfig,
  model: Model,
  data: TrainTest,
  on: EngineOptions = {},
): Compiled {
  const { batch, microBatch } = config;
  const size = [config.size, config.size] as const;
  const count = Math.min(config.limit ?? data.train.count, data.train.count);
  const evaluated = [data.test, ...(data.validation ? [data.validation] : [])];
  try {
    const batches = { count, batch, microBatch };
    const programs = [
      ...[...frozenIn(model, config)].flatMap(([stage, frozen]) => [
        programsFor('train', batches, { frozen }, stage),
        config.ema === undefined ? {} : statisticsProgram(batches, { frozen }, stage),
      ]),
      ...evaluated.map((set) =>
        programsFor('evaluate', { count: set.count, batch: evaluationBatch(config) }),
      ),
    ];
    return compile(model, size, Object.assign({}, ...programs), {
      ...trainingOptions(config),
      precision: config.precision,
      leaves: config.leaves,
      ...on,
    });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ConfigError(`\`freeze\` ${config.freeze}: ${error.message}`, { setting: 'freeze' });
    }
    if (!(error instanceof ShapeError)) throw error;
    const full = Math.min(count, batch);
    const last = count % batch || full;
    const reason = whyNot(model, size, full);
    if (reason) throw reason;
    if (!whyNot(model, size, last)) {
      throw new ShapeError(
        error.layer,
        `batch norm needs more than one value per channel, and a part of a batch has one image: use a larger ` +
          `\`microBatch\` (now ${microBatch}, of batches of ${last < full ? `${full}, the last of ${last}` : full}), ` +
          'or a larger `size`',
      );
    }
    throw new ShapeError(
      error.layer,
      `batch norm needs more than one value per channel, and the last, short batch of an epoch has ` +
        `${counted(last, 'image')} (${count} in batches of ${batch}): ` +
        (data.validation
          ? 'use another `batch`, a larger `size`, or another `validate`'
          : `use another \`batch\`, a larger \`size\`, or \`limit\` ${count - last} to leave ${last === 1 ? 'it' : 'them'} out`),
    );
  }
}

/** Why a training step on this number of images is impossible; undefined if it is possible. */
function whyNot(model: Model, size: readonly [number, number], batch: number): ShapeError | undefined {
  try {
    compile(model, size, programsFor('train', { count: batch, batch }));
    return undefined;
  } catch (error) {
    if (error instanceof ShapeError) return error;
    throw error;
  }
}
