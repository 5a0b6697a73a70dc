import type { EngineOptions } from '../compile.ts';
import type { TrainTest } from '../data/dataset.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import type { Engine } from '../engine/engine.ts';
import { countMacs } from '../graph/count-macs.ts';
import type { Graph } from '../graph/op.ts';
import { openDataset } from '../node/data/open-dataset.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import { hasEnded } from '../run/log.ts';
import { runFiles } from '../run/run-folder.ts';
import { runTraining } from '../run/run-training.ts';
import { requireFits } from '../train/checkpoint.ts';
import { type DivergedRun, isFinished, type RunResult, resultOf, summarize } from '../train/compare.ts';
import { evaluationBatch } from '../train/config.ts';
import { dataEvent } from '../train/data-event.ts';
import type { TrainEvent, TrainListener } from '../train/events.ts';
import type { PlannedRun } from '../train/experiment.ts';
import { imageOptions } from '../train/new-run.ts';
import { type PreparedRun, prepareRun } from '../train/prepare-run.ts';
import { programName } from '../train/programs.ts';
import type { ResolvedRecipe } from '../train/recipes.ts';
import { TrainingStoppedError } from '../train/stopped-error.ts';
import { folderOfRun, openStoredRun } from './compare-folder.ts';
import { type NetworkCosts, partCosts } from './compare-networks.ts';
import type { ComparedConfiguration, ComparedNetwork } from './compare-report.ts';
import { requireFolderOptions } from './data-options.ts';
import { showDataReport } from './data-report.ts';
import { inFlags } from './errors.ts';
import { formatDuration } from './format.ts';
import { showData, showTraining } from './progress.ts';
import { completeRecipe } from './run-config.ts';
import { say } from './terminal.ts';
import { sameCommand } from './this-command.ts';
import { type Pace, timeLeft } from './time-left.ts';

interface ReadyRun extends PreparedRun {
  /** The event that describes a folder of images. */
  readonly found: TrainEvent | undefined;
}

export type Prepare = (run: PlannedRun) => Promise<ReadyRun>;

/** Prepares runs in sequence. Data are opened once, and each configuration is compiled once per engine. */
export function preparer(dataDir: string | undefined, on: EngineOptions = {}): Prepare {
  const open = opener(dataDir);
  const earlier = new Map<string, PreparedRun>();
  return async ({ configuration, recipe }) => {
    const { data, found } = await open(recipe);
    const options = { ...on, earlier: earlier.get(configuration) };
    const prepared = prepareRun(completeRecipe(recipe, data), data, options);
    earlier.set(configuration, prepared);
    return { ...prepared, found };
  };
}

interface OpenedData {
  readonly data: TrainTest;
  readonly found: Extract<TrainEvent, { kind: 'data' }> | undefined;
}

/** Opens data sets and caches one per combination of image options; for folders only that of the latest seed. */
function opener(dataDir: string | undefined): (recipe: ResolvedRecipe) => Promise<OpenedData> {
  const opened = new Map<string, OpenedData & { readonly seed: number | undefined }>();
  return async (recipe) => {
    const { data: name, size, testShare, followLinks } = recipe;
    requireFolderOptions({ testShare, followLinks }, name);
    const isFolder = imageFolderOf(name) !== undefined;
    const key = isFolder ? `${name} ${size} ${testShare} ${followLinks}` : name;
    const seed = isFolder ? recipe.seed : undefined;
    const known = opened.get(key);
    if (known && known.seed === seed) return known;
    opened.delete(key);
    const data = await openDataset(name, dataDir, showData(), imageOptions({}, recipe));
    const found = data.skipped ? dataEvent(name, data) : undefined;
    if (found) showDataReport(found);
    const now = { data, found, seed };
    opened.set(key, now);
    return now;
  };
}

interface Place {
  readonly folder: string;
  readonly engine: Engine;
  readonly signal: AbortSignal;
}

/**
 * Executes the runs that are not finished.
 * @param networks the results of `describeNetwork` for all configurations.
 * @returns undefined if interrupted.
 * @throws DataError if a folder contains a different run.
 */
export async function runAll(
  runs: readonly PlannedRun[],
  networks: readonly ComparedNetwork[],
  prepare: Prepare,
  place: Place,
): Promise<readonly ComparedConfiguration[] | undefined> {
  const costs = new Map(networks.map((network) => [network.name, network]));
  const paces = new Map<string, Pace>();
  const results = new Map(networks.map(({ name }) => [name, [] as (RunResult | DivergedRun)[]]));
  for (const [i, run] of runs.entries()) {
    const { configuration, seed } = run;
    const { macs } = costs.get(configuration)!;
    const later = runs.slice(i + 1).map((each) => costs.get(each.configuration)!);
    const show = showTraining((step) => {
      paces.set(configuration, { msPerImage: 1000 / step.examplesPerSecond, macs });
      const inAll = formatDuration(step.etaMs + timeLeft(later, paces)!);
      return runs.length > 1 ? `run ${i + 1}/${runs.length}, total ETA ${inAll}` : undefined;
    });
    const title = `run ${i + 1}/${runs.length}: ${configuration}, seed ${seed}`;
    const result = place.signal.aborted
      ? undefined
      : await runOne(folderOfRun(place.folder, run), await prepare(run), place, title, show);
    if (!result) return undefined;
    if (result.kind === 'finished') {
      paces.set(configuration, { msPerImage: 1000 / result.examplesPerSecond, macs });
    }
    results.get(configuration)!.push(result);
  }
  return networks.map((network) => ({ ...network, ...summarize(network.name, results.get(network.name)!) }));
}

/** Properties of a configuration that are known before it runs. */
export function describeNetwork(name: string, prepared: PreparedRun, threads: number): ComparedNetwork {
  const { config, data, compiled } = prepared;
  const { layers, network } = compiled;
  return {
    name,
    config,
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    macs: countMacs(evaluationGraph(prepared)) / evaluated(prepared),
    plannedPeakBytes: networkPeakBytes(network, threads),
    epochs: config.epochs,
    trainImages: Math.min(config.limit ?? data.train.count, data.train.count),
    testImages: (data.validation ?? data.test).count,
  };
}

/** The costs of its parts. */
export function networkCosts(name: string, prepared: PreparedRun, threads: number): NetworkCosts {
  const { parameters, macs, plannedPeakBytes } = describeNetwork(name, prepared, threads);
  return { name, parameters, macs, plannedPeakBytes, parts: partCosts(evaluationGraph(prepared)) };
}

function evaluationGraph(prepared: PreparedRun): Graph {
  return prepared.compiled.network.programs.get(programName('evaluate', evaluated(prepared)))!.graph;
}

/** Batch size of an evaluation. */
function evaluated({ config, data }: PreparedRun): number {
  return Math.min(evaluationBatch(config), data.test.count);
}

/** @returns undefined if interrupted. */
async function runOne(
  folder: string,
  { found, ...prepared }: ReadyRun,
  { engine, signal }: Place,
  title: string,
  show: TrainListener,
): Promise<RunResult | DivergedRun | undefined> {
  const { config, compiled } = prepared;
  const stored = openStoredRun(folder, config);
  if (stored && isFinished(stored.run) && hasEnded(runFiles(folder).log)) {
    say(`${title}: already finished`);
    return resultOf(stored.run, folder);
  }
  say(title);
  if (stored) requireFits(runFiles(folder).last, stored.training, compiled.network.state);
  const session = await engine.open(compiled.network);
  try {
    const resume = sameCommand();
    const resumed = stored && { resumeFrom: stored };
    const { finished, run } = await runTraining({
      ...{ ...prepared, engine, session, folder, signal, found, show, say, resume, ...resumed },
    });
    return finished ? resultOf(run, folder) : undefined;
  } catch (error) {
    if (!(error instanceof TrainingStoppedError)) throw error;
    const message = inFlags(error.message);
    say(`${title}: ${message}`);
    return { kind: 'diverged', seed: config.seed, folder, message };
  } finally {
    await session.close();
  }
}
