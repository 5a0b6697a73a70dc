import type { Compiled } from '../compile.ts';
import { DataError, type TrainTest } from '../data/dataset.ts';
import { nearDuplicates } from '../data/near-duplicates.ts';
import { DeviceLostError, DeviceMemoryError, type Engine, type Session } from '../engine/engine.ts';
import { sha256Of } from '../node/data/fingerprint.ts';
import { openDataset, scratchFolder } from '../node/data/open-dataset.ts';
import { spilled } from '../node/data/pixel-file.ts';
import { CutShortError } from '../run/cut-short-error.ts';
import { resumedFolder } from '../run/find-run.ts';
import { ProcessLimitError } from '../run/memory-limit.ts';
import { trainingNeeds } from '../run/process-memory.ts';
import { openResumed } from '../run/resume-run.ts';
import { freeFolder, requireFree, runFiles } from '../run/run-folder.ts';
import { runTraining } from '../run/run-training.ts';
import { openWeights } from '../run/weights-source.ts';
import { counted } from '../tensor/counted.ts';
import { type LoadedCheckpoint, requireFits } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { dataEvent } from '../train/data-event.ts';
import { settingsFrom } from '../train/fine-tuning.ts';
import { prepareRun } from '../train/prepare-run.ts';
import { type ResolvedRecipe, resolveRecipe } from '../train/recipes.ts';
import { requireSameData } from '../train/resumed-run.ts';
import { dataOf } from '../train/run-data.ts';
import { type AllowedForms, type StepForm, stepForms } from '../train/step-form.ts';
import { channelsOf } from '../train/trained.ts';
import { settingsWarnings } from '../train/warnings.ts';
import { startingWeights, type WeightsSource } from '../train/weights-source.ts';
import { folderOptions, openOwnData, requireFolderOptions } from './data-options.ts';
import { showDataReport } from './data-report.ts';
import { announce, ENGINE_NAMES, type EngineName, openEngine } from './engines.ts';
import { inFlags, UsageError } from './errors.ts';
import { channelsFor, fittedToData, fittedToFolder, requireColour } from './fine-tune.ts';
import { formatBytes } from './format.ts';
import { collectGarbage } from './heap.ts';
import { withinLimit } from './memory-limit.ts';
import { showData, showTraining } from './progress.ts';
import { completeRecipe, type RunOptions } from './run-config.ts';
import { interruptSignal } from './signals.ts';
import { say } from './terminal.ts';
import { resumeCommand } from './this-command.ts';
import { reportTraining } from './train-report.ts';
import { startUiOf } from './ui-owner.ts';

interface TrainOptions extends Omit<RunOptions, keyof StepForm>, Partial<Pick<AllowedForms, keyof StepForm>> {
  readonly resume?: string;
  readonly from?: string;
  readonly weights?: string;
  readonly memoryLimit?: number;
}

/** @throws UsageError where two data sets are named. */
function withData(given: TrainOptions, data: string | undefined): TrainOptions {
  if (data === undefined) return given;
  if (given.data !== undefined && given.data !== data) {
    throw new UsageError(`--data ${given.data} contradicts ${data}: specify one data set`);
  }
  return { ...given, data };
}

/** If its GPU is lost, a run is resumed once on the reopened GPU: sleep and driver updates end devices. */
export async function runTrain(
  data: string | undefined,
  { ui: isShown = false, ...asked }: TrainOptions & { readonly ui?: boolean },
): Promise<void> {
  try {
    await trainOnce(withData(asked, data), isShown);
  } catch (error) {
    if (!(error instanceof CutShortError && error.cause instanceof DeviceLostError)) throw error;
    say(`${error.message}: opening it again and resuming from the last checkpoint`);
    const { engine, threads, dataDir, memoryLimit, json } = asked;
    await trainOnce(
      { engine, threads, dataDir, memoryLimit, json, resume: error.folder } as TrainOptions,
      isShown,
    );
  }
}

async function trainOnce(asked: TrainOptions, isShown: boolean): Promise<void> {
  const given = inRunFolder(asked);
  const beginning = await begin(given);
  const { resumeFrom, source, recipe } = beginning;
  const engineName = engineOf(given, resumeFrom);
  const opened = await openData(given, beginning);
  if (!resumeFrom) requireColour(source, opened.data);
  const settled =
    resumeFrom?.run.config ?? completeRecipe(fittedToData(recipe!, given, opened.data), opened.data, source);
  if (resumeFrom) requireSameData(settled, sha256Of(opened.data), given.resume!);
  const engine = await openEngine(engineName, given.threads);
  try {
    const needs = trainingNeeds(opened.data, settled);
    const choose = (limit: number | undefined) =>
      withinLimit({
        limit,
        engine,
        ...needs,
        batch: settled.batch,
        // A resumed run keeps its form.
        forms: stepForms({ ...settled, ...(!resumeFrom && formOf(given)) }),
        compile: (form, memory) => {
          const on = { memory, target: engine.target };
          const { model, compiled } = prepareRun({ ...settled, ...form }, opened.data, on);
          return { model, compiled };
        },
      });
    const { prepared, form, isFrugal, session } = await openWithinLimit(
      engine,
      given.memoryLimit,
      (limit) => {
        const chosen = choose(limit);
        if (chosen.isFrugal) opened.data = spilled(opened.data, scratchFolder());
        return chosen;
      },
    );
    const config = { ...settled, ...form };
    if (!resumeFrom) warn(config, opened.data);
    const { network } = prepared.compiled;
    if (resumeFrom) requireFits(runFiles(given.resume!).last, resumeFrom.training, network.state);
    const start = source && startingWeights(source, network, settled);
    for (const line of start?.remarks ?? []) say(inFlags(line));
    announce(engineName, engine);
    const folder = given.resume ?? given.out ?? freeFolder(config);
    const { signal, dispose } = interruptSignal();
    const ui = isShown ? startUiOf(folder) : undefined;
    const { finished, run } = await runTraining({
      ...{ ...prepared, config, data: dataOf(config, opened.data), engine, session, folder, signal, say },
      ...{ found: opened.found, charts: !isFrugal, show: showTraining(), resume: resumeCommand(folder) },
      ...(resumeFrom && { resumeFrom }),
      ...(start && { startFrom: start.state }),
      ...(ui && { pause: ui.pause }),
    }).finally(() => {
      dispose();
      ui?.close();
    });
    reportTraining(run, engine, folder, finished, given.json ?? false, start?.report);
  } finally {
    await engine.close();
  }
}

/** Share of the memory that a GPU could not allocate to try next. */
const LESS_MEMORY = 0.75;

/**
 * Opens a network that `choose` selects for a memory limit. A GPU cannot be asked how much memory is free, so if
 * allocation fails, a network that needs less is chosen.
 * @throws UsageError if no network fits.
 */
async function openWithinLimit<T extends { readonly prepared: { readonly compiled: Compiled } }>(
  engine: Engine,
  limit: number | undefined,
  choose: (limit: number | undefined) => T,
): Promise<T & { readonly session: Session }> {
  const chosen = choose(limit);
  await collectGarbage(); // Before long-lived memory is allocated.
  try {
    return { ...chosen, session: await engine.open(chosen.prepared.compiled.network) };
  } catch (error) {
    if (!(error instanceof DeviceMemoryError)) throw error;
    const { bytes } = error;
    const less = Math.floor(LESS_MEMORY * bytes);
    say(`the GPU cannot allocate ${formatBytes(bytes)}: trying with less`);
    try {
      return await openWithinLimit(engine, less, choose);
    } catch (tooSmall) {
      // Between the two lies the smallest plan, if it is smaller at all.
      const least = tooSmall instanceof UsageError && tooSmall.cause instanceof ProcessLimitError;
      const { leastLimitBytes } = least ? (tooSmall.cause as ProcessLimitError) : { leastLimitBytes: bytes };
      if (leastLimitBytes >= bytes || leastLimitBytes <= less) throw least ? error : tooSmall;
      return openWithinLimit(engine, leastLimitBytes, choose);
    }
  }
}

/** Warns about unpromising settings before a long training. */
function warn(config: RunConfig, all: TrainTest): void {
  const { train, test } = dataOf(config, all);
  for (const line of settingsWarnings(config, train.count)) say(inFlags(`warning: ${line}`));
  if (!train.files || !test.files) return;
  const [first, ...others] = nearDuplicates(train, test);
  if (!first) return;
  say(
    `warning: ${counted(others.length + 1, 'test image')} of ${test.count} ${others.length === 0 ? 'is' : 'are'} nearly the same as a training image, ` +
      `such as ${test.files[first.test]} and ${train.files[first.train]}: the test accuracy will be too high`,
  );
}

/** Replaces `resume` by the folder of the run, if it is one of its files. @throws UsageError, DataError */
function inRunFolder(given: TrainOptions): TrainOptions {
  if (given.resume === undefined) return given;
  if (given.from !== undefined)
    throw new UsageError('--from contradicts --resume: a resumed run continues with its own weights');
  return { ...given, resume: resumedFolder(given.resume) };
}

/** The start of a run: a checkpoint to resume, or settings with optional initial weights. */
interface Beginning {
  readonly resumeFrom?: LoadedCheckpoint;
  readonly recipe?: ResolvedRecipe;
  readonly source?: WeightsSource | undefined;
}

/** @throws UsageError, ConfigError, DataError, and errors of checkpoints and weight files. */
async function begin(given: TrainOptions): Promise<Beginning> {
  const settings = withoutAuto(given);
  if (given.weights !== undefined && given.from === undefined)
    throw new UsageError('--weights selects weights in a file: specify the file with --from');
  if (given.resume !== undefined) return { resumeFrom: openResumed(given.resume, settings) };
  if (given.out !== undefined) requireFree(given.out);
  const source =
    given.from === undefined ? undefined : await openWeights(given.from, showData(), given.weights);
  const recipe = resolveRecipe(source ? settingsFrom(source, settings) : settings);
  const network = given.model === undefined ? source?.network?.network : undefined;
  return { source, recipe: { ...(await fittedToFolder(recipe, given)), ...(network && { network }) } };
}

/** The data of a run. They may be moved to a file to save memory, so there must be no other reference to them. */
interface OpenedData {
  data: TrainTest;
  /** The event that describes a folder of images. */
  readonly found: ReturnType<typeof dataEvent> | undefined;
}

async function openData(given: TrainOptions, { resumeFrom, recipe, source }: Beginning): Promise<OpenedData> {
  const config: RunConfig | ResolvedRecipe = resumeFrom?.run.config ?? recipe!;
  const name = config.data!;
  requireFolderOptions(given, name);
  const channels = resumeFrom
    ? channelsOf(runFiles(given.resume!).last, resumeFrom.shapes)
    : (given.channels ?? channelsFor(source));
  const open = () => openDataset(name, given.dataDir, showData(), folderOptions(given, config, channels));
  const data = await (resumeFrom ? openOwnData(name, open) : open());
  const found = data.skipped ? dataEvent(name, data) : undefined;
  if (found) showDataReport(found);
  return { data, found };
}

/** The engine given or, for `auto`, that of the resumed run. @throws DataError */
function engineOf({ engine, resume }: TrainOptions, resumeFrom: LoadedCheckpoint | undefined): EngineName {
  if (engine !== 'auto' || !resumeFrom) return engine;
  const known = ENGINE_NAMES.find((name) => name === resumeFrom.run.engine);
  if (known) return known;
  throw new DataError(
    `the run in ${resume} uses engine ${resumeFrom.run.engine}, which is not available here: choose another with --engine`,
  );
}

/** The form of the step given on the command line, if any. */
function formOf({ precision, microBatch }: TrainOptions): Partial<Pick<AllowedForms, keyof StepForm>> {
  return { ...(precision && { precision }), ...(microBatch && { microBatch }) };
}

/** The settings without `auto` values, which depend on memory and are chosen later. */
function withoutAuto({ precision, microBatch, ...settings }: TrainOptions): RunOptions {
  return {
    ...settings,
    ...(precision !== undefined && precision !== 'auto' && { precision }),
    ...(microBatch !== undefined && microBatch !== 'auto' && { microBatch }),
  };
}
