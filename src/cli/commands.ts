import { Argument } from 'commander';
import { z } from 'zod';
import { PRETRAINED_NAMES } from '../io/pretrained.ts';
import { EXPERIMENTS, seedsSchema } from '../train/experiment.ts';
import type { CommandName } from '../train/settings/setting.ts';
import { givenSchema, SETTINGS } from '../train/settings/table.ts';
import { type CommandParts, dataArgument, pathArgument, runArgument, settingArgument } from './options.ts';

const pathSchema = givenSchema(SETTINGS.dataDir);

/** The commands, in the order in which help lists them. The module of a command is loaded when the command runs. */
export const COMMANDS: Readonly<Record<CommandName, CommandParts>> = {
  train: {
    description:
      "train a network on a folder of images or a data set; without arguments, repeat the notes' run",
    arguments: [dataArgument()],
    own: {
      ui: {
        schema: z.boolean(),
        help: 'show the run in a browser while it trains, where it can be paused and stopped (see densor ui)',
      },
    },
    examples: ['train photos/', 'train photos/ --from densenet121 --out runs/photos'],
    load: async () => (await import('./train.ts')).runTrain,
  },
  ui: {
    description:
      'show runs in a browser while they train, compare them, and train in the page; this machine only',
    arguments: [new Argument('[runs]', 'folder of runs (default: runs)')],
    own: {
      port: {
        schema: z.int().min(0).max(65_535),
        value: 'n',
        help: 'port of the page; the next free one if it is taken, 0 for any',
        default: 6116,
      },
      allowHost: {
        schema: z.array(z.string().regex(/^[a-zA-Z0-9.-]+$/, 'expected host names separated by commas')),
        value: 'names',
        help: 'other host names under which browsers may ask for the page, as behind a proxy',
        unset: 'none',
      },
    },
    examples: ['ui runs/', 'ui runs/ --port 8080'],
    load: async () => (await import('./ui.ts')).runUi,
  },
  'lr-find': {
    description: 'learning-rate range test: increase the learning rate step by step until the loss diverges',
    own: {
      from: {
        schema: z.number().positive(),
        value: 'rate',
        help: 'learning rate of the first step',
        default: 1e-5,
      },
      to: {
        schema: z.number().positive(),
        value: 'rate',
        help: 'learning rate of the last step',
        default: 10,
      },
    },
    examples: ['lr-find --data sample', 'lr-find --recipe quick --optimizer adamw --to 1'],
    load: async () => (await import('./lr-find.ts')).runLrFind,
  },
  compare: {
    description: 'train several configurations with several seeds and compare them',
    arguments: [
      pathArgument(
        'experiment',
        `${Object.keys(EXPERIMENTS).join(', ')}, or a JSON file: {"common": {"epochs": 2}, "configurations": {"a": {"lr": 0.1}, "b": {"lr": 0.2}}, "seeds": [0, 1, 2]}`,
      ),
    ],
    own: {
      seeds: {
        schema: seedsSchema,
        value: 'list',
        help: 'seeds for each configuration, such as 0,1,2',
        unset: "the experiment's",
      },
      dryRun: {
        schema: z.boolean(),
        help: 'print parameters, multiplications and memory of each network without training',
      },
    },
    examples: ['compare pooling --epochs 2 --seeds 0,1', 'compare notes-121 --dry-run'],
    load: async () => (await import('./compare.ts')).runCompare,
  },
  evaluate: {
    description:
      'evaluate a trained network on the test images: loss, accuracy, confusion matrix and worst mistakes',
    arguments: [runArgument()],
    own: {
      validation: {
        schema: z.boolean(),
        formerly: 'heldOut',
        help: 'use the validation images of the run (--validate, or of its folder) instead of the test images: for choosing settings, not for reporting',
      },
    },
    examples: ['evaluate runs/best --checkpoint best --mirror', 'evaluate runs/photos --data folder:more'],
    load: async () => (await import('./evaluate.ts')).runEvaluate,
  },
  predict: {
    description: 'predict the most likely classes of images; the exit status is 1 if a file is not an image',
    arguments: [runArgument(), new Argument('<image...>', 'JPEG, PNG or WebP files')],
    own: {
      top: {
        schema: z.int().positive().max(999_999),
        value: 'k',
        help: 'number of classes to print',
        default: 5,
      },
    },
    examples: ['predict runs/photos new.jpg', 'predict runs/photos *.png --top 1 --json'],
    load: async () => (await import('./predict.ts')).runPredict,
  },
  pull: {
    description:
      "download, check and cache torchvision's ImageNet weights for train --from and import; DENSOR_WEIGHTS_URL " +
      'is the URL of a mirror',
    arguments: [new Argument('<network>', `one of ${PRETRAINED_NAMES.join(', ')}`)],
    own: {
      url: {
        schema: z.string().min(1),
        value: 'address',
        help: 'URL of other weights for this network; the file name must end in the first 8 hex digits of its SHA-256 (net-a639ec97.pth)',
        unset: "PyTorch's",
      },
    },
    examples: ['pull densenet121', 'pull resnet50 --json'],
    load: async () => (await import('./pull.ts')).runPull,
  },
  import: {
    description:
      'convert weights (.pth, .pt, .safetensors, .onnx) into a run, to evaluate it or to fine-tune it with train --from',
    arguments: [
      new Argument(
        '<file>',
        'file of weights (the format is detected from its content), or a network name as for pull',
      ),
    ],
    own: {
      classNames: {
        schema: pathSchema,
        value: 'file',
        help: 'file of class names: one per line, or JSON',
        unset: "the file's, else numbers",
      },
    },
    examples: [
      'import net.pth --model densenet121 --normalize imagenet --out runs/121',
      'import densenet121 --out runs/imagenet',
    ],
    load: async () => (await import('./import.ts')).runImport,
  },
  export: {
    description: 'export a trained network to ONNX or safetensors',
    arguments: [runArgument()],
    own: {
      onnx: { schema: pathSchema, value: 'file', help: 'output file of the ONNX model', unset: 'none' },
      safetensors: {
        schema: pathSchema,
        value: 'file',
        help: "output file of the weights as safetensors, with PyTorch's parameter names",
        unset: 'none',
      },
    },
    examples: [
      'export runs/best --onnx best.onnx',
      'export runs/best --checkpoint best --safetensors best.safetensors',
    ],
    load: async () => (await import('./export.ts')).runExport,
  },
  summary: {
    description: 'print the layers, parameters, multiplications and planned memory of a network',
    arguments: [settingArgument('model')],
    own: {
      memory: {
        schema: z.boolean(),
        help: 'print the memory plan of a training step instead: buffers with lifetime and purpose, and the time cost of using less memory',
      },
    },
    examples: ['summary densenet121 --batch 32', 'summary notes --size 96 --batch 256 --memory'],
    load: async () => (await import('./summary.ts')).runSummary,
  },
  bench: {
    description: 'time training steps, or inference, on a synthetic batch',
    examples: ['bench --engine wasm --threads 1', 'bench --model densenet121 --size 224 --batch 16 --json'],
    load: async () => (await import('./bench.ts')).runBench,
  },
  profile: {
    description:
      'measure the time of each op in a training step or inference, and compare it with the peak performance of the machine',
    examples: ['profile --batch 64', 'profile --model densenet121 --inference --batch 1 --json'],
    load: async () => (await import('./profile.ts')).runProfile,
  },
  verify: {
    description: "compare one training step of an engine with PyTorch's results",
    arguments: [
      new Argument(
        '<file...>',
        'safetensors files with one training step, such as test/golden/data/notes_net.safetensors',
      ),
    ],
    examples: [
      'verify test/golden/data/notes_net.safetensors',
      'verify test/golden/data/notes_net.safetensors --engine wasm --json',
    ],
    load: async () => (await import('./verify.ts')).runVerify,
  },
};
