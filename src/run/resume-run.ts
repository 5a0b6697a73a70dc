import { existsSync } from 'node:fs';
import { DataError, type TrainTest } from '../data/dataset.ts';
import { sha256Of } from '../node/data/fingerprint.ts';
import type { LoadedCheckpoint, RunState } from '../train/checkpoint.ts';
import { ConfigError, type RunConfig } from '../train/config.ts';
import type { Overrides } from '../train/recipes.ts';
import { contradictionOf } from '../train/settings/resume.ts';
import { channelsOf } from '../train/trained.ts';
import { loadCheckpoint } from './checkpoint-file.ts';
import { runFiles } from './run-folder.ts';

/** @throws DataError when the run was on other images or labels: its numbers would mean nothing. */
export function requireSameData(
  { data: name, dataSha256 }: RunConfig,
  data: TrainTest,
  folder: string,
): void {
  if (dataSha256 === undefined || sha256Of(data) === dataSha256) return;
  throw new DataError(
    `${name}: images or labels are not those of the run in ${folder}: name the place where those are now with ` +
      '`data` (or `dataDir`), or begin a new run with `out`',
  );
}

/** What is said of a run beside its folder. */
export type GivenSettings = Overrides & {
  readonly channels?: number | undefined;
  readonly out?: string | undefined;
};

/**
 * The checkpoint to go on from; what the command line says beside it must agree with it, but for the place of its data
 * (known by their SHA-256), its engine and, at a constant rate, the number of epochs.
 * @throws DataError, ConfigError, CheckpointError
 */
export function openResumed(folder: string, given: GivenSettings): LoadedCheckpoint {
  if (!existsSync(folder))
    throw new DataError(`${folder} does not exist: expected the folder of a run for \`resume\``);
  if (given.out !== undefined && given.out !== folder) {
    throw new ConfigError(
      `\`out\` ${given.out} contradicts \`resume\` ${folder}: a resumed run stays in its folder`,
    );
  }
  const checkpoint = loadCheckpoint(runFiles(folder).last);
  const { config } = checkpoint.run;
  if (config.data === undefined) {
    throw new ConfigError(
      `${folder} holds imported weights and no run to go on with: begin one with train \`from\` ${folder}`,
    );
  }
  const channels = channelsOf(runFiles(folder).last, checkpoint.shapes);
  const wrong = contradictionOf(given, config, channels);
  if (wrong) {
    throw new ConfigError(
      `\`${wrong.name}\` ${wrong.given} contradicts the run in ${folder}, which has ${wrong.has}`,
    );
  }
  const { data = config.data, epochs = config.epochs } = given;
  if (data !== config.data && config.dataSha256 === undefined) {
    throw new ConfigError(
      `\`data\` ${data} contradicts the run in ${folder}, which has ${config.data} and does not say what was in it`,
    );
  }
  const run = withEpochs(checkpoint.run, epochs, folder);
  return { ...checkpoint, run: { ...run, config: { ...run.config, data } } };
}

/**
 * The run as if it had been asked for so many epochs from the start.
 * @throws ConfigError where it would have trained otherwise until now.
 */
function withEpochs(run: RunState, epochs: number, folder: string): RunState {
  const { config, progress, last, best, history } = run;
  if (epochs === config.epochs) return run;
  const begun = progress.epoch + (progress.step > 0 ? 1 : 0);
  if (epochs < begun) {
    throw new ConfigError(`\`epochs\` ${epochs}: the run in ${folder} is in epoch ${begun} already`);
  }
  if (config.schedule !== 'constant') {
    throw new ConfigError(
      `\`epochs\` ${epochs} contradicts the run in ${folder}, whose ${config.schedule} schedule was made for ` +
        `${config.epochs}: begin a new run with its weights by train \`from\` ${folder} \`epochs\` N`,
    );
  }
  const extended = { ...run, config: { ...config, epochs } };
  if (config.validate === undefined || last?.testAccuracy === undefined) return extended;
  // The final test comes after the last epoch, which the run has not reached any more.
  const { testAccuracy: _, ...lastEpoch } = last;
  const { testAccuracy: __, ...bestEpoch } = best!;
  return {
    ...extended,
    last: lastEpoch,
    best: bestEpoch,
    history: history.filter(({ testAccuracy }) => testAccuracy === undefined),
  };
}
