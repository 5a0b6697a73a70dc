import { z } from 'zod';
import type { TrainingOptions } from '../compile.ts';
import { counted } from '../tensor/counted.ts';
import { InputError } from '../tensor/input-error.ts';
import type { Schedule } from './schedule.ts';
import { FIELD_SCHEMAS, type SettingName } from './settings/table.ts';

/** Settings of a run that contradict one another: says which, and what to do. */
export class ConfigError extends InputError {
  override readonly name = 'ConfigError';
  /** The setting to change, where it is one. */
  readonly setting: SettingName | undefined;

  /** @param message names settings as `RunConfig` does, in backquotes: a front end may write them in its own way. */
  constructor(
    message: string,
    { setting, ...options }: ErrorOptions & { readonly setting?: SettingName } = {},
  ) {
    super(message, options);
    this.setting = setting;
  }
}

/**
 * What decides the numbers of a run, fully resolved; stored in every checkpoint. (Threads change no bit.) The table of
 * settings says what each field is.
 */
export const runConfigSchema = z.strictObject(FIELD_SCHEMAS);

export type RunConfig = z.infer<typeof runConfigSchema>;

/** Whether other images than those of the test choose the best epoch: held out, or a folder's own. */
export function hasValidation({
  validate,
  validationSha256,
}: Pick<RunConfig, 'validate' | 'validationSha256'>): boolean {
  return validate !== undefined || validationSha256 !== undefined;
}

/** @throws ConfigError when a run that has no validation images is to end by them. */
export function requireJudge(patience: number | undefined, isJudged: boolean): void {
  if (patience === undefined || isJudged) return;
  throw new ConfigError('`patience` goes by validation images: say which share with `validate`', {
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

/** Images that go through the network at a time in an evaluation: no more than in training. */
export function evaluationBatch({ batch, microBatch = batch }: RunConfig): number {
  return Math.min(batch, microBatch);
}

/** What a run's training programs do with the gradients. */
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

/** How a run's learning rate goes, of one stage (`stagesOf`). */
export function scheduleOf(config: RunConfig, stepsPerEpoch: number): Schedule {
  const { schedule: kind, lr: peak, epochs, warmup } = config;
  return { kind, peak, steps: epochs * stepsPerEpoch, warmupSteps: Math.round(warmup * stepsPerEpoch) };
}

/** `recipe best: nesterov 0.9, lr 0.1, one-cycle, weight decay 0.0005`: all that is not the plainest. */
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
    validate !== undefined && `${Number((100 * validate).toFixed(2))}% held out`,
    patience !== undefined && `patience ${patience}`,
    precision !== 'f32' && `feature maps in ${precision}`,
  ]
    .filter((part) => part !== false)
    .join(', ');
}
