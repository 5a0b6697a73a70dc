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

/** Where each file of a comparison lies. */
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

/** What the folder of a comparison is of. One engine runs it all, or times would mean nothing. */
const storedSchema = z.strictObject({ experiment: z.unknown(), engine: z.enum(ENGINE_NAMES) });

/** A comparison as a folder goes on with it. */
export interface OpenedComparison {
  readonly experiment: Experiment;
  readonly engine: EngineName;
}

/**
 * An experiment, its seeds added to those of the comparison that a folder holds, and the engine of that.
 * @throws DataError, UsageError, ConfigError when it holds anything else than this experiment.
 */
export function openComparison(folder: string, experiment: Experiment, given: EngineName): OpenedComparison {
  const fresh = { experiment, engine: given };
  if (!existsSync(folder)) return fresh;
  if (!statSync(folder).isDirectory())
    throw new DataError(`${folder} is a file: expected a folder for --out`);
  const path = comparisonFiles(folder).experiment;
  if (!existsSync(path)) {
    // One that was ended before it had stored anything leaves its lock, or half a file.
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

/** The run as it stands in its folder; undefined of one that has not begun. @throws DataError of another run */
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

/** @throws JsonFileError, ConfigError @param path of a file that is there. */
export function readExperimentFile(path: string): Experiment {
  return parseExperiment(parseJsonFile(readFileSync(path), path), path);
}
