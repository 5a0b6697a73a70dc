import { availableParallelism } from 'node:os';
import type { Model } from '../../model/module.ts';
import { sha256Of, sha256OfDataset } from '../../node/data/fingerprint.ts';
import { SHARP_DECODER } from '../../node/data/image-file.ts';
import { openDataset } from '../../node/data/open-dataset.ts';
import { loadCheckpoint } from '../../run/checkpoint-file.ts';
import { openEngine } from '../../run/engines.ts';
import { chooseForm, type LimitRequest, ProcessLimitError } from '../../run/memory-limit.ts';
import { dataNeeds } from '../../run/process-memory.ts';
import { requireFree, runFiles } from '../../run/run-folder.ts';
import { runTraining } from '../../run/run-training.ts';
import { openWeights } from '../../run/weights-source.ts';
import { ConfigError } from '../../train/config.ts';
import { type PreparedRun, prepareRun } from '../../train/prepare-run.ts';
import { stepForms } from '../../train/step-form.ts';
import { type FitHost, fitOn } from '../fit.ts';
import type { ProgramData } from '../fit-data.ts';
import type { FitOptions } from '../fit-options.ts';
import { trainInMemory } from '../kept-checkpoints.ts';
import { TrainedNetwork } from '../network.ts';
import { said } from '../said.ts';
import { NodeNetwork } from './network.ts';

/** @throws ConfigError with the smallest limit that works. */
function withinMemory(request: LimitRequest<PreparedRun>): { readonly prepared: PreparedRun } {
  try {
    return chooseForm(request);
  } catch (error) {
    if (!(error instanceof ProcessLimitError)) throw error;
    const mebibytes = Math.ceil(error.leastLimitBytes / 2 ** 20);
    throw new ConfigError(
      `there is too little memory: this run takes ${mebibytes} MiB at least: use a smaller \`batch\`, \`size\` or \`microBatch\``,
    );
  }
}

const SILENT = { note: () => {}, bytes: () => {} };

const HOST: FitHost<NodeNetwork> = {
  decoder: SHARP_DECODER,
  openEngine: (name, threads = availableParallelism()) => openEngine(name, threads),
  openData: (name, images) => openDataset(name, undefined, SILENT, images),
  hashesOf: async (data, isFolder) => ({
    data: sha256Of(data),
    ...(isFolder && { test: sha256OfDataset(data.test) }),
  }),
  openWeights: async (from) => {
    if ((typeof from === 'string' && from !== '') || from instanceof Uint8Array)
      return openWeights(from, SILENT);
    throw new ConfigError(`\`from\` is ${said(from)}: expected the path of a file of weights or of a run`);
  },
  openRun(resume, out) {
    if (resume instanceof TrainedNetwork) {
      const { trained, bestCheckpoint: best } = resume;
      return { checkpoint: trained.checkpoint, best, where: trained.path };
    }
    if (typeof resume === 'string' && resume !== '') {
      if (out !== undefined && out !== resume) {
        throw new ConfigError(
          `\`out\` ${out} contradicts \`resume\` ${resume}: a resumed run keeps its folder`,
        );
      }
      const { last, best } = runFiles(resume);
      return {
        checkpoint: loadCheckpoint(last),
        best: () => loadCheckpoint(best),
        where: resume,
        out: resume,
      };
    }
    throw new ConfigError(
      `\`resume\` is ${said(resume)}: expected a run that \`fit\` gave, or the folder of one`,
    );
  },
  async openSession(config, data, engine, memoryLimit) {
    // The preferred form if it fits, otherwise with rematerialization, which does not change results.
    const { prepared } = withinMemory({
      limit: memoryLimit,
      engine,
      needs: dataNeeds(data, config),
      forms: stepForms(config),
      compile: (_, memory) => prepareRun(config, data, { memory, target: engine.target }),
    });
    return { prepared, session: await engine.open(prepared.compiled.network) };
  },
  async train(training, { out, found, best: bestBefore }) {
    if (out === undefined) {
      if (found) training.listener(found);
      return trainInMemory(training, bestBefore);
    }
    const { listener: show, ...run } = training;
    await runTraining({
      ...{ ...run, folder: out, show, found, say: () => {} },
      resume: `fit(model, data, { resume: ${JSON.stringify(out)} })`,
    });
    const { last, best } = runFiles(out);
    const stored = loadCheckpoint(last);
    return { last: stored, best: stored.run.best ? loadCheckpoint(best) : stored };
  },
  network: (trained, engine, best) =>
    new NodeNetwork(trained, { decoder: SHARP_DECODER, engine }, () => best),
};

/**
 * Trains a network.
 *
 * @param model a network name (`MODEL_NAMES`), or a module description.
 * @param data the path of a folder that has a folder of images per class; the name of a data set (`sample`, …);
 * images with labels; a training and a test set; or an iterable of `{ image, label }`.
 * @param options the settings of a run (docs/settings.md) and others. Defaults depend on the data.
 * @returns the network with its last weights; `finished` is false if `signal` stopped the training early.
 * @throws ConfigError, DataError, ShapeError for invalid arguments; TrainingStoppedError if results become NaN or
 * infinite.
 */
export async function fit(
  model: string | Model,
  data: string | ProgramData,
  options: FitOptions = {},
): Promise<NodeNetwork> {
  const { out, resume } = options;
  if (typeof out === 'string' && out !== '' && out !== resume) requireFree(out);
  return fitOn(HOST, model, data, options);
}
