import { DataError, type TrainTest } from '../data/dataset.ts';
import { DEFAULT_TEST_SHARE, imageFolderOf, isDatasetName, PROGRAM_DATA } from '../data/dataset-names.ts';
import type { ImageDecoder } from '../data/image.ts';
import type { ImageFolderOptions } from '../data/image-folder/open.ts';
import type { Engine, Session } from '../engine/engine.ts';
import type { Model } from '../model/module.ts';
import { type LoadedCheckpoint, requireFits } from '../train/checkpoint.ts';
import { ConfigError, type RunConfig } from '../train/config.ts';
import { dataEvent } from '../train/data-event.ts';
import type { TrainEvent } from '../train/events.ts';
import { isOfZoo, sameModel } from '../train/model-schema.ts';
import { type DataHashes, imageOptions, newRunConfig } from '../train/new-run.ts';
import type { PreparedRun } from '../train/prepare-run.ts';
import { type ResolvedRecipe, resolveRecipe } from '../train/recipes.ts';
import { requireSameData, resumedRun } from '../train/resumed-run.ts';
import { channelsOf, type Trained, trainedOf } from '../train/trained.ts';
import type { TrainingRun } from '../train/training-run.ts';
import { startingWeights, type WeightsSource } from '../train/weights-source.ts';
import { DEFAULT_RECIPE, defaultSize } from './defaults.ts';
import { engineSource, type OpenEngine } from './engine-source.ts';
import { openProgramData, type ProgramData } from './fit-data.ts';
import {
  type FitOptions,
  type FitSettings,
  listenerOf,
  requireFitSettings,
  requirePause,
} from './fit-options.ts';
import { requireModel } from './from-weights.ts';
import type { EngineSource } from './predictor.ts';

/** Platform services for training. @typeParam Network the platform's class of trained networks. */
export interface FitHost<Network> {
  readonly decoder: ImageDecoder;
  readonly openEngine: OpenEngine;
  /** Opens a data set by name. @throws DataError */
  openData(name: string, images: Partial<ImageFolderOptions>): Promise<TrainTest>;
  hashesOf(data: TrainTest, isFolder: boolean): Promise<DataHashes>;
  openWeights(from: FitOptions['from']): Promise<WeightsSource>;
  /** Opens a run to resume. */
  openRun(resume: FitOptions['resume'], out: string | undefined): ResumedPlace;
  /** Compiles the run within the memory limit, and opens a session for it. */
  openSession(
    config: RunConfig,
    data: TrainTest,
    engine: Engine,
    memoryLimit: number | undefined,
  ): Promise<OpenedRun>;
  /** Trains; resolves to the checkpoints. */
  train(training: Omit<TrainingRun, 'store'>, place: TrainingPlace): Promise<FitCheckpoints>;
  network(trained: Trained, engine: EngineSource, best: LoadedCheckpoint): Network;
}

/** A run that is compiled, and its session. */
export interface OpenedRun {
  readonly prepared: PreparedRun;
  readonly session: Session;
}

/** Where a run is stored. */
export interface TrainingPlace {
  readonly out: string | undefined;
  /** The event that describes the data. */
  readonly found: TrainEvent | undefined;
  /** Loads the best checkpoint of a resumed run. */
  readonly best: (() => LoadedCheckpoint) | undefined;
}

/** A run to resume. */
export interface ResumedPlace {
  readonly checkpoint: LoadedCheckpoint;
  readonly best: () => LoadedCheckpoint;
  /** Its name in messages. */
  readonly where: string;
  /** The folder in which it continues. */
  readonly out?: string;
}

export interface FitCheckpoints {
  readonly last: LoadedCheckpoint;
  readonly best: LoadedCheckpoint;
}

/** Implements `fit` for a platform. */
export async function fitOn<Network>(
  host: FitHost<Network>,
  given: string | Model,
  data: string | ProgramData,
  options: FitOptions,
): Promise<Network> {
  const { signal, onEvent, engine: _, threads: __, from, resume, pause: gate, ...rest } = options;
  const pause = requirePause(gate);
  const settings = requireFitSettings(rest);
  const model = requireModel(given);
  const engine = engineSource(options, host.openEngine);
  const { listener, failure } = listenerOf(onEvent);
  try {
    const begun = resume === undefined ? undefined : host.openRun(resume, settings.out);
    if (begun && from !== undefined) {
      throw new ConfigError('`from` contradicts `resume`: a resumed run continues with its own weights');
    }
    const source = from === undefined ? undefined : await host.openWeights(from);
    const run = begun
      ? await resumed(host, { model, data, settings, signal, ...begun })
      : await begin(host, { model, data, settings, signal, source });
    const { config, opened, resumeFrom } = run;
    const machine = await engine.open();
    const { prepared, session } = await host.openSession(config, opened, machine, settings.memoryLimit);
    let checkpoints: FitCheckpoints;
    try {
      const { network } = prepared.compiled;
      if (resumeFrom) requireFits('the run', resumeFrom.training, network.state);
      const start = source && startingWeights(source, network, config);
      const training = {
        ...{ ...prepared, engine: machine, session, listener },
        ...(signal && { signal }),
        ...(pause && { pause }),
        ...(resumeFrom && { resumeFrom }),
        ...(start && { startFrom: start.state }),
      };
      const found = opened.skipped ? dataEvent(config.data!, opened) : undefined;
      checkpoints = await host.train(training, { out: begun?.out ?? settings.out, found, best: begun?.best });
      await failure.throwIfAny();
    } finally {
      await session.close();
    }
    return host.network(trainedOf('the run', checkpoints.last), engine, checkpoints.best);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

interface Asked {
  readonly model: string | Model;
  readonly data: string | ProgramData;
  readonly settings: FitSettings;
  readonly signal: AbortSignal | undefined;
}

interface Begun {
  readonly config: RunConfig;
  readonly opened: TrainTest;
  readonly resumeFrom?: LoadedCheckpoint;
}

/** Starts a new run with the given settings, and defaults that depend on the data. */
async function begin<Network>(
  host: FitHost<Network>,
  { model, data, settings, signal, source }: Asked & { readonly source: WeightsSource | undefined },
): Promise<Begun> {
  const own = typeof model !== 'string' && !isOfZoo(model) ? model : undefined;
  const name = typeof model === 'string' ? model : model.name;
  const dataName = nameOf(data);
  const size = settings.size ?? source?.images?.size ?? defaultSize(own, data);
  const seed = settings.seed ?? 0;
  const opened = await openData(host, data, {
    settings: { ...settings, seed },
    ...{ dataName, own, signal, size },
    channels: own?.channels ?? settings.channels,
  });
  const { recipe: recipeName = DEFAULT_RECIPE } = settings;
  const recipe: ResolvedRecipe = {
    ...resolveRecipe({ ...settings, recipe: recipeName, size, seed, model: name }),
    data: dataName,
    ...(own && { network: own }),
  };
  const classes = opened.train.classNames.length;
  if (own && settings.classes === undefined && own.classes !== classes) {
    throw new ConfigError(
      `the network ${own.name} is for ${own.classes} classes, the data have ${classes}: ${opened.train.classNames.slice(0, 10).join(', ')}`,
    );
  }
  const hashes = await host.hashesOf(opened, imageFolderOf(dataName) !== undefined);
  return { config: newRunConfig(recipe, opened, hashes, source), opened };
}

/** Resumes a run; other options must be consistent with it. */
async function resumed<Network>(
  host: FitHost<Network>,
  asked: Asked & { readonly checkpoint: LoadedCheckpoint; readonly where: string },
): Promise<Begun> {
  const { model, data, settings, signal, where } = asked;
  const { network } = asked.checkpoint.run.config;
  const own = typeof model !== 'string' && !isOfZoo(model) ? model : undefined;
  const isSame = sameModel(own, network);
  const name = typeof model === 'string' ? model : model.name;
  const dataName = nameOf(data);
  const resumeFrom = resumedRun(asked.checkpoint, { ...settings, model: name, data: dataName }, where);
  if (!isSame)
    throw new ConfigError(`the network ${name} is made otherwise than that of the run in ${where}`);
  const { config } = resumeFrom.run;
  const opened = await openData(host, data, {
    settings: { ...settings, ...config },
    ...{ dataName, own, signal, size: config.size },
    channels: channelsOf(where, resumeFrom.shapes),
  });
  const { data: sha256 } = await host.hashesOf(opened, imageFolderOf(dataName) !== undefined);
  requireSameData(config, sha256, where);
  return { config, opened, resumeFrom };
}

interface OpenRequest {
  readonly settings: FitSettings & Pick<RunConfig, 'seed'>;
  /** Undefined for data set names and folders, whose size depends on the images. */
  readonly size: number | undefined;
  readonly dataName: string;
  readonly own: Model | undefined;
  readonly channels: number | undefined;
  readonly signal: AbortSignal | undefined;
}

function openData<Network>(
  host: FitHost<Network>,
  data: string | ProgramData,
  { settings, size, dataName, own, channels, signal }: OpenRequest,
): Promise<TrainTest> {
  const { seed, testShare = DEFAULT_TEST_SHARE } = settings;
  if (typeof data === 'string')
    return host.openData(dataName, imageOptions(settings, { size, seed, testShare }, channels));
  const { decoder } = host;
  return openProgramData(data, {
    size: size!,
    seed,
    testShare,
    channels,
    classes: own?.classes,
    decoder,
    signal,
  });
}

/** The name of a data set; a path is a folder of images. */
function nameOf(data: string | ProgramData): string {
  if (typeof data !== 'string') {
    const known = typeof data === 'object' && data !== null && 'train' in data ? data.train?.name : undefined;
    return known !== undefined && isDatasetName(known) ? known : PROGRAM_DATA;
  }
  if (data === '') throw new DataError('the data are an empty text: expected the path of a folder of images');
  return isDatasetName(data) ? data : `folder:${data}`;
}
