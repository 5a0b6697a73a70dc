import { counted } from '../tensor/counted.ts';
import { formatShape, type Shape, shapesEqual } from '../tensor/shape.ts';
import { type Weights, WeightsError, type WeightTensor } from './named-weights.ts';

/** The tensors a model wants, by its names, in its order; the classifier's come last. */
export type WantedTensors = ReadonlyMap<string, { readonly shape: Shape; readonly role: string }>;

/** How a file's tensors became a model's. */
export interface WeightsReport {
  readonly format: string;
  /** Tensors of the model that the file has. */
  readonly matched: number;
  /** Of those, how many the file calls otherwise. */
  readonly renamed: number;
  /** What stands before the names of the network: `module.`, `model.` */
  readonly prefix: string;
  /** Counters of batches, which nothing needs. */
  readonly dropped: number;
  /** Tensors of the classifier that begin anew. */
  readonly newHead: readonly string[];
  /** Tensors of the file that the model has no use for. */
  readonly leftOver: readonly string[];
  readonly notes: readonly string[];
}

export interface MatchedWeights {
  /** By the model's names; all of them but those of a new head. */
  readonly state: ReadonlyMap<string, Float32Array>;
  readonly report: WeightsReport;
}

/** What is taken away where nothing fits: DataParallel and DistributedDataParallel, torch.compile, Lightning. */
const PREFIXES = ['module.', '_orig_mod.', 'model.'];
/** Checkpoints of torchvision before 0.4: `denselayer1.norm.1.weight`. timm and newer torchvision: `norm1.weight`. */
const OLD_TORCHVISION = /(^|\.)(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)/;
/** The last batch norm, as efficient implementations of DenseNet call it. */
const NORM_FINAL = /(^|\.)norm_final\./;
const COUNTER = /(^|\.)num_batches_tracked$/;
const LISTED = 10;

/** The file's tensors under today's names. */
interface RenamedWeights {
  readonly tensors: ReadonlyMap<string, WeightTensor & { readonly fileName: string }>;
  readonly prefix: string;
  readonly dropped: number;
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
  const prefix = prefixOf([...tensors.keys()], [...wanted]);
  const renamed = new Map<string, WeightTensor & { fileName: string }>();
  let dropped = 0;
  for (const [fileName, tensor] of tensors) {
    if (COUNTER.test(fileName)) {
      dropped++;
      continue;
    }
    const name = modern(fileName.startsWith(prefix) ? fileName.slice(prefix.length) : fileName);
    const before = renamed.get(name);
    if (before) throw new WeightsError(`${source}: ${before.fileName} and ${fileName} are both ${name}`);
    renamed.set(name, { ...tensor, fileName });
  }
  return { tensors: renamed, prefix, dropped };
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

/**
 * Matches a file's tensors with a model's.
 * @param newHead whether a classifier of another number of classes begins anew; it is refused otherwise.
 * @throws WeightsError unless every tensor of the model is there in its shape, finite, and no layer has more than the
 *   model's: a half-filled network, or one that computes something else, would only look trained.
 */
export function matchWeights(
  weights: Weights,
  wanted: WantedTensors,
  { source, newHead }: { readonly source: string; readonly newHead: boolean },
): MatchedWeights {
  const { tensors, prefix, dropped } = renameWeights(weights, wanted.keys(), source);
  const head = headOf(wanted);
  const differs = head.some((name) => {
    const found = tensors.get(name);
    return !found || !shapesEqual(found.shape, wanted.get(name)!.shape);
  });
  const anew = new Set(newHead && differs ? head : []);
  const needed = [...wanted].filter(([name]) => !anew.has(name));

  const missing = needed.filter(([name]) => !tensors.has(name)).map(([name]) => name);
  const leftOver = [...tensors.keys()].filter((name) => !wanted.has(name));
  if (missing.length) {
    throw new WeightsError(
      `${source} is not of this model: of its ${counted(wanted.size, 'tensor')} ${missing.length} ${missing.length === 1 ? 'is' : 'are'} missing ` +
        `(${listed(missing)})${leftOver.length ? `; the file has others (${listed(leftOver)})` : ''}`,
    );
  }
  const layers = new Set([...wanted.keys()].map(layerOf));
  const extra = leftOver.filter((name) => layers.has(layerOf(name)));
  if (extra.length) {
    throw new WeightsError(
      `${source} is not of this model: its layers have tensors that the model's have not (${listed(extra)})`,
    );
  }

  const state = new Map<string, Float32Array>();
  let renamed = 0;
  for (const [name, { shape }] of needed) {
    const found = tensors.get(name)!;
    if (!shapesEqual(found.shape, shape)) throw mismatch(source, found, shape, head.includes(name));
    const numbers = found.read();
    if (!numbers.every(Number.isFinite))
      throw new WeightsError(`${source}: tensor ${found.fileName} holds NaN or infinity (as float32)`);
    if (found.fileName !== name) renamed++;
    state.set(name, numbers);
  }
  const { format, notes } = weights;
  const report = {
    format,
    matched: state.size,
    renamed,
    prefix,
    dropped,
    newHead: [...anew],
    leftOver,
    notes,
  };
  return { state, report };
}

/** The names, cut off where there are many. */
export function listed(names: readonly string[]): string {
  const more = names.length - LISTED;
  return names.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The report as lines for people. */
export function describeReport(report: WeightsReport): readonly string[] {
  const { format, matched, renamed, prefix, dropped, newHead, leftOver, notes } = report;
  const lines = [
    `${format}: ${counted(matched, 'tensor')} taken over${renamed ? `, ${renamed} of them renamed` : ''}`,
    ...notes,
  ];
  if (prefix) lines.push(`the names begin with ${prefix}, which was left out`);
  if (dropped) lines.push(`left out ${counted(dropped, 'counter')} of batches (num_batches_tracked)`);
  if (newHead.length)
    lines.push(`new head: ${listed(newHead)} start anew, since the number of classes differs`);
  if (leftOver.length) lines.push(`the model has no use for ${leftOver.length}: ${listed(leftOver)}`);
  return lines;
}

function mismatch(source: string, found: WeightTensor & { fileName: string }, shape: Shape, isHead: boolean) {
  const remedy = isHead ? ' (another number of classes: `classes` begins a new classifier)' : '';
  return new WeightsError(
    `${source}: tensor ${found.fileName} is ${formatShape(found.shape)}, the model expects ` +
      `${formatShape(shape)}${remedy}`,
  );
}

/** The last layer with parameters: the classifier. */
function headOf(wanted: WantedTensors): readonly string[] {
  const parameters = [...wanted].filter(([, { role }]) => role === 'parameter').map(([name]) => name);
  const last = parameters.at(-1);
  return last === undefined ? [] : parameters.filter((name) => layerOf(name) === layerOf(last));
}

function layerOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** A name as models have it today. */
function modern(name: string): string {
  return name.replace(OLD_TORCHVISION, '$1$2$3').replace(NORM_FINAL, '$1norm5.');
}

/**
 * What stands before the names of the network in the file, and the model has not: whatever makes most names fit, so that
 * the weights of a loss or a counter beside it do no harm.
 */
function prefixOf(names: readonly string[], wanted: readonly string[]): string {
  const known = new Set(wanted);
  const fits = new Map<string, number>();
  for (const name of names.map(modern)) {
    for (let at = 0; at >= 0; at = name.indexOf('.', at) + 1 || -1) {
      if (!known.has(name.slice(at))) continue;
      const prefix = name.slice(0, at);
      fits.set(prefix, (fits.get(prefix) ?? 0) + 1);
    }
  }
  const [best] = [...fits].sort(([, a], [, b]) => b - a);
  return best ? best[0] : wrappersOf(names, wanted);
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
