import type { Shape } from '../tensor/shape.ts';
import { besideNote, isAverage } from './choose-weights.ts';
import { type Weights, WeightsError, type WeightTensor } from './named-weights.ts';
import { quoted } from './quoted.ts';

/** The tensors that a model requires, by name, in its order; those of the classifier are last. */
export type WantedTensors = ReadonlyMap<string, { readonly shape: Shape; readonly role: string }>;

/** Prefixes of DataParallel and DistributedDataParallel, torch.compile and Lightning, which are removed. */
const PREFIXES = ['module.', '_orig_mod.', 'model.'];
/**
 * torchvision before 0.4 has `denselayer1.norm.1.weight`; newer versions and timm have `denselayer1.norm1.weight`.
 */
const OLD_TORCHVISION = /(^|\.)(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)/;
/** The name of the last batch norm in memory-efficient implementations of DenseNet. */
const NORM_FINAL = /(^|\.)norm_final\./;
/** Two sets with at least this ratio of tensors count as alike: one may lack counters or running statistics. */
const ALIKE = 0.5;
const COUNTER = /(^|\.)num_batches_tracked$/;

/** A tensor with its name in the file, stored under the model's name. */
export type RenamedTensor = WeightTensor & { readonly fileName: string };

/** The tensors of a file under current names. */
export interface RenamedWeights {
  readonly tensors: ReadonlyMap<string, RenamedTensor>;
  readonly prefix: string;
  readonly dropped: number;
  /** In whole sentences. */
  readonly notes: readonly string[];
}

/**
 * Maps the names in a file to those of current torchvision and timm models: removes prefixes of wrappers and batch
 * counters, and renames tensors of old checkpoints. Other names are unchanged.
 * @throws WeightsError if two tensors are mapped to the same name.
 */
export function renameWeights(
  { tensors }: Weights,
  wanted: Iterable<string>,
  source: string,
): RenamedWeights {
  const { prefix, others, within = '' } = prefixOf([...tensors.keys()], [...wanted]);
  const renamed = new Map<string, RenamedTensor>();
  let dropped = 0;
  for (const [fileName, tensor] of tensors) {
    if (COUNTER.test(fileName)) {
      dropped++;
      continue;
    }
    const name = modern(fileName.startsWith(prefix) ? within + fileName.slice(prefix.length) : fileName);
    const before = renamed.get(name);
    if (before)
      throw new WeightsError(
        `${source}: ${quoted(before.fileName)} and ${quoted(fileName)} are both ${quoted(name)}`,
      );
    renamed.set(name, { shape: tensor.shape, read: tensor.read, fileName });
  }
  const notes = others.map((other) => besideNote(quoted(other)));
  if (within)
    notes.push(`the names are those of a part of the network: ${quoted(within)} was put before them`);
  return { tensors: renamed, prefix, dropped, notes };
}

/** The number of classes and channels of a file's network, from its last and first weights if possible. */
export function sizesOf(
  { tensors }: RenamedWeights,
  wanted: WantedTensors,
): { readonly classes?: number; readonly channels?: number } {
  const [first] = wanted.keys();
  const stem = first === undefined ? undefined : tensors.get(first)?.shape;
  const head = headOf(wanted)
    .map((name) => tensors.get(name)?.shape[0])
    .find((size) => size !== undefined && size > 0);
  return {
    ...(stem?.length === 4 && stem[1]! > 0 && { channels: stem[1]! }),
    ...(head !== undefined && { classes: head }),
  };
}

/** The last layer with parameters: the classifier. */
export function headOf(wanted: WantedTensors): readonly string[] {
  const parameters = [...wanted].filter(([, { role }]) => role === 'parameter').map(([name]) => name);
  const last = parameters.at(-1);
  return last === undefined ? [] : parameters.filter((name) => layerOf(name) === layerOf(last));
}

export function layerOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** The current name for a tensor. */
function modern(name: string): string {
  return name.replace(OLD_TORCHVISION, '$1$2$3').replace(NORM_FINAL, '$1norm5.');
}

/** How the names in a file differ from those of the model. */
interface Prefix {
  /** What the names in the file begin with and the model does not have. */
  readonly prefix: string;
  /** Prefixes that match equally well. */
  readonly others: readonly string[];
  /** What the model's names begin with and the file does not have: `features.` if only that module was saved. */
  readonly within?: string;
}

/**
 * The prefix with which most names match, so weights of a loss, or a counter, are ignored; weights that are not
 * averages are preferred.
 */
function prefixOf(names: readonly string[], wanted: readonly string[]): Prefix {
  const whole = bestPrefix(names, wanted);
  if (whole) return whole;
  const within = /^[^.]*\./.exec(wanted[0] ?? '')?.[0] ?? '';
  const part = wanted.filter((name) => name.startsWith(within)).map((name) => name.slice(within.length));
  const ofPart = part.length >= wanted.length * ALIKE ? bestPrefix(names, part) : undefined;
  return ofPart ? { ...ofPart, within } : { prefix: wrappersOf(names, wanted), others: [] };
}

/** Undefined if no name matches. */
function bestPrefix(names: readonly string[], wanted: readonly string[]): Prefix | undefined {
  const known = new Set(wanted);
  const fits = new Map<string, number>();
  for (const name of names.map(modern)) {
    for (let at = 0; at >= 0; at = name.indexOf('.', at) + 1 || -1) {
      if (!known.has(name.slice(at))) continue;
      const prefix = name.slice(0, at);
      fits.set(prefix, (fits.get(prefix) ?? 0) + 1);
    }
  }
  const most = [...fits.values()].reduce((greatest, fit) => Math.max(greatest, fit), 0);
  const best = [...fits].filter(([, fit]) => fit >= most * ALIKE).map(([prefix]) => prefix);
  const [first] = best;
  if (first === undefined) return undefined;
  const isWhole = (prefix: string) => fits.get(prefix) === most;
  const prefix = best.find((each) => isWhole(each) && !isAverage(each)) ?? best.find(isWhole) ?? first;
  const others = best.filter((other) => other !== prefix && other !== '');
  return { prefix, others: others.map((other) => other.slice(0, -1)) };
}

/** The prefixes of known wrappers that all names have and the model does not. */
function wrappersOf(names: readonly string[], wanted: readonly string[]): string {
  let prefix = '';
  for (;;) {
    const next = PREFIXES.map((each) => prefix + each).find(
      (each) =>
        names.length > 0 &&
        names.every((name) => name.startsWith(each)) &&
        !wanted.some((name) => name.startsWith(each)),
    );
    if (next === undefined) return prefix;
    prefix = next;
  }
}
