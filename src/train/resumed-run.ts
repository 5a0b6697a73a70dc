import { DataError } from '../data/dataset.ts';
import type { LoadedCheckpoint, RunState } from './checkpoint.ts';
import { ConfigError, hasValidation, type RunConfig } from './config.ts';
import type { Overrides } from './recipes.ts';
import { contradictionOf } from './settings/resume.ts';
import { channelsOf } from './trained.ts';

/** What is said of a run that goes on. */
export type GivenSettings = Overrides & { readonly channels?: number | undefined };

/**
 * A checkpoint to go on from; what is said beside it must agree with it, but for the place of its data (known by their
 * SHA-256), its engine and, at a constant rate, the number of epochs.
 * @param where the run's folder, or what else messages call its place.
 * @throws ConfigError, CheckpointError
 */
export function resumedRun(
  checkpoint: LoadedCheckpoint,
  given: GivenSettings,
  where: string,
): LoadedCheckpoint {
  const { config } = checkpoint.run;
  if (config.data === undefined) {
    throw new ConfigError(
      `${where} holds imported weights and no run to go on with: begin one with train \`from\` ${where}`,
    );
  }
  const wrong = contradictionOf(given, config, channelsOf(where, checkpoint.shapes));
  if (wrong) {
    throw new ConfigError(
      `\`${wrong.name}\` ${wrong.given} contradicts the run in ${where}, which has ${wrong.has}`,
    );
  }
  const { data = config.data, epochs = config.epochs } = given;
  if (data !== config.data && config.dataSha256 === undefined) {
    throw new ConfigError(
      `\`data\` ${data} contradicts the run in ${where}, which has ${config.data} and does not say what was in it`,
    );
  }
  const run = withEpochs(checkpoint.run, epochs, where);
  return { ...checkpoint, run: { ...run, config: { ...run.config, data } } };
}

/** @throws DataError when the run was on other images or labels: its numbers would mean nothing. */
export function requireSameData(
  { data: name, dataSha256 }: RunConfig,
  sha256: string | undefined,
  where: string,
): void {
  if (dataSha256 === undefined || sha256 === undefined || sha256 === dataSha256) return;
  throw new DataError(
    `${name}: images or labels are not those of the run in ${where}: name the place where those are now with ` +
      '`data` (or `dataDir`), or begin a new run with `out`',
  );
}

/**
 * The run as if it had been asked for so many epochs from the start.
 * @throws ConfigError where it would have trained otherwise until now.
 */
function withEpochs(run: RunState, epochs: number, where: string): RunState {
  const { config, progress, last, best, history } = run;
  if (epochs === config.epochs) return run;
  const begun = progress.epoch + (progress.step > 0 ? 1 : 0);
  if (epochs < begun) {
    throw new ConfigError(`\`epochs\` ${epochs}: the run in ${where} is in epoch ${begun} already`);
  }
  if (config.schedule !== 'constant') {
    throw new ConfigError(
      `\`epochs\` ${epochs} contradicts the run in ${where}, whose ${config.schedule} schedule was made for ` +
        `${config.epochs}: begin a new run with its weights by train \`from\` ${where} \`epochs\` N`,
    );
  }
  const extended = { ...run, config: { ...config, epochs } };
  if (!hasValidation(config) || last?.testAccuracy === undefined) return extended;
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
