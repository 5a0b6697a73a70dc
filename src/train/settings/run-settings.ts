import { z } from 'zod';
import { BALANCES } from '../../data/balance.ts';
import {
  DATASET_NAMES,
  DEFAULT_TEST_SHARE,
  isDatasetName,
  unknownDataset,
} from '../../data/dataset-names.ts';
import { imageSizeOf, MODEL_NAMES_TEXT, unknownModel } from '../../model/zoo.ts';
import { MAX_LEAVES } from '../../plan/batch-tree.ts';
import { PRECISIONS } from '../../tensor/precision.ts';
import { transformsSchema } from '../data-config.ts';
import { modelSchema } from '../model-schema.ts';
import { SCHEDULES } from '../schedule.ts';
import type { Recorded, Setting } from './setting.ts';

const OPTIMIZERS = ['sgd', 'nesterov', 'adamw'] as const;
const DECAYED = ['weights', 'all'] as const;
export const RECIPE_NAMES = [
  'notes',
  'd2l',
  'quick',
  'photos',
  'paper-cifar',
  'best',
  'best-longer',
  'fine-tune',
] as const;
export type RecipeName = (typeof RECIPE_NAMES)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const modelName = z
  .string()
  .refine((name) => imageSizeOf(name) !== undefined, { error: ({ input }) => unknownModel(`${input}`) });
const datasetName = z.string().refine(isDatasetName, { error: ({ input }) => unknownDataset(`${input}`) });
const nonEmpty = z.string().min(1, 'expected names, with commas between them');

/** Images of a batch at most. */
const MOST_IMAGES = 65_536;
const microBatch = z.int().positive().max(MOST_IMAGES);
const MICRO_BATCH_AUTO = {
  help: 'images that go through the network at a time, for less memory: gradients are those of the whole batch, batch norm sees a part at a time; auto: only if nothing else fits the memory limit',
  given: z.union([microBatch, z.literal('auto')]),
};
const PRECISION_AUTO = {
  help: 'type of feature maps in memory: bf16 takes half of it, sums stay float32; auto: f32, or bf16 if f32 does not fit the memory limit',
  given: z.enum([...PRECISIONS, 'auto']),
};

/**
 * Every field of `RunConfig`, in the order in which checkpoints store them. Fields that came later are optional or have
 * defaults, those of the notes' run, so that older checkpoints load.
 */
export const FIELDS = {
  recipe: {
    schema: z.string(),
    given: z.enum(RECIPE_NAMES),
    value: 'name',
    help: 'where settings that are not given come from',
    group: 'The run',
    unset: 'photos of a folder of images, else notes',
    commands: {
      train: {
        unset: 'photos of a folder of images, else notes; fine-tune with --from and weights for ImageNet',
      },
      'lr-find': {},
    },
    onResume: 'same',
  },
  model: {
    schema: z.string(),
    given: modelName,
    value: 'name',
    help: `network: ${MODEL_NAMES_TEXT}`,
    group: 'The run',
    notes: 'notes',
    commands: {
      train: {},
      'lr-find': {},
      import: { unset: "the file's, where that is known" },
      bench: {},
      profile: {},
    },
    onResume: 'same',
  },
  /** Absent where weights were imported: the network has seen no data yet, and what is said of training are defaults. */
  data: {
    schema: z.string().optional(),
    given: datasetName,
    value: 'name or folder',
    help: `folder of images (or of IDX files), or data set: ${DATASET_NAMES.join(', ')}`,
    group: 'Images',
    notes: 'fashion-mnist',
    commands: {
      train: {},
      'lr-find': {},
      compare: {},
      evaluate: {
        help: `folder or data set with the same class names to test on: ${DATASET_NAMES.join(', ')}`,
        unset: "the run's",
      },
    },
    onResume: 'changeable',
  },
  classes: {
    schema: z.int().positive().max(65_536),
    value: 'n',
    help: 'number of classes',
    group: 'Images',
    unset: "the data set's",
    commands: {
      train: {},
      'lr-find': {},
      import: {
        help: "number of classes; another than the file's begins a new classifier",
        unset: "the file's",
      },
      summary: { unset: "the network's" },
    },
    onResume: 'same',
  },
  size: {
    schema: z.int().positive().max(8192),
    value: 'pixels',
    help: 'height and width that images are resized to',
    group: 'Images',
    notes: 96,
    commands: {
      train: {},
      'lr-find': {},
      compare: {},
      import: { unset: "the file's, else the network's" },
      summary: { unset: "the network's: 224, or 32 of networks for CIFAR" },
      bench: { unset: '96, or 32 of networks for CIFAR' },
      profile: { unset: '96, or 32 of networks for CIFAR' },
    },
    onResume: 'same',
  },
  batch: {
    schema: z.int().positive().max(MOST_IMAGES),
    value: 'images',
    help: 'images per step',
    group: 'The run',
    notes: 256,
    commands: { train: {}, 'lr-find': {}, compare: {}, summary: { default: 1 }, bench: {}, profile: {} },
    onResume: 'same',
  },
  microBatch: {
    schema: z.int().positive().max(MOST_IMAGES).optional(),
    value: 'images',
    help: 'images that go through the network at a time, for less memory: gradients are those of the whole batch, batch norm sees a part at a time',
    group: 'What computes',
    unset: 'the whole batch',
    commands: {
      train: MICRO_BATCH_AUTO,
      'lr-find': {},
      summary: MICRO_BATCH_AUTO,
      bench: MICRO_BATCH_AUTO,
    },
    onResume: 'same',
  },
  epochs: {
    schema: z.int().positive().max(100_000),
    value: 'n',
    help: 'passes over the training images',
    group: 'The run',
    notes: 10,
    commands: { train: {}, compare: {} },
    onResume: 'changeable',
  },
  lr: {
    schema: z.number().positive(),
    value: 'rate',
    help: 'greatest learning rate of the schedule',
    group: 'How it learns',
    notes: 0.1,
    commands: { train: {}, compare: {} },
    onResume: 'same',
  },
  seed: {
    schema: z
      .int()
      .nonnegative()
      .max(2 ** 32 - 1),
    value: 'n',
    help: 'seed of initial weights, shuffling, augmentation and dropout',
    group: 'The run',
    notes: 0,
    commands: { train: {}, 'lr-find': {}, import: { help: 'seed of weights that the file does not have' } },
    onResume: 'same',
    inExperiment: false,
  },
  /** Weights are float32 with either. */
  precision: {
    schema: z.enum(PRECISIONS),
    value: 'type',
    help: 'type of feature maps in memory: bf16 takes half of it, sums stay float32',
    group: 'What computes',
    notes: 'f32',
    commands: {
      train: PRECISION_AUTO,
      'lr-find': {},
      summary: PRECISION_AUTO,
      bench: PRECISION_AUTO,
      profile: {},
    },
    onResume: 'same',
  },
  limit: {
    schema: z
      .int()
      .positive()
      .max(2 ** 31)
      .optional(),
    value: 'images',
    help: 'train on the first images only',
    group: 'Images',
    unset: 'all images',
    commands: { train: {}, 'lr-find': {}, compare: {} },
    onResume: 'same',
  },
  /** Absent: 16. */
  leaves: {
    schema: z.int().positive().max(MAX_LEAVES).optional(),
    recorded:
      'slices of a batch whose sums are added up as a tree: bits depend on it, on no number of machines',
  },
  /** Older checkpoints lack it. */
  dataSha256: { schema: sha256.optional(), recorded: 'of images and labels: a run resumes on no others' },
  startedFrom: {
    schema: z.strictObject({ file: z.string(), sha256, weights: z.string().optional() }).optional(),
    recorded: 'the file whose weights the run began with, and which of several',
  },
  classNames: { schema: z.array(z.string()).optional(), recorded: 'a name for each class' },
  testShare: {
    schema: z.number().gt(0).lt(1).optional(),
    value: 'share',
    help: 'share of each class that is put aside for testing, of a folder without val or test',
    group: 'Images',
    unset: `${DEFAULT_TEST_SHARE}`,
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
    folderOnly: true,
  },
  testSha256: { schema: sha256.optional(), recorded: "of an image folder's test images" },
  transforms: {
    schema: transformsSchema.optional(),
    recorded: 'what `augment` and `normalize` mean for the data',
  },
  freeze: {
    schema: z.array(z.string()).min(1).optional(),
    given: z.array(nonEmpty).min(1),
    value: 'parts',
    help: 'parts of the network that stay as they are: prefixes of names such as features.conv0, or body: all but the classifier',
    group: 'How it learns',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  dropout: {
    schema: z.number().positive().lt(1).optional(),
    value: 'rate',
    help: 'dropout rate after each convolution, where the network has dropout',
    group: 'How it learns',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  /** `nesterov` is SGD with Nesterov's momentum; AdamW has PyTorch's β of 0.9 and 0.999. */
  optimizer: {
    schema: z.enum(OPTIMIZERS).default('sgd'),
    value: 'name',
    help: 'optimizer; nesterov is SGD with Nesterov momentum',
    group: 'How it learns',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  momentum: {
    schema: z.number().nonnegative().lt(1).default(0),
    value: 'm',
    help: 'momentum of sgd and nesterov; 0.9 of nesterov if no recipe says otherwise',
    group: 'How it learns',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  weightDecay: {
    schema: z.number().nonnegative().default(0),
    value: 'rate',
    help: 'weight decay',
    group: 'How it learns',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  weightDecayOn: {
    schema: z.enum(DECAYED).default('weights'),
    value: 'which',
    help: 'parameters that weight decay applies to; weights: of convolutions and linear layers, not biases and batch norms',
    group: 'How it learns',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  schedule: {
    schema: z.enum(SCHEDULES).default('constant'),
    value: 'name',
    help: 'learning rate over the run',
    group: 'How it learns',
    commands: { train: {} },
    onResume: 'same',
  },
  warmup: {
    schema: z.number().nonnegative().default(0),
    value: 'epochs',
    help: 'epochs, or parts of one, over which the learning rate rises linearly',
    group: 'How it learns',
    commands: { train: {} },
    onResume: 'same',
  },
  labelSmoothing: {
    schema: z.number().nonnegative().lt(1).default(0),
    value: 'share',
    help: 'label smoothing: share of the target spread over all classes',
    group: 'How it learns',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  clip: {
    schema: z.number().positive().optional(),
    value: 'norm',
    help: 'gradient clipping: greatest norm of all gradients together',
    group: 'How it learns',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  ema: {
    schema: z.number().positive().lt(1).optional(),
    value: 'decay',
    help: 'evaluate a moving average of the weights with this decay, such as 0.999',
    group: 'How it learns',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  validate: {
    schema: z.number().positive().lt(1).optional(),
    value: 'share',
    help: 'share of the training images that is held out for validation and chooses the best epoch; the test images are then used only at the end. A folder with val and test has its own',
    group: 'The run',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  patience: {
    schema: z.int().positive().max(100_000).optional(),
    value: 'epochs',
    help: 'end the run after so many epochs in a row without a better one on the validation images',
    group: 'The run',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  balance: {
    schema: z.enum(BALANCES).default('none'),
    value: 'how',
    help: 'what to do about unequal classes; weights: the loss of an image counts more in a small class; sample: an epoch has equally many of each class',
    group: 'How it learns',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  reasons: {
    schema: z.record(z.string(), z.string()).optional(),
    recorded: 'why the recipe `photos` chose what it did, by setting',
  },
  validationSha256: {
    schema: sha256.optional(),
    recorded: 'of the validation images that a folder has beside its test images',
  },
  followLinks: {
    schema: z.literal(true).optional(),
    help: 'follow links that lead out of a folder of images, or to folders',
    group: 'Images',
    commands: { train: {}, 'lr-find': {}, evaluate: {} },
    onResume: 'same',
    folderOnly: true,
  },
  headEpochs: {
    schema: z.int().positive().max(100_000).optional(),
    value: 'epochs',
    help: 'epochs at the start in which only the classifier learns; then all does, with the schedule and the optimizer begun anew',
    group: 'How it learns',
    unset: 'none',
    commands: { train: {} },
    onResume: 'same',
  },
  headLr: {
    schema: z.number().positive().optional(),
    value: 'rate',
    help: 'greatest learning rate while only the classifier learns',
    group: 'How it learns',
    unset: 'that of the rest of the run',
    commands: { train: {} },
    onResume: 'same',
  },
  network: {
    schema: modelSchema.optional(),
    recorded: "the modules of a network of one's own; without them `model` is a name",
  },
} as const satisfies Readonly<Record<string, Setting | Recorded>>;
