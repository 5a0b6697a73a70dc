import { existsSync } from 'node:fs';
import type { EngineOptions } from '../compile.ts';
import { DataError, requireLabels, type TrainTest } from '../data/dataset.ts';
import { loadCheckpoint } from '../train/checkpoint.ts';
import { compileRun } from '../train/compile-run.ts';
import type { RunConfig } from '../train/config.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';
import { logTo, truncateLog } from '../train/log.ts';
import { dataOf, type RunData } from '../train/run-data.ts';
import { claimFolder, requireFree, runFiles } from '../train/run-folder.ts';
import { type TrainingResult, type TrainingRun, train } from '../train/trainer.ts';
import { CutShortError, fileSystemLine } from './errors.ts';
import { modelOf } from './run-config.ts';
import { say } from './terminal.ts';

/** Everything of a run that is known before an engine is opened. */
export type PreparedRun = Pick<TrainingRun, 'config' | 'model' | 'data' | 'compiled'>;

interface PrepareOptions extends EngineOptions {
  /** A run that differs in its seed alone: what it compiled serves again where it has as many images. */
  readonly earlier?: PreparedRun | undefined;
}

/**
 * Compiles the network of a run for its data.
 * @throws DataError, UsageError, ShapeError, MemoryLimitError
 */
export function prepareRun(
  config: RunConfig,
  all: TrainTest,
  { earlier, ...on }: PrepareOptions = {},
): PreparedRun {
  for (const set of [all.train, all.test]) requireLabels(set, config.classes);
  const data = dataOf(config, all);
  if (earlier && sameCounts(earlier.data, data)) return { ...earlier, config, data };
  const model = modelOf(config, data.train.channels);
  return { config, model, data, compiled: compileRun(config, model, data, on) };
}

function sameCounts(a: RunData, b: RunData): boolean {
  return (['train', 'test', 'validation'] as const).every((half) => a[half]?.count === b[half]?.count);
}

interface FolderRun extends Omit<TrainingRun, 'files' | 'listener'> {
  /** Where everything goes; claimed while the run is at work. */
  readonly folder: string;
  /** Shows the run. */
  readonly show: TrainListener;
  /** What there is to tell of the data, before the run begins. */
  readonly found?: TrainEvent | undefined;
  /** The command that goes on when the disk is full. */
  readonly resume: string;
  /** Whether curves are drawn while the run goes on, or when it has ended and its memory is free. */
  readonly charts?: boolean;
}

/** @throws DataError where another process has worked in the folder since it was looked at. */
function requireUntouched(folder: string, resumeFrom: TrainingRun['resumeFrom']): void {
  if (!resumeFrom) return requireFree(folder);
  const { globalStep } = loadCheckpoint(runFiles(folder).last).run.progress;
  if (globalStep === resumeFrom.run.progress.globalStep) return;
  throw new DataError(
    `${folder}: another process has gone on with this run, to step ${globalStep}: try again`,
  );
}

/** Trains in a folder with checkpoints, log and curves. @throws CutShortError when there is a checkpoint to go on from. */
export async function runTraining({
  folder,
  show,
  found,
  resume,
  charts = true,
  ...run
}: FolderRun): Promise<TrainingResult> {
  const { config, engine, resumeFrom } = run;
  const release = claimFolder(folder);
  const files = runFiles(folder);
  try {
    requireUntouched(folder, resumeFrom);
    if (resumeFrom && resumeFrom.run.isa !== engine.isa) {
      say(
        `this run was on ${resumeFrom.run.isa}, now it is ${engine.isa}: the numbers will differ in the last bits`,
      );
    }
    truncateLog(files.log, resumeFrom?.run.progress.globalStep ?? 0);
    const listeners = [show, logTo(files.log)];
    const curves = () => import('./curves.ts'); // Drawing is half a second of modules, and tens of megabytes.
    if (charts) listeners.push((await curves()).drawCurves(files, config, resumeFrom?.run.history ?? []));
    const listener: TrainListener = (event) => {
      for (const listen of listeners) listen(event);
    };
    if (found) listener(found);
    const result = await train({ ...run, files, listener });
    if (!charts) {
      await run.session.close();
      (await curves()).writeCurves(files, config, result.run.history);
    }
    return result;
  } catch (error) {
    const canResume = fileSystemLine(error) !== undefined && existsSync(files.last);
    throw canResume ? new CutShortError(error, resume) : error;
  } finally {
    release();
  }
}
