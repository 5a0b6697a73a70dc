import { ArgumentError } from '../tensor/argument.ts';
import { didYouMean } from '../tensor/suggest.ts';
import { cifarDensenet, layersPerBlock } from './cifar-densenet.ts';
import { densenet } from './densenet.ts';
import type { Model } from './module.ts';
import { notes121AsPrinted } from './notes-121.ts';
import { resnet } from './resnet.ts';
import { torchvisionDensenet } from './torchvision-densenet.ts';
import { torchvisionResnet } from './torchvision-resnet.ts';

/** What a user or the data set may override. */
export interface ModelOverrides {
  readonly channels?: number;
  readonly classes?: number;
  /** Rate, in the networks that have dropout: torchvision's and the paper's. */
  readonly dropout?: number;
}

interface ZooEntry {
  readonly hasDropout: boolean;
  /** Height and width of the images it was made for, in pixels. */
  readonly size: number;
  readonly build: (overrides: ModelOverrides) => Model;
}

const FAMILY = {
  densenet121: { blocks: [6, 12, 24, 16] },
  densenet169: { blocks: [6, 12, 32, 32] },
  densenet201: { blocks: [6, 12, 48, 32] },
  densenet264: { blocks: [6, 12, 64, 48] },
  densenet161: { blocks: [6, 12, 36, 24], growthRate: 48, stemChannels: 96 },
} as const;

const RESNETS = {
  resnet18: { block: 'basic', blocks: [2, 2, 2, 2] },
  resnet34: { block: 'basic', blocks: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', blocks: [3, 4, 6, 3] },
} as const;

/** Wide where maps are small and a layer costs little: the network of the recipe `best`. */
const FASHION = {
  blocks: [3, 5, 6],
  growthRate: 32,
  stem: 'cifar',
  stemChannels: 64,
  bottleneckWidth: 0,
} as const;

const MODELS: ReadonlyMap<string, ZooEntry> = new Map<string, ZooEntry>([
  ['notes', { hasDropout: false, size: 224, build: (given) => densenet({ name: 'notes', ...given }) }],
  ...Object.entries(FAMILY).map(
    ([name, options]) =>
      [
        name,
        {
          hasDropout: true,
          size: 224,
          build: (given) => torchvisionDensenet({ name, ...options, ...given }),
        },
      ] as [string, ZooEntry],
  ),
  [
    'densenet-fashion',
    {
      hasDropout: true,
      size: 28,
      build: (given) =>
        torchvisionDensenet({ name: 'densenet-fashion', channels: 1, classes: 10, ...FASHION, ...given }),
    },
  ],
  ...Object.entries(RESNETS).map(
    ([name, options]) =>
      [
        name,
        { hasDropout: false, size: 224, build: (given) => torchvisionResnet({ name, ...options, ...given }) },
      ] as [string, ZooEntry],
  ),
  [
    'resnet18-d2l',
    { hasDropout: false, size: 224, build: (given) => resnet({ name: 'resnet18-d2l', ...given }) },
  ],
  [
    'notes-max-pool',
    {
      hasDropout: false,
      size: 224,
      build: (given) => densenet({ name: 'notes-max-pool', pool: 'max', ...given }),
    },
  ],
  ['notes-121-as-printed', { hasDropout: false, size: 224, build: notes121AsPrinted }],
]);

/** `densenet-40-12`, `densenet-bc-100-12`: bottlenecks (B), compression (C), depth and growth rate. */
const CIFAR = /^densenet-(?:(?<b>b)?(?<c>c)?(?<=[bc])-)?(?<depth>[1-9]\d{0,3})-(?<growth>[1-9]\d{0,3})$/;

/** Names of networks that stand for themselves; beside them there are those of the paper's networks for CIFAR. */
export const MODEL_NAMES: readonly string[] = [...MODELS.keys()];

/** Every name there is, in words. */
export const MODEL_NAMES_TEXT =
  `${MODEL_NAMES.join(', ')}, densenet-D-K (depth, growth rate; D − 4 a multiple of 3: densenet-40-12), ` +
  'with bottlenecks densenet-b-D-K (a multiple of 6), compressed densenet-c-D-K, both densenet-bc-D-K (densenet-bc-100-12)';

/** What is wrong with a name of no network. */
export function unknownModel(name: string): string {
  return `expected ${MODEL_NAMES_TEXT}${CIFAR.test(name) ? '' : didYouMean(name, MODEL_NAMES)}`;
}

/**
 * A network by the name the command line uses.
 * @throws ArgumentError when there is none of this name, or when it is asked for dropout and has none.
 */
export function modelByName(name: string, overrides: ModelOverrides = {}): Model {
  const entry = entryOf(name);
  if (!entry) throw new ArgumentError(`there is no model ${name}: ${unknownModel(`${name}`)}`);
  if (overrides.dropout !== undefined && !entry.hasDropout) {
    throw new ArgumentError(`${name} has no dropout: densenet121 and its kind, and densenet-D-K, have`);
  }
  return entry.build(overrides);
}

/** Height and width of the images a network of this name was made for, in pixels; undefined when there is none. */
export function imageSizeOf(name: string): number | undefined {
  return entryOf(name)?.size;
}

function entryOf(name: string): ZooEntry | undefined {
  return MODELS.get(name) ?? cifarEntry(name);
}

function cifarEntry(name: string): ZooEntry | undefined {
  const groups = CIFAR.exec(name)?.groups;
  if (!groups) return undefined;
  const [depth, growthRate] = [Number(groups.depth), Number(groups.growth)];
  const bottleneckWidth = groups.b ? 4 : 0;
  if (layersPerBlock(depth, bottleneckWidth > 0) === undefined) return undefined;
  const options = { name, depth, growthRate, bottleneckWidth, compression: groups.c ? 0.5 : 1 };
  return { hasDropout: true, size: 32, build: (overrides) => cifarDensenet({ ...options, ...overrides }) };
}
