import { existsSync } from 'node:fs';
import { DataError } from '../data/dataset.ts';
import { DeviceLostError, type Engine } from '../engine/engine.ts';
import { systemFailure, systemLine } from '../node/system-error.ts';
import { NUMERICS, type RunState } from '../train/checkpoint.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';
import { train } from '../train/trainer.ts';
import type { TrainingResult, TrainingRun } from '../train/training-run.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { checkpointStore } from './checkpoint-store.ts';
import { CutShortError } from './cut-short-error.ts';
import { newLog, resumedLog } from './log.ts';
import { type ClaimedFolder, claimFolder, type RunFiles, requireFree, runFiles } from './run-folder.ts';

interface FolderRun extends Omit<TrainingRun, 'store' | 'listener'> {
  /** The folder of the run; locked during the run. */
  readonly folder: string;
  /** Displays progress. */
  readonly show: TrainListener;
  /** Displays warnings, one line each. */
  readonly say: (line: string) => void;
  /** The event that describes the data, which is logged first. */
  readonly found?: TrainEvent | undefined;
  /** The command that resumes the run, for messages. */
  readonly resume: string;
  /** Whether curves are drawn during the run; otherwise at its end, when its memory has been freed. */
  readonly charts?: boolean;
}

/** @throws DataError if another process has changed the folder since it was checked. */
function requireUntouched(folder: string, resumeFrom: TrainingRun['resumeFrom']): void {
  if (!resumeFrom) return requireFree(folder);
  const { globalStep } = loadCheckpoint(runFiles(folder).last).run.progress;
  if (globalStep === resumeFrom.run.progress.globalStep) return;
  throw new DataError(`${folder}: another process has continued this run to step ${globalStep}: try again`);
}

/**
 * Trains in a folder with checkpoints, log and curves. If no checkpoint was saved, created files are removed.
 * @throws CutShortError for file system errors, or a lost device, after a checkpoint was saved.
 */
export async function runTraining({ folder, resume, ...run }: FolderRun): Promise<TrainingResult> {
  const claimed = claimFolder(folder);
  const files = runFiles(folder);
  const hadLog = existsSync(files.log);
  const isSaved = () => run.resumeFrom !== undefined || existsSync(files.last);
  try {
    requireUntouched(folder, run.resumeFrom);
    const result = await trainIn(files, claimed, { folder, ...run });
    claimed.release();
    return result;
  } catch (error) {
    if (isSaved()) claimed.release();
    else claimed.abandon(hadLog ? [] : [files.log]);
    const isCutShort = systemFailure(error) !== undefined || error instanceof DeviceLostError;
    throw isCutShort && isSaved() ? new CutShortError(error, { folder, resume }) : error;
  }
}

async function trainIn(
  files: RunFiles,
  { verify }: Pick<ClaimedFolder, 'verify'>,
  { show, say, found, charts = true, ...run }: Omit<FolderRun, 'resume'>,
): Promise<TrainingResult> {
  const { config, resumeFrom } = run;
  if (resumeFrom) warnOfChanges(resumeFrom.run, run.engine, say);
  const log = resumeFrom ? resumedLog(files.log, resumeFrom.run, say) : newLog(files.log);
  try {
    const listeners = [show, log.listener];
    const curves = () => import('./curves.ts'); // Lazy: these modules take half a second and tens of MB.
    const attempt = attemptOf('the curves cannot be drawn', say);
    if (charts) {
      await attempt(async () => {
        const draw = (await curves()).drawCurves(files, config, resumeFrom?.run.history ?? []);
        listeners.push((event) => void attempt(() => draw(event)));
      });
    }
    const listener: TrainListener = (event) => {
      for (const listen of listeners) listen(event);
    };
    if (found) listener(found);
    const store = checkpointStore(files, { verify, syncLog: log.sync });
    const result = await train({ ...run, store, listener, memoryBytes: () => process.memoryUsage.rss() });
    log.sync();
    if (!charts) {
      await run.session.close();
      await attempt(async () => (await curves()).writeCurves(files, config, result.run.history));
    }
    return result;
  } finally {
    log.close();
  }
}

/** Wraps an optional action: the first failure is reported as a warning, others are ignored. */
function attemptOf(
  failure: string,
  say: FolderRun['say'],
): (work: () => void | Promise<void>) => void | Promise<void> {
  let isSaid = false;
  const warn = (error: unknown) => {
    if (!isSaid)
      say(`warning: ${failure}: ${systemLine(error) ?? (error as Error).message}; the run continues`);
    isSaid = true;
  };
  return (work) => {
    try {
      return work()?.catch(warn);
    } catch (error) {
      return warn(error);
    }
  };
}

/** Warns about changes since the checkpoint that make the results of the resumed run differ in the last bits. */
function warnOfChanges(
  { engine: before, isa, numerics }: RunState,
  engine: Engine,
  say: FolderRun['say'],
): void {
  if (before !== engine.name || isa !== engine.isa) {
    say(
      `this run used ${before} ${isa} and now uses ${engine.name} ${engine.isa}: results will differ in the last bits`,
    );
  }
  if (numerics !== NUMERICS) {
    const which = numerics < NUMERICS ? 'an older' : 'a newer';
    say(`warning: this run was trained by ${which} version of densor: results will differ in the last bits`);
  }
}
