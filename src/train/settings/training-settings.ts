import { z } from 'zod';
import { BALANCES } from '../../data/balance.ts';
import { SCHEDULES } from '../schedule.ts';
import type { Setting } from './setting.ts';

const OPTIMIZERS = ['sgd', 'nesterov', 'adamw'] as const;
const DECAYED = ['weights', 'all'] as const;
const nonEmpty = z.string().min(1, 'expected names separated by commas');

/** The fields of `RunConfig` that say how a network is trained: optimizer, schedule, regularization, early stopping. */
export const TRAINING_FIELDS = {
  freeze: {
    schema: z.array(z.string()).min(1).optional(),
    given: z.array(nonEmpty).min(1),
    value: 'parts',
    help: 'parts of the network to freeze: name prefixes such as features.conv0, or body for all layers except the classifier',
    group: 'Training',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  dropout: {
    schema: z.number().positive().lt(1).optional(),
    value: 'rate',
    help: 'dropout rate after each convolution, where the network has dropout',
    group: 'Training',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  /** `nesterov` is SGD with Nesterov momentum; AdamW uses PyTorch's default β of 0.9 and 0.999. */
  optimizer: {
    schema: z.enum(OPTIMIZERS).default('sgd'),
    value: 'name',
    help: 'optimizer; nesterov is SGD with Nesterov momentum',
    group: 'Training',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  momentum: {
    schema: z.number().nonnegative().lt(1).default(0),
    value: 'm',
    help: 'momentum of sgd and nesterov; for nesterov 0.9 unless the recipe sets it',
    group: 'Training',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  weightDecay: {
    schema: z.number().nonnegative().default(0),
    value: 'rate',
    help: 'weight decay',
    group: 'Training',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  weightDecayOn: {
    schema: z.enum(DECAYED).default('weights'),
    value: 'which',
    help: 'parameters that weight decay applies to; weights: those of convolutions and linear layers, not biases or batch norms',
    group: 'Training',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  schedule: {
    schema: z.enum(SCHEDULES).default('constant'),
    value: 'name',
    help: 'learning-rate schedule',
    group: 'Training',
    commands: { train: {} },
    onResume: 'same',
  },
  warmup: {
    schema: z.number().nonnegative().default(0),
    value: 'epochs',
    help: 'epochs (may be fractional) of linear learning-rate warmup',
    group: 'Training',
    commands: { train: {} },
    onResume: 'same',
  },
  labelSmoothing: {
    schema: z.number().nonnegative().lt(1).default(0),
    value: 'share',
    help: 'label smoothing: fraction of the target distributed over all classes',
    group: 'Training',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  clip: {
    schema: z.number().positive().optional(),
    value: 'norm',
    help: 'gradient clipping: maximum global norm of the gradients',
    group: 'Training',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  ema: {
    schema: z.number().positive().lt(1).optional(),
    value: 'decay',
    help: 'evaluate an exponential moving average (EMA) of the weights with this decay, such as 0.999',
    group: 'Training',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  validate: {
    schema: z.number().positive().lt(1).optional(),
    value: 'share',
    help: 'fraction of the training images used for validation, to choose the best epoch; the test images are then used only at the end. A folder with val and test has its own validation images',
    group: 'Run',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  patience: {
    schema: z.int().positive().max(100_000).optional(),
    value: 'epochs',
    help: 'early stopping: end the run after this many epochs without higher validation accuracy',
    group: 'Run',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  balance: {
    schema: z.enum(BALANCES).default('none'),
    value: 'how',
    help: 'balancing of classes of unequal size; weights: larger loss weight for images of small classes; sample: equally many images of each class per epoch',
    group: 'Training',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** Training in two stages; added to `RunConfig` later. */
export const STAGE_FIELDS = {
  headEpochs: {
    schema: z.int().positive().max(100_000).optional(),
    value: 'epochs',
    help: 'initial epochs that train only the classifier; then all layers are trained, with a new schedule and a new optimizer state',
    group: 'Training',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  headLr: {
    schema: z.number().positive().optional(),
    value: 'rate',
    help: 'maximum learning rate while only the classifier is trained',
    group: 'Training',
    unset: 'the learning rate of the rest of the run',
    commands: { train: {} },
    onResume: 'same',
  },
} as const satisfies Readonly<Record<string, Setting>>;
