import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { DataError } from '../data/dataset.ts';
import { parseJsonFile } from '../io/json-file.ts';
import { isTemporary, makeFolder, writeFileAtomic } from '../node/files.ts';
import { LOCK_FILE } from '../node/folder-lock.ts';
import { loadCheckpoint } from '../run/checkpoint-file.ts';
import { runFiles } from '../run/run-folder.ts';
import type { LoadedCheckpoint } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { differenceOf, type Experiment, parseExperiment } from '../train/experiment.ts';
import { ENGINE_NAMES, type EngineName } from './engines.ts';
import { UsageError } from './errors.ts';

/** The paths of the files of a comparison. */
export function comparisonFiles(folder: string) {
  return {
    experiment: join(folder, 'experiment.json'),
    report: join(folder, 'report.json'),
    markdown: join(folder, 'report.md'),
    svg: join(folder, 'curves.svg'),
    png: join(folder, 'curves.png'),
  } as const;
}

export function folderOfRun(
  folder: string,
  { configuration, seed }: { configuration: string; seed: number },
) {
  return join(folder, configuration, `seed-${seed}`);
}

/**
 * The description stored in the folder of a comparison. All runs use the same engine, so that times are
 * comparable.
 */
const storedSchema = z.strictObject({ experiment: z.unknown(), engine: z.enum(ENGINE_NAMES) });

/** A new or resumed comparison. */
export interface OpenedComparison {
  readonly experiment: Experiment;
  readonly engine: EngineName;
}

/**
 * Opens a comparison. If the folder contains it already, adds the experiment's seeds to the stored ones and uses
 * the stored engine.
 * @throws DataError, UsageError, ConfigError if the folder contains anything else.
 */
export function openComparison(folder: string, experiment: Experiment, given: EngineName): OpenedComparison {
  const fresh = { experiment, engine: given };
  if (!existsSync(folder)) return fresh;
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is a file: expected a folder for --out`);
  const path = comparisonFiles(folder).experiment;
  if (!existsSync(path)) {
    // A comparison that was interrupted before it stored anything leaves a lock or a temporary file.
    if (readdirSync(folder).every((name) => name === LOCK_FILE || isTemporary(name))) return fresh;
    throw new DataError(`${folder} is not empty and holds no comparison: choose another --out`);
  }
  const stored = storedSchema.safeParse(parseJsonFile(readFileSync(path), path));
  if (!stored.success) throw new DataError(`${path} is damaged: choose another --out`);
  const there = parseExperiment(stored.data.experiment, path);
  const seeds = [...new Set([...there.seeds, ...experiment.seeds])];
  const difference = differenceOf(there, { ...experiment, seeds: there.seeds });
  if (difference) {
    throw new UsageError(`${folder} holds another experiment: ${difference}: choose another --out`);
  }
  const { engine } = stored.data;
  if (given !== 'auto' && given !== engine) {
    throw new UsageError(`--engine ${given} contradicts the comparison in ${folder}, which uses ${engine}`);
  }
  return { experiment: { ...experiment, seeds }, engine };
}

export function storeExperiment(folder: string, experiment: Experiment, engine: string): void {
  makeFolder(folder);
  const text = JSON.stringify({ experiment, engine }, undefined, 2);
  writeFileAtomic(comparisonFiles(folder).experiment, `${text}\n`);
}

/**
 * The last checkpoint of a run; undefined if the run has not begun. @throws DataError if the folder has a
 * different run.
 */
export function openStoredRun(folder: string, config: RunConfig): LoadedCheckpoint | undefined {
  const { last } = runFiles(folder);
  if (!existsSync(last)) return undefined;
  const checkpoint = loadCheckpoint(last);
  const stored = checkpoint.run.config;
  const key = (Object.keys({ ...stored, ...config }) as (keyof RunConfig)[]).find(
    (each) => !isDeepStrictEqual(stored[each], config[each]),
  );
  if (key === undefined) return checkpoint;
  throw new DataError(
    /Sha256$/.test(key)
      ? `${folder}: images or labels are not those of this run: restore them (was --data-dir given?), or choose another --out`
      : `${folder}: ${key} of the run differs from the experiment: choose another --out`,
  );
}

/** Reads an experiment. @param path an existing file. @throws JsonFileError, ConfigError */
export function readExperimentFile(path: string): Experiment {
  return parseExperiment(parseJsonFile(readFileSync(path), path), path);
}
