import { z } from 'zod';
import { AUGMENTATIONS } from '../../data/transforms/augment.ts';
import { NORMALIZATIONS } from '../../data/transforms/normalize.ts';
import { MOST_THREADS } from '../../engine/engine.ts';
import { PRETRAINED_NAMES } from '../../io/pretrained.ts';
import type { Setting } from './setting.ts';

export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'webgpu', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

const path = z.string().min(1, 'expected a path');
const channels = z.int().positive().max(4096);
const svgPath = z.string().regex(/[^/]\.svg$/, 'expected the name of an .svg file');
const csvPath = z.string().regex(/[^/]\.csv$/, 'expected the name of a .csv file');
const MOST_STEPS = 100_000;

/** Settings of image preprocessing. A run stores the resulting values for its data (`RunConfig.transforms`). */
export const IMAGE_SETTINGS = {
  /** Each at most once, in the order in which they are applied. */
  augment: {
    schema: z
      .array(z.enum(AUGMENTATIONS))
      .transform((list) => AUGMENTATIONS.filter((name) => list.includes(name))),
    value: 'list',
    help: `data augmentation of training images, new random values in each epoch: a list from ${AUGMENTATIONS.join(',')}`,
    group: 'Images',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  normalize: {
    schema: z.enum(NORMALIZATIONS),
    value: 'how',
    help: 'normalization by mean and standard deviation per channel; measured: those of the training images; imagenet: those of ImageNet',
    group: 'Images',
    notes: 'none',
    commands: {
      train: {},
      'lr-find': {},
      import: {
        given: z.enum(['none', 'imagenet']),
        help: "normalization that the weights were trained with; imagenet for torchvision's pretrained networks",
        unset: 'the normalization stored in the file, else none',
      },
    },
    onResume: 'same',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** Settings that checkpoints do not store: inputs and outputs of a command, and the compute engine. */
export const PROCESS_SETTINGS = {
  channels: {
    schema: z.literal([1, 3]),
    value: 'n',
    help: 'number of channels of the images in a folder',
    group: 'Images',
    unset: '1 if all images are grayscale, else 3',
    commands: {
      train: {},
      'lr-find': {},
      import: { given: channels, help: 'channels of images', unset: "the file's" },
      summary: { given: channels, help: 'channels of images', unset: "the network's" },
    },
    onResume: 'same',
    folderOnly: true,
  },
  strict: {
    schema: z.boolean(),
    help: 'reject a folder that contains a file that is not an image, instead of skipping the file',
    group: 'Images',
    commands: { train: {}, 'lr-find': {}, evaluate: {} },
    onResume: 'again',
    folderOnly: true,
  },
  dataDir: {
    schema: path,
    value: 'dir',
    help: 'folder to search for the data first',
    group: 'Images',
    unset: 'cache, Debian package, download',
    commands: { train: {}, 'lr-find': {}, compare: {}, evaluate: {} },
    onResume: 'again',
  },
  out: {
    schema: path,
    value: 'dir',
    help: 'folder for checkpoints, log and curves',
    group: 'Run',
    unset: 'runs/MODEL-DATA-N',
    commands: {
      train: {},
      'lr-find': {
        given: csvPath,
        value: 'file.csv',
        help: 'output file of the table; a plot is written beside it as .svg and .png',
        unset: 'runs/lr-find-MODEL-DATA.csv',
      },
      compare: { help: 'folder for all runs and the report', unset: 'runs/compare-NAME' },
      evaluate: { help: 'folder for tables and plots', unset: "the run's" },
      import: { help: 'folder to write', required: true },
      summary: {
        given: svgPath,
        value: 'file.svg',
        help: 'output file of the memory plot; a .png is written beside it',
        unset: 'runs/memory-MODEL.svg',
      },
      profile: {
        given: svgPath,
        value: 'file.svg',
        help: 'output file of the plot; a .png is written beside it',
        unset: 'runs/profile-MODEL.svg',
      },
    },
  },
  resume: {
    schema: path,
    value: 'run',
    help: 'continue the run in this folder',
    group: 'Run',
    unset: 'a new run',
    commands: { train: {} },
  },
  from: {
    schema: path,
    value: 'weights',
    help: `start from the weights of this run or file, or from the ImageNet weights of ${PRETRAINED_NAMES.join(', ')} (downloaded once; with the recipe fine-tune unless --recipe is given); the classifier is new if the number of classes differs`,
    group: 'Run',
    unset: 'random weights',
    commands: { train: {} },
  },
  weights: {
    schema: z.string().min(1, 'expected a name'),
    value: 'name',
    help: 'which weights to load from a file with several sets, such as state_dict_ema, or the prefix of their tensor names',
    group: 'Run',
    unset: "the network's own weights, not averaged ones",
    commands: { train: {}, import: {} },
  },
  checkpoint: {
    schema: z.enum(['last', 'best']),
    value: 'which',
    help: 'which checkpoint of the run to use',
    group: 'Run',
    default: 'last',
    commands: { evaluate: {}, predict: {}, export: {} },
  },
  json: {
    schema: z.boolean(),
    help: 'print one JSON object on stdout and nothing else there',
    group: 'Run',
    commands: {
      train: {},
      ui: {},
      'lr-find': {},
      compare: {},
      evaluate: {},
      predict: {},
      import: {},
      export: {},
      summary: {},
      bench: {},
      profile: {},
      verify: {},
      pull: {},
    },
    onResume: 'again',
  },
  mirror: {
    schema: z.boolean(),
    help: 'average the predictions for the image and its horizontal flip (takes twice as long)',
    group: 'Compute',
    commands: { evaluate: {}, predict: {} },
  },
  inference: {
    schema: z.boolean(),
    help: 'measure inference instead of training',
    group: 'Compute',
    commands: { bench: {}, profile: {} },
  },
  steps: {
    schema: z.int().positive().max(MOST_STEPS),
    value: 'n',
    help: 'steps to time',
    group: 'Run',
    default: 5,
    commands: { 'lr-find': { help: 'steps to take', default: 100 }, bench: {}, profile: {} },
  },
  memoryLimit: {
    schema: z.int().positive(),
    value: 'size',
    unit: 'bytes',
    help: 'memory limit of the whole process, such as 4GiB',
    group: 'Compute',
    unset: 'the free memory of the machine',
    commands: { train: {}, summary: { unset: 'none' }, bench: {} },
    onResume: 'again',
  },
  engine: {
    schema: z.enum(ENGINE_NAMES),
    value: 'name',
    help: 'compute engine; webgpu: the graphics card; auto: the fastest of these, measured once',
    group: 'Compute',
    default: 'auto',
    commands: {
      train: {},
      'lr-find': {},
      compare: {},
      evaluate: {},
      predict: {},
      summary: {},
      bench: {},
      profile: {},
      verify: {},
    },
    onResume: 'changeable',
  },
  /** The default depends on the machine; the host sets it. */
  threads: {
    schema: z.int().positive().max(MOST_THREADS),
    value: 'n',
    help: 'number of threads; it does not change results',
    group: 'Compute',
    unset: 'all processors',
    commands: {
      train: {},
      'lr-find': {},
      compare: {},
      evaluate: {},
      predict: {},
      summary: {},
      bench: {},
      profile: {},
      verify: {},
    },
    onResume: 'again',
  },
} as const satisfies Readonly<Record<string, Setting>>;
