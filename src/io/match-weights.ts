import { counted } from '../tensor/counted.ts';
import { allFinite } from '../tensor/finite.ts';
import { listed } from '../tensor/listed.ts';
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

/** The weights are those of a different network. */
export class MismatchError extends WeightsError {}

/** How the tensors of a file were assigned to those of a model. */
export interface WeightsReport {
  readonly format: string;
  /** Tensors of the model that the file has. */
  readonly matched: number;
  /** Number of these with a different name in the file. */
  readonly renamed: number;
  /** The prefix that was removed from names: `module.`, `model.` */
  readonly prefix: string;
  /** Number of batch counters (`num_batches_tracked`), which are not used. */
  readonly dropped: number;
  /** Tensors of the classifier that are newly initialized. */
  readonly newHead: readonly string[];
  /** Tensors of the file that are not in the model. */
  readonly leftOver: readonly string[];
  readonly notes: readonly string[];
}

/** Weights of a file under the names of a model, and what was left out or begins anew. */
export interface MatchedWeights {
  /** By the model's names; complete except for a new head. */
  readonly state: ReadonlyMap<string, Float32Array>;
  readonly report: WeightsReport;
}

const LISTED = 10;

/** The differences between the tensors of a file and those of a model. */
interface Fit {
  /** Names of classifier tensors that are newly initialized. */
  readonly reinitialized: readonly string[];
  readonly missing: readonly string[];
  readonly leftOver: readonly string[];
  /** Leftover tensors in layers that the model also has. */
  readonly extra: readonly string[];
  /** The first tensor with a different shape. */
  readonly misshapen?: string | undefined;
}

function fitOf({ tensors }: RenamedWeights, wanted: WantedTensors, newHead: boolean): Fit {
  const hasShape = (name: string) => shapesEqual(tensors.get(name)!.shape, wanted.get(name)!.shape);
  const head = headOf(wanted);
  const differs = head.some((name) => !tensors.has(name) || !hasShape(name));
  const reinitialized = newHead && differs ? head : [];
  const needed = [...wanted.keys()].filter((name) => !reinitialized.includes(name));
  const leftOver = [...tensors.keys()].filter((name) => !wanted.has(name));
  const layers = new Set([...wanted.keys()].map(layerOf));
  return {
    reinitialized,
    missing: needed.filter((name) => !tensors.has(name)),
    leftOver,
    extra: leftOver.filter((name) => layers.has(layerOf(name))),
    misshapen: needed.find((name) => tensors.has(name) && !hasShape(name)),
  };
}

/** Whether the tensors match the model exactly. */
export function isFit(renamed: RenamedWeights, wanted: WantedTensors): boolean {
  const { missing, extra, misshapen } = fitOf(renamed, wanted, false);
  return missing.length === 0 && extra.length === 0 && misshapen === undefined;
}

/**
 * Assigns the tensors of a file to those of a model.
 * @param newHead whether a classifier with a different number of classes is newly initialized instead of rejected.
 * @throws MismatchError unless every tensor of the model is present with its shape, and no layer has additional
 * tensors, because a partially loaded network would only appear trained. WeightsError if a tensor has NaN or
 * infinity.
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
    if (fit.reinitialized.includes(name)) continue;
    const { fileName, read } = tensors.get(name)!;
    const numbers = read();
    if (!allFinite(numbers))
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
    newHead: fit.reinitialized,
    leftOver: fit.leftOver,
    notes: [...weights.notes, ...renamed.notes],
  };
  return { state, report };
}

/** @throws MismatchError */
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
    if (missing.length < wanted.size && missing.every((name) => headOf(wanted).includes(name))) {
      throw new MismatchError(
        `${source} has no classifier (${listed(missing, LISTED, quoted)}): a training can start from it, but it cannot predict`,
      );
    }
    throw new MismatchError(
      `${source} is not of this model: of its ${counted(wanted.size, 'tensor')} ${missing.length} ${missing.length === 1 ? 'is' : 'are'} missing ` +
        `(${listed(missing, LISTED, quoted)})${leftOver.length ? `; the file has others (${listed(leftOver, LISTED, quoted)})` : ''}` +
        (isFolded ? `. ${FOLDED}` : ''),
    );
  }
  if (extra.length) {
    throw new MismatchError(
      `${source} is not of this model: its layers have tensors that the model's have not (${listed(extra, LISTED, quoted)})`,
    );
  }
  if (misshapen === undefined) return;
  const { fileName, shape } = tensors.get(misshapen)!;
  const remedy = headOf(wanted).includes(misshapen)
    ? ' (another number of classes: `classes` begins a new classifier)'
    : '';
  throw new MismatchError(
    `${source}: tensor ${quoted(fileName)} is ${formatShape(shape)}, the model expects ` +
      `${formatShape(wanted.get(misshapen)!.shape)}${remedy}`,
  );
}

/** Advice: exporters fold batch norms for inference; how to disable that in PyTorch. */
const FOLDED =
  'Its batch norms were folded into its convolutions when it was exported: export it with ' +
  'torch.onnx.export(…, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)';

function isStatistic(name: string): boolean {
  return /(^|\.)running_(mean|var)$/.test(name);
}

/** The report as readable lines. */
export function describeReport(report: WeightsReport): readonly string[] {
  const { format, matched, renamed, prefix, dropped, newHead, leftOver, notes } = report;
  const lines = [
    `${format}: ${counted(matched, 'tensor')} taken over${renamed ? `, ${renamed} of them renamed` : ''}`,
    ...notes,
  ];
  if (prefix) lines.push(`the names begin with ${quoted(prefix)}, which was left out`);
  if (dropped) lines.push(`left out ${counted(dropped, 'counter')} of batches (num_batches_tracked)`);
  if (newHead.length)
    lines.push(
      `new head: ${listed(newHead, LISTED, quoted)} are reinitialized, since the number of classes differs`,
    );
  if (leftOver.length)
    lines.push(`the model has no use for ${leftOver.length}: ${listed(leftOver, LISTED, quoted)}`);
  return lines;
}
