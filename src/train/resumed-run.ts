import { DataError } from '../data/dataset.ts';
import type { LoadedCheckpoint, RunState } from './checkpoint.ts';
import { ConfigError, hasValidation, type RunConfig } from './config.ts';
import type { Overrides } from './recipes.ts';
import { contradictionOf } from './settings/resume.ts';
import { channelsOf } from './trained.ts';

/** Settings given for a resumed run. */
export type GivenSettings = Overrides & { readonly channels?: number | undefined };

/**
 * A checkpoint to resume from; given settings must match it, except the location of its data (identified by SHA-256),
 * its engine and, at a constant learning rate, the number of epochs.
 * @param where the run's folder, or another name of its location for messages.
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
      `\`data\` ${data} contradicts the run in ${where}, which has ${config.data} without a hash of its content`,
    );
  }
  const run = withEpochs(checkpoint.run, epochs, where);
  return { ...checkpoint, run: { ...run, config: { ...run.config, data } } };
}

/** @throws DataError when the run used other images or labels: its results would be meaningless. */
export function requireSameData(
  { data: name, dataSha256 }: RunConfig,
  sha256: string | undefined,
  where: string,
): void {
  if (dataSha256 === undefined || sha256 === undefined || sha256 === dataSha256) return;
  throw new DataError(
    `${name}: images or labels are not those of the run in ${where}: give their present location with ` +
      '`data` (or `dataDir`), or begin a new run with `out`',
  );
}

/**
 * The run as if this number of epochs had been requested from the start.
 * @throws ConfigError if it would then have trained differently so far.
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
  // The final test comes after the last epoch, which the run has no longer reached.
  const { testAccuracy: _, ...lastEpoch } = last;
  const { testAccuracy: __, ...bestEpoch } = best!;
  return {
    ...extended,
    last: lastEpoch,
    best: bestEpoch,
    history: history.filter(({ testAccuracy }) => testAccuracy === undefined),
  };
}
