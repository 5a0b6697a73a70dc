import { counted } from '../tensor/counted.ts';
import { formatShape, shapesEqual } from '../tensor/shape.ts';
import { type Weights, WeightsError } from './named-weights.ts';
import { quoted } from './quoted.ts';
import {
  headOf,
  layerOf,
  type RenamedTensor,
  type RenamedWeights,
  renameWeights,
  type WantedTensors,
} from './weight-names.ts';

/** Weights of another network than the model. */
export class MisfitError extends WeightsError {}

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

/** Weights of a file under the names of a model, and what was left out or begins anew. */
export interface MatchedWeights {
  /** By the model's names; all of them but those of a new head. */
  readonly state: ReadonlyMap<string, Float32Array>;
  readonly report: WeightsReport;
}

const LISTED = 10;

/** What is between a file's tensors and a model's. */
interface Fit {
  /** Names of the classifier's tensors that begin anew. */
  readonly anew: readonly string[];
  readonly missing: readonly string[];
  readonly leftOver: readonly string[];
  /** Of those left over, what lies in layers that the model has too. */
  readonly extra: readonly string[];
  /** The first tensor of another shape. */
  readonly misshapen?: string | undefined;
}

function fitOf({ tensors }: RenamedWeights, wanted: WantedTensors, newHead: boolean): Fit {
  const hasShape = (name: string) => shapesEqual(tensors.get(name)!.shape, wanted.get(name)!.shape);
  const head = headOf(wanted);
  const differs = head.some((name) => !tensors.has(name) || !hasShape(name));
  const anew = newHead && differs ? head : [];
  const needed = [...wanted.keys()].filter((name) => !anew.includes(name));
  const leftOver = [...tensors.keys()].filter((name) => !wanted.has(name));
  const layers = new Set([...wanted.keys()].map(layerOf));
  return {
    anew,
    missing: needed.filter((name) => !tensors.has(name)),
    leftOver,
    extra: leftOver.filter((name) => layers.has(layerOf(name))),
    misshapen: needed.find((name) => tensors.has(name) && !hasShape(name)),
  };
}

/** Whether the tensors are those of the model. */
export function isFit(renamed: RenamedWeights, wanted: WantedTensors): boolean {
  const { missing, extra, misshapen } = fitOf(renamed, wanted, false);
  return missing.length === 0 && extra.length === 0 && misshapen === undefined;
}

/**
 * Matches a file's tensors with a model's.
 * @param newHead whether a classifier of another number of classes begins anew; it is refused otherwise.
 * @throws MisfitError unless every tensor of the model is there in its shape, and no layer has more than the model's: a
 *   half-filled network, or one that computes something else, would only look trained. WeightsError where one is not
 *   finite.
 */
export function matchWeights(
  weights: Weights,
  wanted: WantedTensors,
  { source, newHead }: { readonly source: string; readonly newHead: boolean },
): MatchedWeights {
  const renamed = renameWeights(weights, wanted.keys(), source);
  const { tensors, prefix, dropped } = renamed;
  const fit = fitOf(renamed, wanted, newHead);
  requireFit(fit, { weights, tensors, wanted, source });

  const state = new Map<string, Float32Array>();
  let renamedCount = 0;
  for (const name of wanted.keys()) {
    if (fit.anew.includes(name)) continue;
    const { fileName, read } = tensors.get(name)!;
    const numbers = read();
    if (!numbers.every(Number.isFinite))
      throw new WeightsError(`${source}: tensor ${quoted(fileName)} holds NaN or infinity (as float32)`);
    if (fileName !== name) renamedCount++;
    state.set(name, numbers);
  }
  const report = {
    format: weights.format,
    matched: state.size,
    renamed: renamedCount,
    prefix,
    dropped,
    newHead: fit.anew,
    leftOver: fit.leftOver,
    notes: [...weights.notes, ...renamed.notes],
  };
  return { state, report };
}

/** @throws MisfitError */
function requireFit(
  { missing, leftOver, extra, misshapen }: Fit,
  {
    weights,
    tensors,
    wanted,
    source,
  }: {
    readonly weights: Weights;
    readonly tensors: ReadonlyMap<string, RenamedTensor>;
    readonly wanted: WantedTensors;
    readonly source: string;
  },
): void {
  if (missing.length) {
    const isFolded =
      weights.format === 'ONNX' &&
      missing.some(isStatistic) &&
      [...wanted.keys()].some((name) => tensors.has(name));
    throw new MisfitError(
      `${source} is not of this model: of its ${counted(wanted.size, 'tensor')} ${missing.length} ${missing.length === 1 ? 'is' : 'are'} missing ` +
        `(${listed(missing)})${leftOver.length ? `; the file has others (${listed(leftOver)})` : ''}` +
        (isFolded ? `. ${FOLDED}` : ''),
    );
  }
  if (extra.length) {
    throw new MisfitError(
      `${source} is not of this model: its layers have tensors that the model's have not (${listed(extra)})`,
    );
  }
  if (misshapen === undefined) return;
  const { fileName, shape } = tensors.get(misshapen)!;
  const remedy = headOf(wanted).includes(misshapen)
    ? ' (another number of classes: `classes` begins a new classifier)'
    : '';
  throw new MisfitError(
    `${source}: tensor ${quoted(fileName)} is ${formatShape(shape)}, the model expects ` +
      `${formatShape(wanted.get(misshapen)!.shape)}${remedy}`,
  );
}

/** What exporters do with networks that only evaluate, and how PyTorch's is told not to. */
const FOLDED =
  'Its batch norms were folded into its convolutions when it was exported: export it with ' +
  'torch.onnx.export(…, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)';

function isStatistic(name: string): boolean {
  return /(^|\.)running_(mean|var)$/.test(name);
}

/** The names, cut off where there are many. */
function listed(names: readonly string[]): string {
  const more = names.length - LISTED;
  return names.slice(0, LISTED).map(quoted).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The report as lines for people. */
export function describeReport(report: WeightsReport): readonly string[] {
  const { format, matched, renamed, prefix, dropped, newHead, leftOver, notes } = report;
  const lines = [
    `${format}: ${counted(matched, 'tensor')} taken over${renamed ? `, ${renamed} of them renamed` : ''}`,
    ...notes,
  ];
  if (prefix) lines.push(`the names begin with ${quoted(prefix)}, which was left out`);
  if (dropped) lines.push(`left out ${counted(dropped, 'counter')} of batches (num_batches_tracked)`);
  if (newHead.length)
    lines.push(`new head: ${listed(newHead)} start anew, since the number of classes differs`);
  if (leftOver.length) lines.push(`the model has no use for ${leftOver.length}: ${listed(leftOver)}`);
  return lines;
}
