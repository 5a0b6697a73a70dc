import { DataError } from '../../data/dataset.ts';
import { hashData } from '../../data/fingerprint.ts';
import { Sha256 } from '../../data/sha256.ts';
import type { Model } from '../../model/module.ts';
import { ConfigError } from '../../train/config.ts';
import { type FitHost, fitOn } from '../fit.ts';
import type { ProgramData } from '../fit-data.ts';
import type { FitOptions } from '../fit-options.ts';
import { type OnCheckpoint, trainInMemory } from '../kept-checkpoints.ts';
import { TrainedNetwork } from '../network.ts';
import { said } from '../said.ts';
import { PAGE_DECODER } from './decoder.ts';
import { type FileInput, openerOf, openWeights, PageNetwork, type PageOptions } from './network.ts';
import { openSession } from './open-session.ts';

export interface PageFitOptions
  extends Omit<FitOptions, 'from' | 'resume' | 'out' | 'strict' | 'memoryLimit'>,
    PageOptions {
  /** Initial weights: a file. */
  readonly from?: FileInput | undefined;
  /** A run to resume: a network from `fit` or `loadRun`. */
  readonly resume?: TrainedNetwork | undefined;
  /** Longest time between two checkpoints of the run as it stands. Default: five minutes. */
  readonly checkpointEveryMs?: number | undefined;
  /** Told of each checkpoint, to keep it: `loadRun` opens its bytes, and `resume` goes on from there. */
  readonly onCheckpoint?: OnCheckpoint | undefined;
}

export type { OnCheckpoint };

type Keeping = Pick<PageFitOptions, 'checkpointEveryMs' | 'onCheckpoint'>;

function hostWith({
  decoder = PAGE_DECODER,
  kernels,
  checkpointEveryMs,
  onCheckpoint,
}: PageOptions & Keeping): FitHost<PageNetwork> {
  return {
    decoder,
    openEngine: openerOf(kernels),
    openData: async (name) => {
      throw new DataError(
        `a page has no ${name.replace(/^folder:/, 'folder ')}: expected { images, labels }, or an iterable of { image, label }`,
      );
    },
    async hashesOf(data) {
      const hash = new Sha256();
      hashData(hash, data);
      return { data: hash.hex() };
    },
    openWeights: (from) => openWeights(from as FileInput, '`from`'),
    openRun(resume) {
      if (!(resume instanceof TrainedNetwork))
        throw new ConfigError(
          `\`resume\` is ${said(resume)}: expected a run that \`fit\` or \`loadRun\` gave`,
        );
      const { trained, bestCheckpoint: best } = resume;
      return { checkpoint: trained.checkpoint, best, where: trained.path };
    },
    openSession,
    train(training, { out, found, best }) {
      if (out !== undefined)
        throw new ConfigError('`out` is a folder, and a page has none: keep what `save` gives');
      if (found) training.listener(found);
      const often = checkpointEveryMs === undefined ? {} : { checkpointEveryMs };
      return trainInMemory({ ...training, ...often }, best, onCheckpoint);
    },
    network: (trained, engine, best) => new PageNetwork(trained, { decoder, engine }, () => best),
  };
}

/**
 * Trains a network in the page. Results are identical to the command line for the same pixels and instruction set.
 * If the page is not cross-origin isolated, training runs on the calling thread: call it in a worker then.
 *
 * @param model a network name (`MODEL_NAMES`), or a module description.
 * @param data images with labels; a training and a test set; or an iterable of `{ image, label }`.
 * @param options the settings of a run (docs/settings.md) and others. Defaults depend on the data.
 * @throws ConfigError, DataError, ShapeError for invalid arguments; TrainingStoppedError if results become NaN or
 * infinite.
 */
export async function fit(
  model: string | Model,
  data: ProgramData,
  { kernels, decoder, from, checkpointEveryMs, onCheckpoint, ...options }: PageFitOptions = {},
): Promise<PageNetwork> {
  const given = { ...options, ...(from !== undefined && { from: from as never }) };
  return fitOn(hostWith({ kernels, decoder, checkpointEveryMs, onCheckpoint }), model, data, given);
}
