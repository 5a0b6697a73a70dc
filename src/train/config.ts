import { z } from 'zod';
import type { TrainingOptions } from '../compile.ts';
import { counted } from '../tensor/counted.ts';
import { InputError } from '../tensor/input-error.ts';
import type { Schedule } from './schedule.ts';
import { FIELD_SCHEMAS, type SettingName } from './settings/table.ts';

/** Contradictory settings of a run: the message names the setting and a remedy. */
export class ConfigError extends InputError {
  override readonly name = 'ConfigError';
  /** The setting to change, if there is one. */
  readonly setting: SettingName | undefined;

  /**
   * @param message names settings as in `RunConfig`, in backquotes: a front end may replace them by its own names.
   */
  constructor(
    message: string,
    { setting, ...options }: ErrorOptions & { readonly setting?: SettingName } = {},
  ) {
    super(message, options);
    this.setting = setting;
  }
}

/**
 * All settings that determine the results of a run, fully resolved; stored in every checkpoint. (The number of
 * threads does not affect the results.) The table of settings describes each field.
 */
export const runConfigSchema = z.strictObject(FIELD_SCHEMAS);

/** All settings of a run; docs/settings.md describes each. */
export type RunConfig = z.infer<typeof runConfigSchema>;

/**
 * True if validation images, not test images, select the best epoch: a share of the training images, or a folder's
 * own.
 */
export function hasValidation({
  validate,
  validationSha256,
}: Pick<RunConfig, 'validate' | 'validationSha256'>): boolean {
  return validate !== undefined || validationSha256 !== undefined;
}

/** @throws ConfigError when `patience` is set for a run without validation images. */
export function requireValidation(patience: number | undefined, hasImages: boolean): void {
  if (patience === undefined || hasImages) return;
  throw new ConfigError('`patience` requires validation images: set their share with `validate`', {
    setting: 'patience',
  });
}

/** @throws ConfigError when a micro-batch is larger than the batch. */
export function requireMicroBatch(microBatch: number | undefined, batch: number): void {
  if (microBatch === undefined || microBatch <= batch) return;
  throw new ConfigError(
    `\`microBatch\` ${microBatch} is more than the batch of ${batch}: use a smaller one, or leave it out`,
    { setting: 'microBatch' },
  );
}

/** Images per evaluation batch: no more than in training. */
export function evaluationBatch({ batch, microBatch = batch }: RunConfig): number {
  return Math.min(batch, microBatch);
}

/** Optimiser, regularisation and loss options of a run's training programs. */
export function trainingOptions(config: RunConfig): TrainingOptions {
  const { momentum, weightDecay, weightDecayOn: decayed, labelSmoothing, clip, ema } = config;
  return {
    labelSmoothing,
    weighted: config.balance === 'weights',
    update: {
      optimizer:
        config.optimizer === 'adamw'
          ? { kind: 'adamw', beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay, decayed }
          : { kind: 'sgd', momentum, nesterov: config.optimizer === 'nesterov', weightDecay, decayed },
      ...(clip !== undefined && { clipNorm: clip }),
      ...(ema !== undefined && { averageDecay: ema }),
    },
  };
}

/** The learning-rate schedule of a run with one stage (`stagesOf`). */
export function scheduleOf(config: RunConfig, stepsPerEpoch: number): Schedule {
  const { schedule: kind, lr: peak, epochs, warmup } = config;
  return { kind, peak, steps: epochs * stepsPerEpoch, warmupSteps: Math.round(warmup * stepsPerEpoch) };
}

/** `recipe best: nesterov 0.9, lr 0.1, one-cycle, weight decay 0.0005`: all settings that differ from plain SGD. */
export function describeRecipe(config: RunConfig): string {
  const { recipe, optimizer, momentum, weightDecay, weightDecayOn, schedule, warmup, clip, ema } = config;
  const { lr, balance, labelSmoothing, validate, patience, precision, headEpochs, headLr } = config;
  return [
    `recipe ${recipe}: ${optimizer}${momentum > 0 ? ` ${momentum}` : ''}`,
    `lr ${lr}`,
    schedule !== 'constant' && schedule,
    headEpochs !== undefined &&
      `the classifier alone for ${counted(headEpochs, 'epoch')}${headLr === undefined ? '' : ` at lr ${headLr}`}`,
    warmup > 0 && `warm-up over ${counted(warmup, 'epoch')}`,
    weightDecay > 0 && `weight decay ${weightDecay} on ${weightDecayOn}`,
    balance !== 'none' && `classes balanced by ${balance}`,
    labelSmoothing > 0 && `labels smoothed by ${labelSmoothing}`,
    clip !== undefined && `gradients clipped at ${clip}`,
    ema !== undefined && `weights averaged with ${ema}`,
    validate !== undefined && `${Number((100 * validate).toFixed(2))}% for validation`,
    patience !== undefined && `patience ${patience}`,
    precision !== 'f32' && `feature maps in ${precision}`,
  ]
    .filter((part) => part !== false)
    .join(', ');
}
