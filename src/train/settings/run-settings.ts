import { z } from 'zod';
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
import type { Recorded, Setting } from './setting.ts';
import { STAGE_FIELDS, TRAINING_FIELDS } from './training-settings.ts';

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

/** Maximum batch size. */
const MOST_IMAGES = 65_536;
const microBatch = z.int().positive().max(MOST_IMAGES);
const MICRO_BATCH_AUTO = {
  help: 'images per forward and backward pass, to save memory: gradients are accumulated over the whole batch, batch norm statistics are computed per micro-batch; auto: only if nothing else fits the memory limit',
  given: z.union([microBatch, z.literal('auto')]),
};
const PRECISION_AUTO = {
  help: 'data type of feature maps: bf16 halves their memory, sums stay float32; auto: f32, or bf16 if f32 does not fit the memory limit',
  given: z.enum([...PRECISIONS, 'auto']),
};

/**
 * Every field of `RunConfig`, in the order in which checkpoints store them. Fields that were added later are optional or
 * have defaults, the values of the notes, so that older checkpoints load.
 */
export const FIELDS = {
  recipe: {
    schema: z.string(),
    given: z.enum(RECIPE_NAMES),
    value: 'name',
    help: 'set of defaults; options override them',
    group: 'Run',
    unset: 'photos for a folder of images, else notes',
    commands: {
      train: {
        unset: 'photos for a folder of images, else notes; fine-tune with --from and ImageNet weights',
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
    group: 'Run',
    notes: 'notes',
    commands: {
      train: {},
      'lr-find': {},
      import: { unset: 'the network that the file belongs to, if it is recognized' },
      bench: {},
      profile: {},
    },
    onResume: 'same',
  },
  /** Absent for imported weights: the network has not been trained, and the training settings are defaults. */
  data: {
    schema: z.string().optional(),
    given: datasetName,
    value: 'name or folder',
    help: `folder of images or IDX files, or data set: ${DATASET_NAMES.join(', ')}`,
    group: 'Images',
    notes: 'fashion-mnist',
    commands: {
      train: {},
      'lr-find': {},
      compare: {},
      evaluate: {
        help: `test data, a folder or a data set with the same class names: ${DATASET_NAMES.join(', ')}`,
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
        help: "number of classes; the classifier is new if it differs from the file's",
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
      summary: { unset: "the network's: 224, or 32 for CIFAR networks" },
      bench: { unset: '96, or 32 for CIFAR networks' },
      profile: { unset: '96, or 32 for CIFAR networks' },
    },
    onResume: 'same',
  },
  batch: {
    schema: z.int().positive().max(MOST_IMAGES),
    value: 'images',
    help: 'images per step',
    group: 'Run',
    notes: 256,
    commands: { train: {}, 'lr-find': {}, compare: {}, summary: { default: 1 }, bench: {}, profile: {} },
    onResume: 'same',
  },
  microBatch: {
    schema: z.int().positive().max(MOST_IMAGES).optional(),
    value: 'images',
    help: 'images per forward and backward pass, to save memory: gradients are accumulated over the whole batch, batch norm statistics are computed per micro-batch',
    group: 'Compute',
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
    group: 'Run',
    notes: 10,
    commands: { train: {}, compare: {} },
    onResume: 'changeable',
  },
  lr: {
    schema: z.number().positive(),
    value: 'rate',
    help: 'maximum learning rate of the schedule',
    group: 'Training',
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
    group: 'Run',
    notes: 0,
    commands: {
      train: {},
      'lr-find': {},
      import: { help: 'seed of the initial values of weights that the file does not contain' },
    },
    onResume: 'same',
    inExperiment: false,
  },
  /** Weights are always float32. */
  precision: {
    schema: z.enum(PRECISIONS),
    value: 'type',
    help: 'data type of feature maps: bf16 halves their memory, sums stay float32',
    group: 'Compute',
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
      'slices of a batch whose sums are added as a binary tree: results depend on it, but not on the number of machines',
  },
  /** Missing in older checkpoints. */
  dataSha256: {
    schema: sha256.optional(),
    recorded: 'hash of images and labels: a resumed run requires the same',
  },
  startedFrom: {
    schema: z.strictObject({ file: z.string(), sha256, weights: z.string().optional() }).optional(),
    recorded: 'the file of the initial weights, and which set of weights in it',
  },
  classNames: { schema: z.array(z.string()).optional(), recorded: 'the name of each class' },
  testShare: {
    schema: z.number().gt(0).lt(1).optional(),
    value: 'share',
    help: 'fraction of each class used as test images, for a folder without val or test',
    group: 'Images',
    unset: `${DEFAULT_TEST_SHARE}`,
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
    folderOnly: true,
  },
  testSha256: { schema: sha256.optional(), recorded: 'hash of the test images of a folder' },
  transforms: {
    schema: transformsSchema.optional(),
    recorded: 'what `augment` and `normalize` mean for the data',
  },
  ...TRAINING_FIELDS,
  reasons: {
    schema: z.record(z.string(), z.string()).optional(),
    recorded: 'reason for each setting that the recipe `photos` chose',
  },
  validationSha256: {
    schema: sha256.optional(),
    recorded: 'hash of the validation images of a folder with train, validation and test images',
  },
  followLinks: {
    schema: z.literal(true).optional(),
    help: 'follow symbolic links that point outside a folder of images, or to folders',
    group: 'Images',
    commands: { train: {}, 'lr-find': {}, evaluate: {} },
    onResume: 'same',
    folderOnly: true,
  },
  ...STAGE_FIELDS,
  network: {
    schema: modelSchema.optional(),
    recorded: 'the module description of a custom network; without it `model` is a name',
  },
} as const satisfies Readonly<Record<string, Setting | Recorded>>;
