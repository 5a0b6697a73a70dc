import { z } from 'zod';
import { AUGMENTATIONS } from '../../data/transforms/augment.ts';
import { NORMALIZATIONS } from '../../data/transforms/normalize.ts';
import { MOST_THREADS } from '../../engine/engine.ts';
import { PRETRAINED_NAMES } from '../../io/pretrained.ts';
import type { Setting } from './setting.ts';

export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'reference'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

const path = z.string().min(1, 'expected a path');
const channels = z.int().positive().max(4096);
const svgPath = z.string().regex(/[^/]\.svg$/, 'expected the name of an .svg file');
const csvPath = z.string().regex(/[^/]\.csv$/, 'expected the name of a .csv file');
const MOST_STEPS = 100_000;

/** What is done to images: a run stores what these mean for its data (`RunConfig.transforms`, its first convolution). */
export const IMAGE_SETTINGS = {
  /** In the order in which it is done, each once. */
  augment: {
    schema: z
      .array(z.enum(AUGMENTATIONS))
      .transform((list) => AUGMENTATIONS.filter((name) => list.includes(name))),
    value: 'list',
    help: `random changes to training images, new ones each epoch: some of ${AUGMENTATIONS.join(',')}`,
    group: 'Images',
    unset: 'none',
    commands: { train: {}, 'lr-find': {} },
    onResume: 'same',
  },
  normalize: {
    schema: z.enum(NORMALIZATIONS),
    value: 'how',
    help: 'mean that is subtracted from each channel, and deviation that it is divided by; measured: of the training images',
    group: 'Images',
    notes: 'none',
    commands: {
      train: {},
      'lr-find': {},
      import: {
        given: z.enum(['none', 'imagenet']),
        help: "normalization of the images that the weights were trained on; imagenet of torchvision's pretrained networks",
        unset: 'as the file says, else none',
      },
    },
    onResume: 'same',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** What no checkpoint holds: where a command reads and writes, and what computes. */
export const PROCESS_SETTINGS = {
  channels: {
    schema: z.literal([1, 3]),
    value: 'n',
    help: 'channels of images in a folder',
    group: 'Images',
    unset: '1 if all images are grey, else 3',
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
    help: 'refuse a folder with a file that is no image, rather than leave the file out',
    group: 'Images',
    commands: { train: {}, 'lr-find': {}, evaluate: {} },
    onResume: 'again',
    folderOnly: true,
  },
  dataDir: {
    schema: path,
    value: 'dir',
    help: 'folder to look for the data in first',
    group: 'Images',
    unset: "cache, Debian's package, download",
    commands: { train: {}, 'lr-find': {}, compare: {}, evaluate: {} },
    onResume: 'again',
  },
  out: {
    schema: path,
    value: 'dir',
    help: 'folder for checkpoints, log and curves',
    group: 'The run',
    unset: 'runs/MODEL-DATA-N',
    commands: {
      train: {},
      'lr-find': {
        given: csvPath,
        value: 'file.csv',
        help: 'table to write, with a picture beside it as .svg and .png',
        unset: 'runs/lr-find-MODEL-DATA.csv',
      },
      compare: { help: 'folder for all runs and the report', unset: 'runs/compare-NAME' },
      evaluate: { help: 'folder for tables and pictures', unset: "the run's" },
      import: { help: 'folder to write', required: true },
      summary: {
        given: svgPath,
        value: 'file.svg',
        help: 'picture of the memory to write, with a .png beside it',
        unset: 'runs/memory-MODEL.svg',
      },
      profile: {
        given: svgPath,
        value: 'file.svg',
        help: 'picture to write, with a .png beside it',
        unset: 'runs/profile-MODEL.svg',
      },
    },
  },
  resume: {
    schema: path,
    value: 'run',
    help: 'continue the run in this folder',
    group: 'The run',
    unset: 'a new run',
    commands: { train: {} },
  },
  from: {
    schema: path,
    value: 'weights',
    help: `begin with the weights of this run or file, or with those for ImageNet of ${PRETRAINED_NAMES.join(', ')} (downloaded once; by the recipe fine-tune if none is named); with a new classifier if the number of classes differs`,
    group: 'The run',
    unset: 'random weights',
    commands: { train: {} },
  },
  weights: {
    schema: z.string().min(1, 'expected a name'),
    value: 'name',
    help: 'weights to take of a file with several, such as state_dict_ema, or what the names of their tensors begin with',
    group: 'The run',
    unset: "the network's own, not averages of them",
    commands: { train: {}, import: {} },
  },
  checkpoint: {
    schema: z.enum(['last', 'best']),
    value: 'which',
    help: 'checkpoint of the run',
    group: 'The run',
    default: 'last',
    commands: { evaluate: {}, predict: {}, export: {} },
  },
  json: {
    schema: z.boolean(),
    help: 'print one JSON object on stdout and nothing else there',
    group: 'The run',
    commands: {
      train: {},
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
    help: 'average over the image and its horizontal flip, in twice the time',
    group: 'What computes',
    commands: { evaluate: {}, predict: {} },
  },
  inference: {
    schema: z.boolean(),
    help: 'measure inference instead of training',
    group: 'What computes',
    commands: { bench: {}, profile: {} },
  },
  steps: {
    schema: z.int().positive().max(MOST_STEPS),
    value: 'n',
    help: 'steps to time',
    group: 'The run',
    default: 5,
    commands: { 'lr-find': { help: 'steps to take', default: 100 }, bench: {}, profile: {} },
  },
  memoryLimit: {
    schema: z.int().positive(),
    value: 'size',
    unit: 'bytes',
    help: 'memory that the whole process may take, such as 4GiB',
    group: 'What computes',
    unset: 'what the machine has free',
    commands: { train: {}, summary: { unset: 'none' }, bench: {} },
    onResume: 'again',
  },
  engine: {
    schema: z.enum(ENGINE_NAMES),
    value: 'name',
    help: 'engine that computes; auto: native where its kernels are built, else wasm',
    group: 'What computes',
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
  /** Its default depends on the machine: the host sets it. */
  threads: {
    schema: z.int().positive().max(MOST_THREADS),
    value: 'n',
    help: 'threads; their number changes no result',
    group: 'What computes',
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
