import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { DataError, requireLabels, type TrainTest } from '../data/dataset.ts';
import { sha256Of } from '../data/fingerprint.ts';
import { openDataset } from '../data/open-dataset.ts';
import type { Engine } from '../engine/engine.ts';
import { describeReport, matchWeights, type WeightsReport } from '../io/weight-names.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import { type LoadedCheckpoint, loadCheckpoint, type RunState, requireFits } from '../train/checkpoint.ts';
import { type RunConfig, runConfigSchema } from '../train/config.ts';
import { logTo, truncateLog } from '../train/log.ts';
import { resolveRecipe } from '../train/recipes.ts';
import { dataOf } from '../train/run-data.ts';
import { claimFolder, requireFree, runFiles } from '../train/run-folder.ts';
import { compileRun, train } from '../train/trainer.ts';
import {
  type DataOptions,
  dataOptions,
  imageOptions,
  requireFolderOptions,
  requireSameDataOptions,
} from './data-options.ts';
import { dataEvent, showDataReport } from './data-report.ts';
import { announce, describeEngine, ENGINE_NAMES, type EngineName, openEngine } from './engines.ts';
import { CutShortError, fileSystemLine, UsageError } from './errors.ts';
import { interruptSignal, resumeCommand } from './interrupt.ts';
import { channelsOf } from './open-run.ts';
import { options, path } from './options.ts';
import { say, showData, showTraining } from './progress.ts';
import { completeRecipe, modelOf } from './run-config.ts';
import { openWeights, reportAsJson } from './weights.ts';

type ConfigOptions = Partial<Omit<RunConfig, keyof DataOptions>>;
interface TrainOptions extends ConfigOptions, DataOptions {
  readonly dataDir?: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly out?: string;
  readonly resume?: string;
  readonly from?: string;
  readonly json?: boolean;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description("train a network; without options, the notes' run")
    .addOption(options.recipe())
    .addOption(options.model())
    .addOption(options.data())
    .addOption(options.dataDir())
    .addOption(options.classes())
    .addOption(options.size())
    .addOption(options.batch())
    .addOption(options.epochs())
    .addOption(options.lr())
    .addOption(options.schedule())
    .addOption(options.warmup())
    .addOption(options.optimizer())
    .addOption(options.momentum())
    .addOption(options.weightDecay())
    .addOption(options.weightDecayOn())
    .addOption(options.labelSmoothing())
    .addOption(options.clip())
    .addOption(options.ema())
    .addOption(options.dropout())
    .addOption(options.freeze())
    .addOption(options.validate())
    .addOption(options.patience())
    .addOption(options.seed())
    .addOption(options.engine())
    .addOption(options.precision())
    .addOption(options.threads())
    .addOption(options.limit())
    .option('--out <run>', 'folder for checkpoints, log and curves (default: runs/MODEL-DATA-N)', path)
    .option('--resume <run>', 'continue the run in this folder', path)
    .option(
      '--from <run or file>',
      'start with its weights; another number of classes: with a new head',
      path,
    )
    .addOption(options.json())
    .action(runTrain);
  for (const option of dataOptions()) command.addOption(option);
  return command;
}

async function runTrain(given: TrainOptions): Promise<void> {
  if (given.from !== undefined && given.resume !== undefined) {
    throw new UsageError('--from contradicts --resume: a resumed run goes on with its own weights');
  }
  const resumeFrom = given.resume === undefined ? undefined : openResumed(given.resume, given);
  if (given.out !== undefined && !given.resume) requireFree(given.out);
  const source = given.from === undefined ? undefined : await openWeights(given.from);

  const recipe = resumeFrom ? undefined : resolveRecipe({ ...source?.network, ...given });
  const early = resumeFrom?.run.config ?? recipe!;
  const name = early.data!;
  requireFolderOptions(given, name);
  const channels = resumeFrom && channelsOf(runFiles(given.resume!).last, resumeFrom.shapes);
  const all = await openDataset(name, given.dataDir, showData(), imageOptions(given, early, channels));
  const found = all.skipped && dataEvent(name, all);
  if (found) showDataReport(found);
  const config = resumeFrom?.run.config ?? completeRecipe(recipe!, all, source);
  if (resumeFrom) requireSameData(config, all, given.resume!);
  for (const set of [all.train, all.test]) requireLabels(set, config.classes);
  const data = dataOf(config, all);
  const model = modelOf(config, data.train.channels);
  const compiled = compileRun(config, model, data);
  if (resumeFrom) requireFits(runFiles(given.resume!).last, resumeFrom.training, compiled.network.state);
  const start =
    source && matchWeights(source.weights, ownState(compiled.network), { ...source, newHead: true });
  for (const line of start ? describeReport(start.report) : []) say(line);

  const engineName = (given.engine === 'auto' ? resumeFrom?.run.engine : undefined) ?? given.engine;
  const engine = await openEngine(engineName as EngineName, given.threads);
  try {
    const session = await engine.open(compiled.network);
    announce(engineName as EngineName);
    const folder = given.resume ?? given.out ?? freeFolder(config);
    const release = claimFolder(folder);
    try {
      if (resumeFrom && resumeFrom.run.isa !== engine.isa) {
        say(
          `this run was on ${resumeFrom.run.isa}, now it is ${engine.isa}: the numbers will differ in the last bits`,
        );
      }
      const files = runFiles(folder);
      const resumedStep = resumeFrom?.run.progress.globalStep ?? 0;
      truncateLog(files.log, resumedStep);
      const { drawCurves } = await import('./curves.ts'); // Drawing is half a second of modules.
      const listeners = [
        showTraining(),
        logTo(files.log),
        drawCurves(files, config, resumeFrom?.run.history ?? []),
      ];
      if (found) for (const listener of listeners) listener(found);
      const { signal, dispose } = interruptSignal();
      const { finished, run } = await train({
        config,
        model,
        data,
        compiled,
        engine,
        session,
        files,
        signal,
        ...(resumeFrom && { resumeFrom }),
        ...(start && { startFrom: start.state }),
        listener: (event) => {
          for (const listener of listeners) listener(event);
        },
      });
      dispose();
      report(run, engine, folder, finished, given.json ?? false, start?.report);
    } catch (error) {
      const canResume = fileSystemLine(error) !== undefined && existsSync(runFiles(folder).last);
      throw canResume ? new CutShortError(error, resumeCommand(folder)) : error;
    } finally {
      release();
    }
  } finally {
    await engine.close();
  }
}

/** The notes' two lines, or how to go on. */
function report(
  run: RunState,
  engine: Engine,
  folder: string,
  finished: boolean,
  json: boolean,
  weights?: WeightsReport,
): void {
  const { progress, last, best } = run;
  const examplesPerSecond = (1000 * progress.trainedExamples) / Math.max(progress.trainMs, Number.MIN_VALUE);
  if (json) {
    const { name, isa, threads } = engine;
    const where = {
      engine: name,
      isa,
      threads,
      out: folder,
      steps: progress.globalStep,
      finished,
      ...(weights && { weights: reportAsJson(weights) }),
    };
    const { epoch: bestEpoch = -1, testAccuracy, validationAccuracy } = best ?? {};
    const ofBest = {
      ...(best && { bestEpoch: bestEpoch + 1 }),
      bestTestAccuracy: testAccuracy,
      bestValidationAccuracy: validationAccuracy,
    };
    process.stdout.write(`${JSON.stringify({ ...last, ...ofBest, examplesPerSecond, ...where })}\n`);
  } else if (finished && last?.testAccuracy !== undefined) {
    const { trainLoss: loss, trainAccuracy, testAccuracy } = last;
    process.stdout.write(
      `loss ${loss.toFixed(3)}, train acc ${trainAccuracy.toFixed(3)}, test acc ${testAccuracy.toFixed(3)}\n` +
        `${examplesPerSecond.toFixed(1)} examples/sec on cpu (${describeEngine(engine)})\n`,
    );
  }
  if (finished && best?.validationAccuracy !== undefined) {
    say(
      `best on the held-out images: epoch ${best.epoch + 1}, with ${best.validationAccuracy.toFixed(3)} there and ` +
        `test acc ${best.testAccuracy!.toFixed(3)}`,
    );
  }
  if (finished) return say(`checkpoints, log and curves are in ${folder}`);
  say(`saved; continue with: ${resumeCommand(folder)}`);
  process.exitCode = 1;
}

/** @throws DataError when the run was on other images or labels: its numbers would mean nothing. */
function requireSameData({ data: name, dataSha256 }: RunConfig, data: TrainTest, folder: string): void {
  if (dataSha256 === undefined || sha256Of(data) === dataSha256) return;
  throw new DataError(
    `${name}: images or labels are not those of the run in ${folder}: bring those back ` +
      '(was there a --data-dir?), or begin a new run with --out',
  );
}

/** The checkpoint to go on from; what the command line says beside it must agree with it. */
function openResumed(folder: string, given: TrainOptions): LoadedCheckpoint {
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

/** The model's own state, without what an optimiser remembers. */
function ownState({ state }: CompiledNetwork): CompiledNetwork['state'] {
  return new Map([...state].filter(([, { role }]) => role !== 'optimizer'));
}

/** As the command line writes it: `weightDecay` → `weight-decay`. */
function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function freeFolder({ model, data = 'unknown' }: RunConfig): string {
  const name = `${model}-${data.replace(/[^\w-]+/g, '-')}`;
  for (let n = 1; ; n++) {
    const folder = join('runs', `${name}-${n}`);
    if (!existsSync(folder)) return folder;
  }
}
