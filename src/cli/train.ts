import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { openDataset, scratchFolder } from '../data/open-dataset.ts';
import { spilled } from '../data/pixel-store.ts';
import { meansText } from '../data/transforms/normalize.ts';
import type { TrainedImages } from '../io/model-card.ts';
import { describeReport, matchWeights } from '../io/weight-names.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { requireFree, runFiles } from '../run/run-folder.ts';
import { requireFits } from '../train/checkpoint.ts';
import type { RunConfig } from '../train/config.ts';
import { dataNeeds } from '../train/process-memory.ts';
import { resolveRecipe } from '../train/recipes.ts';
import { dataOf } from '../train/run-data.ts';
import { type AllowedForms, type StepForm, stepForms } from '../train/step-form.ts';
import { dataOptions, imageOptions, openOwnData, requireFolderOptions } from './data-options.ts';
import { dataEvent, showDataReport } from './data-report.ts';
import { announce, type EngineName, openEngine } from './engines.ts';
import { UsageError } from './errors.ts';
import { collectGarbage } from './heap.ts';
import { withinLimit } from './memory-limit.ts';
import { channelsOf } from './open-run.ts';
import { options, path } from './options.ts';
import { showData, showTraining } from './progress.ts';
import { openResumed, requireSameData } from './resume-run.ts';
import { completeRecipe, type RunOptions } from './run-config.ts';
import { prepareRun, runTraining } from './run-training.ts';
import { interruptSignal } from './signals.ts';
import { say } from './terminal.ts';
import { resumeCommand } from './this-command.ts';
import { reportTraining } from './train-report.ts';
import { openWeights } from './weights.ts';

interface TrainOptions extends Omit<RunOptions, keyof StepForm>, Partial<Pick<AllowedForms, keyof StepForm>> {
  readonly resume?: string;
  readonly from?: string;
  readonly memoryLimit?: number;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description("train a network; without options, the notes' run")
    .addOption(options.recipe())
    .addOption(options.model())
    .addOption(options.epochs())
    .addOption(options.batch())
    .addOption(options.lr())
    .addOption(options.seed())
    .optionsGroup('The run:')
    .option('--out <run>', 'folder for checkpoints, log and curves (default: runs/MODEL-DATA-N)', path)
    .option('--resume <run>', 'continue the run in this folder', path)
    .option(
      '--from <run or file>',
      'start with its weights; another number of classes: with a new head',
      path,
    )
    .addOption(options.validate())
    .addOption(options.patience())
    .addOption(options.json())
    .optionsGroup('Images:')
    .addOption(options.data())
    .addOption(options.dataDir())
    .addOption(options.limit())
    .addOption(options.classes())
    .addOption(options.size());
  for (const option of dataOptions()) command.addOption(option);
  return command
    .optionsGroup('How it learns:')
    .addOption(options.optimizer())
    .addOption(options.momentum())
    .addOption(options.weightDecay())
    .addOption(options.weightDecayOn())
    .addOption(options.schedule())
    .addOption(options.warmup())
    .addOption(options.clip())
    .addOption(options.labelSmoothing())
    .addOption(options.dropout())
    .addOption(options.ema())
    .addOption(options.freeze())
    .optionsGroup('What computes:')
    .addOption(options.memoryLimit())
    .addOption(options.microBatchOrAuto())
    .addOption(options.engine())
    .addOption(options.threads())
    .addOption(options.precisionOrAuto())
    .action(runTrain);
}

async function runTrain(given: TrainOptions): Promise<void> {
  if (given.from !== undefined && given.resume !== undefined) {
    throw new UsageError('--from contradicts --resume: a resumed run goes on with its own weights');
  }
  const settings = withoutAuto(given);
  const resumeFrom = given.resume === undefined ? undefined : openResumed(given.resume, settings);
  if (given.out !== undefined && !given.resume) requireFree(given.out);
  const source = given.from === undefined ? undefined : await openWeights(given.from);

  const recipe = resumeFrom ? undefined : resolveRecipe({ ...source?.network, ...settings });
  const early = resumeFrom?.run.config ?? recipe!;
  const name = early.data!;
  requireFolderOptions(given, name);
  const channels = resumeFrom && channelsOf(runFiles(given.resume!).last, resumeFrom.shapes);
  const open = () => openDataset(name, given.dataDir, showData(), imageOptions(given, early, channels));
  let all = await (resumeFrom ? openOwnData(name, open) : open());
  const found = all.skipped ? dataEvent(name, all) : undefined;
  if (found) showDataReport(found);
  const settled = resumeFrom?.run.config ?? completeRecipe(recipe!, all, source);
  if (resumeFrom) requireSameData(settled, all, given.resume!);
  const engineName = (given.engine === 'auto' ? resumeFrom?.run.engine : undefined) ?? given.engine;
  const engine = await openEngine(engineName as EngineName, given.threads);
  try {
    const { prepared, form, isFrugal } = withinLimit({
      limit: given.memoryLimit,
      engine,
      needs: { charts: 'meanwhile', ...dataNeeds(all, settled) },
      frugal: {
        needs: { charts: 'afterwards', ...dataNeeds(all, settled), dataBytes: 0 },
        describe: 'images are read from a temporary file, and curves are drawn when the run has ended',
      },
      batch: settled.batch,
      // A resumed run keeps the form that it began in.
      forms: stepForms({ ...settled, ...(!resumeFrom && formOf(given)) }),
      compile: (form, memory) => {
        const { model, compiled } = prepareRun({ ...settled, ...form }, all, {
          memory,
          target: engine.target,
        });
        return { model, compiled };
      },
    });
    const config = { ...settled, ...form };
    if (isFrugal) all = spilled(all, scratchFolder());
    const data = dataOf(config, all);
    const { network } = prepared.compiled;
    if (resumeFrom) requireFits(runFiles(given.resume!).last, resumeFrom.training, network.state);
    const start = source && matchWeights(source.weights, ownState(network), { ...source, newHead: true });
    for (const line of start ? describeReport(start.report) : []) say(line);
    if (source?.images) warnOfNormalization(source.images, settled);
    await collectGarbage(); // Before memory is taken that will stay.
    const session = await engine.open(network);
    announce(engineName as EngineName);
    const folder = given.resume ?? given.out ?? freeFolder(config);
    const { signal, dispose } = interruptSignal();
    const { finished, run } = await runTraining({
      ...prepared,
      config,
      data,
      engine,
      session,
      folder,
      signal,
      found,
      charts: !isFrugal,
      show: showTraining(),
      resume: resumeCommand(folder),
      ...(resumeFrom && { resumeFrom }),
      ...(start && { startFrom: start.state }),
    });
    dispose();
    reportTraining(run, engine, folder, finished, given.json ?? false, start?.report);
  } finally {
    await engine.close();
  }
}

/** What the command line says of a step's form, where it says it. */
function formOf({ precision, microBatch }: TrainOptions): Partial<Pick<AllowedForms, keyof StepForm>> {
  return { ...(precision && { precision }), ...(microBatch && { microBatch }) };
}

/** The settings that are settled before memory is looked at: what is left to it is as in the recipe so far. */
function withoutAuto({ precision, microBatch, ...settings }: TrainOptions): RunOptions {
  return {
    ...settings,
    ...(precision !== undefined && precision !== 'auto' && { precision }),
    ...(microBatch !== undefined && microBatch !== 'auto' && { microBatch }),
  };
}

/** The model's own state, without what an optimiser remembers. */
function ownState({ state }: CompiledNetwork): CompiledNetwork['state'] {
  return new Map([...state].filter(([, { role }]) => role !== 'optimizer'));
}

/** Weights expect images as they were trained on: other ones are another task, which may be meant. */
function warnOfNormalization({ normalization: before }: TrainedImages, { transforms }: RunConfig): void {
  const now = transforms?.normalization;
  const [said, is] = [before, now].map((each) => (each ? meansText(each) : 'as they are')) as [
    string,
    string,
  ];
  if (said !== is)
    say(`warning: the weights were trained on images ${said}; these are ${is}: --normalize changes that`);
}

function freeFolder({ model, data = 'unknown' }: RunConfig): string {
  const name = `${model}-${data.replace(/[^\w-]+/g, '-')}`;
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}
