import { z } from 'zod';
import type { TrainingOptions } from '../compile.ts';
import { SCHEDULES, type Schedule } from '../optim/schedule.ts';
import { counted } from '../tensor/counted.ts';
import { PRECISIONS } from '../tensor/precision.ts';
import { dataFields } from './data-config.ts';

export const OPTIMIZERS = ['sgd', 'nesterov', 'adamw'] as const;
export const DECAYED = ['weights', 'all'] as const;

/** Settings of a run that contradict one another: says which, and what to do. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * What decides the numbers of a run, fully resolved; stored in every checkpoint. (Threads change no bit.) Fields that
 * came later have defaults, those of the notes' run, so that older checkpoints load.
 */
export const runConfigSchema = z.strictObject({
  /** Where the other fields came from, as far as they were not given one by one. */
  recipe: z.string(),
  model: z.string(),
  /** Absent where weights were imported: the network has seen no data yet, and what is said of training are defaults. */
  data: z.string().optional(),
  classes: z.int().positive(),
  /** Images are resized to size × size pixels. */
  size: z.int().positive(),
  batch: z.int().positive(),
  /** The most images that go through the network at a time: a step of a larger batch is done in parts. */
  microBatch: z.int().positive().optional(),
  epochs: z.int().positive(),
  /** The greatest learning rate: `schedule` says how it goes. */
  lr: z.number().positive(),
  seed: z.int().nonnegative(),
  /** What feature maps and their gradients are stored in; the weights are float32 with either. */
  precision: z.enum(PRECISIONS),
  /** Train on the first images only. */
  limit: z.int().positive().optional(),
  /** Of the images and labels, so that a run does not go on with others; older checkpoints lack it. */
  dataSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** The file whose weights the run began with, where it did not begin with random ones. */
  startedFrom: z.strictObject({ file: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }).optional(),
  ...dataFields,
  /** Parts of the network that stay as they are: prefixes of names, or `body` for all but the classifier. */
  freeze: z.array(z.string()).min(1).optional(),
  /** The part of each convolution's outputs that a step leaves out, in the networks that have dropout. */
  dropout: z.number().positive().lt(1).optional(),
  /** `nesterov` is SGD with Nesterov's momentum; AdamW has PyTorch's β of 0.9 and 0.999. */
  optimizer: z.enum(OPTIMIZERS).default('sgd'),
  momentum: z.number().nonnegative().lt(1).default(0),
  weightDecay: z.number().nonnegative().default(0),
  /** `weights`: of convolutions and linear layers; not of biases, nor γ and β of batch norms. */
  weightDecayOn: z.enum(DECAYED).default('weights'),
  schedule: z.enum(SCHEDULES).default('constant'),
  /** Epochs, or parts of one, over which the learning rate rises linearly. */
  warmup: z.number().nonnegative().default(0),
  labelSmoothing: z.number().nonnegative().lt(1).default(0),
  /** Greatest norm of all gradients together. */
  clip: z.number().positive().optional(),
  /** Decay of the moving average of the weights that evaluation uses. */
  ema: z.number().positive().lt(1).optional(),
  /** The part of the training images that is held out to choose the best epoch by, instead of the test images. */
  validate: z.number().positive().lt(1).optional(),
  /** Ends the run when so many epochs in a row were no better on the held-out images. */
  patience: z.int().positive().optional(),
});

export type RunConfig = z.infer<typeof runConfigSchema>;

/** @throws ConfigError when a micro-batch is larger than the batch. */
export function requireMicroBatch(microBatch: number | undefined, batch: number): void {
  if (microBatch === undefined || microBatch <= batch) return;
  throw new ConfigError(
    `--micro-batch ${microBatch} is more than the batch of ${batch}: use a smaller one, or leave it out`,
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

/** How a run's learning rate goes. */
export function scheduleOf(config: RunConfig, stepsPerEpoch: number): Schedule {
  const { schedule: kind, lr: peak, epochs, warmup } = config;
  return { kind, peak, steps: epochs * stepsPerEpoch, warmupSteps: Math.round(warmup * stepsPerEpoch) };
}

/** `recipe best: nesterov 0.9, lr 0.1, one-cycle, weight decay 0.0005`: all that is not the plainest. */
export function describeRecipe(config: RunConfig): string {
  const { recipe, optimizer, momentum, weightDecay, weightDecayOn, schedule, warmup, clip, ema } = config;
  const { lr, labelSmoothing, validate, patience, precision } = config;
  return [
    `recipe ${recipe}: ${optimizer}${momentum > 0 ? ` ${momentum}` : ''}`,
    `lr ${lr}`,
    schedule !== 'constant' && schedule,
    warmup > 0 && `warm-up over ${counted(warmup, 'epoch')}`,
    weightDecay > 0 && `weight decay ${weightDecay} on ${weightDecayOn}`,
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
