import { existsSync } from 'node:fs';
import { DataError, type TrainTest } from '../data/dataset.ts';
import { sha256Of } from '../data/fingerprint.ts';
import { type LoadedCheckpoint, loadCheckpoint } from '../train/checkpoint.ts';
import { type RunConfig, runConfigSchema } from '../train/config.ts';
import { runFiles } from '../train/run-folder.ts';
import { requireSameDataOptions } from './data-options.ts';
import { ENGINE_NAMES } from './engines.ts';
import { UsageError } from './errors.ts';
import { channelsOf } from './open-run.ts';
import type { RunOptions } from './run-config.ts';

/** @throws DataError when the run was on other images or labels: its numbers would mean nothing. */
export function requireSameData(
  { data: name, dataSha256 }: RunConfig,
  data: TrainTest,
  folder: string,
): void {
  if (dataSha256 === undefined || sha256Of(data) === dataSha256) return;
  throw new DataError(
    `${name}: images or labels are not those of the run in ${folder}: bring those back ` +
      '(was there a --data-dir?), or begin a new run with --out',
  );
}

/** The checkpoint to go on from; what the command line says beside it must agree with it. */
export function openResumed(folder: string, given: RunOptions): LoadedCheckpoint {
  if (!existsSync(folder))
    throw new DataError(`${folder} does not exist: --resume wants the folder of a run`);
  if (given.out !== undefined && given.out !== folder) {
    throw new UsageError(
      `--out ${given.out} contradicts --resume ${folder}: a resumed run stays in its folder`,
    );
  }
  const checkpoint = loadCheckpoint(runFiles(folder).last);
  const { config, engine } = checkpoint.run;
  if (config.data === undefined) {
    throw new UsageError(
      `${folder} holds imported weights, and no run to go on with: begin one by train --from ${folder}`,
    );
  }
  for (const key of Object.keys(runConfigSchema.shape) as (keyof RunConfig)[]) {
    if (given[key] !== undefined && `${given[key]}` !== `${config[key]}`) {
      throw new UsageError(
        `--${kebab(key)} ${given[key]} contradicts the run in ${folder}, which has ${config[key] ?? 'none'}`,
      );
    }
  }
  const channels = channelsOf(runFiles(folder).last, checkpoint.shapes);
  requireSameDataOptions(given, config, channels, folder);
  if (!ENGINE_NAMES.some((name) => name === engine)) {
    throw new DataError(`the run in ${folder} is on engine ${engine}, which does not exist here`);
  }
  if (given.engine !== 'auto' && given.engine !== engine) {
    throw new UsageError(`--engine ${given.engine} contradicts the run in ${folder}, which is on ${engine}`);
  }
  return checkpoint;
}

/** As the command line writes it: `weightDecay` → `weight-decay`. */
function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
