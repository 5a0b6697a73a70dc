import type { Shape } from '../tensor/shape.ts';
import { besideNote, isAverage } from './choose-weights.ts';
import { type Weights, WeightsError, type WeightTensor } from './named-weights.ts';
import { quoted } from './quoted.ts';

/** The tensors a model wants, by its names, in its order; the classifier's come last. */
export type WantedTensors = ReadonlyMap<string, { readonly shape: Shape; readonly role: string }>;

/** What is taken away where nothing fits: DataParallel and DistributedDataParallel, torch.compile, Lightning. */
const PREFIXES = ['module.', '_orig_mod.', 'model.'];
/** Checkpoints of torchvision before 0.4: `denselayer1.norm.1.weight`. timm and newer torchvision: `norm1.weight`. */
const OLD_TORCHVISION = /(^|\.)(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)/;
/** The last batch norm, as efficient implementations of DenseNet call it. */
const NORM_FINAL = /(^|\.)norm_final\./;
/** Of two sets of weights one may lack the counters or the running statistics. */
const ALIKE = 0.5;
const COUNTER = /(^|\.)num_batches_tracked$/;

/** A tensor under the model's name for it. */
export type RenamedTensor = WeightTensor & { readonly fileName: string };

/** The file's tensors under today's names. */
export interface RenamedWeights {
  readonly tensors: ReadonlyMap<string, RenamedTensor>;
  readonly prefix: string;
  readonly dropped: number;
  /** What was noticed, in whole sentences. */
  readonly notes: readonly string[];
}

/**
 * Takes a file's names to those of torchvision's and timm's models today: wrappers' prefixes and counters of batches go,
 * names of old checkpoints are changed. Names of other models stay as they are.
 * @throws WeightsError when two tensors get one name.
 */
export function renameWeights(
  { tensors }: Weights,
  wanted: Iterable<string>,
  source: string,
): RenamedWeights {
  const { prefix, others } = prefixOf([...tensors.keys()], [...wanted]);
  const renamed = new Map<string, RenamedTensor>();
  let dropped = 0;
  for (const [fileName, tensor] of tensors) {
    if (COUNTER.test(fileName)) {
      dropped++;
      continue;
    }
    const name = modern(fileName.startsWith(prefix) ? fileName.slice(prefix.length) : fileName);
    const before = renamed.get(name);
    if (before)
      throw new WeightsError(
        `${source}: ${quoted(before.fileName)} and ${quoted(fileName)} are both ${quoted(name)}`,
      );
    renamed.set(name, { shape: tensor.shape, read: tensor.read, fileName });
  }
  const notes = others.map((other) => besideNote(quoted(other)));
  return { tensors: renamed, prefix, dropped, notes };
}

/** How many classes and channels the file's network has, where its first and last weights tell. */
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

/** A name as models have it today. */
function modern(name: string): string {
  return name.replace(OLD_TORCHVISION, '$1$2$3').replace(NORM_FINAL, '$1norm5.');
}

/**
 * What stands before the names of the network in the file, and the model has not: whatever makes most names fit, so that
 * the weights of a loss or a counter beside it do no harm, and rather not an average. `others` fit as well.
 */
function prefixOf(
  names: readonly string[],
  wanted: readonly string[],
): { readonly prefix: string; readonly others: readonly string[] } {
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
  if (first === undefined) return { prefix: wrappersOf(names, wanted), others: [] };
  const isWhole = (prefix: string) => fits.get(prefix) === most;
  const prefix = best.find((each) => isWhole(each) && !isAverage(each)) ?? best.find(isWhole) ?? first;
  const others = best.filter((other) => other !== prefix && other !== '');
  return { prefix, others: others.map((other) => other.slice(0, -1)) };
}

/** What known wrappers put before every name, and the model has not. */
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
