import type {
  BatchNormalization,
  Correction,
  GradOutput,
  Op,
  Prologue,
  ValueId,
  Window,
} from '../../../graph/op.ts';
import type { BufferId, Size, Vector } from '../../../plan/buffers.ts';
import { Lowering } from '../../../plan/lowering.ts';
import type { LoweringRequest } from '../../../plan/target.ts';
import { elementCount } from '../../../tensor/shape.ts';
import { TILE_CHANNELS, TILE_DEPTH } from '../constants.ts';
import { buffersOf, type Entry, type GpuRecord, type RecordOf } from '../records.ts';
import {
  ABSENT,
  ABSENT_VIEW,
  numberedEntries,
  paddedChannels,
  pixelsOf,
  productFields,
  tileFields,
  tilesOf,
  whole,
} from './fields.ts';

/** Partials of a map's statistics: of every tile of each slice of its images. */
export interface Partials {
  readonly buffer: BufferId;
  readonly count: number;
  readonly slicePixels: number;
  readonly sliceTiles: number;
}

/** A pending record, whose fields a later op may complete. */
type Pending<K extends GpuRecord['kind']> = { record: RecordOf<K>; readonly at: number };

/**
 * Collects the records of WebGPU kernels, and merges small ones, because a GPU is inefficient with few elements per
 * record.
 */
export class LoweringContext extends Lowering<GpuRecord> {
  readonly statistics = new Map<ValueId, Partials>();
  readonly #coefficients = new Map<string, { readonly scale: BufferId; readonly shift: BufferId }>();
  readonly #corrections = new Map<ValueId, { readonly slope: BufferId; readonly intercept: BufferId }>();
  /** Records without coefficients or a correction so far, the latest last. */
  readonly #statisticsRecords: Pending<'finalizeStatistics'>[] = [];
  readonly #gradSumRecords: Pending<'finalizeGradSums'>[] = [];
  readonly #packings: {
    readonly op: Op;
    readonly entry: Entry<'packWeights'>;
    readonly isPrepared: boolean;
  }[] = [];
  readonly #packed = new Map<string, BufferId>();
  readonly #reductions: { readonly op: Op; readonly entry: Entry<'reduceGradWeight'> }[] = [];
  #reductionBytes = 0;
  readonly #running: { readonly op: Op; readonly entry: Entry<'updateRunningStatistics'> }[] = [];

  constructor(request: LoweringRequest) {
    super(request);
    if (request.tree.ranks > 1) throw new RangeError('the webgpu target has no programs for several ranks');
  }

  prologue(op: Op, prologue: Prologue | undefined) {
    const relu = prologue?.relu === true;
    const bn = prologue?.batchNorm;
    if (!bn) return { scale: ABSENT, shift: ABSENT, relu };
    const { scale, shift } = this.coefficients(op, bn);
    return { scale: whole(scale), shift: whole(shift), relu };
  }

  gradOutput(op: Op, { value, correction }: GradOutput) {
    const gradOutput = this.view(value);
    if (!correction) return { gradOutput, feature: ABSENT_VIEW, slope: ABSENT, intercept: ABSENT };
    const { slope, intercept } = this.correction(op, correction);
    return { gradOutput, feature: this.view(correction.x), slope: whole(slope), intercept: whole(intercept) };
  }

  /** Coefficients of the gradient through a feature's statistics: computed once, on first use. */
  correction(op: Op, correction: Correction): { slope: BufferId; intercept: BufferId } {
    const known = this.#corrections.get(correction.gradMean);
    if (known) return known;
    const size = this.size(correction.x);
    const slope = this.temporary(op, 'correction slope', 'statistics', size.channels);
    const intercept = this.temporary(op, 'correction intercept', 'statistics', size.channels);
    const mean = this.vector(correction.mean);
    const [gradMean, gradVariance] = [this.vector(correction.gradMean), this.vector(correction.gradVariance)];
    const pixels = pixelsOf(size);
    const pending = this.#gradSumRecords.findLast(({ record }) => isWithin(gradMean, size.channels, record));
    if (
      pending &&
      pending.record.slope.address === undefined &&
      !this.#isTouched(pending, [gradMean, gradVariance])
    ) {
      const first = gradMean.offset - pending.record.gradMean.offset;
      this.#replace(pending, {
        ...pending.record,
        mean,
        slope: whole(slope),
        intercept: whole(intercept),
        first,
        count: size.channels,
        pixels,
      });
    } else {
      const vectors = { mean, gradMean, gradVariance, slope: whole(slope), intercept: whole(intercept) };
      this.emit(op, { kind: 'finalizeCorrection', ...vectors, channels: size.channels, pixels });
    }
    this.#corrections.set(correction.gradMean, { slope, intercept });
    return { slope, intercept };
  }

  /** Coefficients of a batch norm applied to x or, with a bias, to x + bias. */
  coefficients(op: Op, bn: BatchNormalization, bias?: ValueId): { scale: BufferId; shift: BufferId } {
    const key = [bn.mean, bn.variance, bn.gamma, bn.beta, bias].join();
    const known = this.#coefficients.get(key);
    if (known) return known;
    const { channels } = this.size(bn.gamma);
    const scale = this.temporary(op, 'scale', 'statistics', channels);
    const shift = this.temporary(op, 'shift', 'statistics', channels);
    const fields = {
      allMean: this.vector(bn.mean),
      allVariance: this.vector(bn.variance),
      gamma: this.vector(bn.gamma),
      beta: this.vector(bn.beta),
      bias: bias === undefined ? ABSENT : this.vector(bias),
      scale: whole(scale),
      shift: whole(shift),
      allChannels: channels,
      eps: bn.eps,
    };
    const pending = this.#statisticsRecords.findLast(({ record }) =>
      isPart(record, fields.allMean, channels),
    );
    if (
      pending &&
      pending.record.scale.address === undefined &&
      !this.#isTouched(pending, [fields.allMean, fields.allVariance])
    ) {
      const first = pending.record.mean.offset - fields.allMean.offset;
      this.#replace(pending, { ...pending.record, ...fields, first });
    } else {
      const none = { ...NO_STATISTICS, ...fields, first: 0 };
      const of = [bn.mean, bn.variance, bn.gamma, bn.beta, ...(bias === undefined ? [] : [bias])];
      this.emitOnce(op, of, [scale, shift], none);
    }
    this.#coefficients.set(key, { scale, shift });
    return { scale, shift };
  }

  /** Mean and variance from partials. */
  finalizeStatistics(op: Op, x: ValueId, partials: Partials, mean: Vector, variance: Vector): void {
    const size = this.size(x);
    this.emit(op, {
      ...NO_COEFFICIENTS,
      kind: 'finalizeStatistics',
      partials: whole(partials.buffer),
      partialStride: paddedChannels(size.channels),
      partialCount: partials.count,
      slicePixels: partials.slicePixels,
      sliceTiles: partials.sliceTiles,
      pixels: pixelsOf(size),
      mean,
      variance,
      channels: size.channels,
    });
    const at = this.records.length - 1;
    this.#statisticsRecords.push({ record: this.records[at]!.record as RecordOf<'finalizeStatistics'>, at });
  }

  /** Where a producer writes the partials of its output's statistics; absent if no op reads the statistics. */
  partialsOf(op: Op, y: ValueId) {
    const size = this.size(y);
    const partialStride = paddedChannels(size.channels);
    if (!this.wantsStatistics.has(y)) return { partials: ABSENT, partialStride };
    return { partials: whole(this.statisticsPartials(op, y, pixelsOf(size)).buffer), partialStride };
  }

  /** @param slicePixels of each slice of the map's images whose tiles begin anew. */
  statisticsPartials(op: Op, y: ValueId, slicePixels: number): Partials {
    const size = this.size(y);
    const sliceTiles = tilesOf(slicePixels);
    const [full, rest] = [Math.floor(pixelsOf(size) / slicePixels), pixelsOf(size) % slicePixels];
    const count = full * sliceTiles + tilesOf(rest);
    const buffer = this.temporary(op, 'statistics', 'statistics', count * 2 * paddedChannels(size.channels));
    const partials = { buffer, count, slicePixels, sliceTiles };
    this.statistics.set(y, partials);
    return partials;
  }

  /** Statistics of a map that no product computes. */
  emitStatistics(op: Op, y: ValueId): void {
    if (!this.wantsStatistics.has(y)) return;
    const size = this.size(y);
    const { buffer } = this.statisticsPartials(op, y, pixelsOf(size));
    const partials = { partials: whole(buffer), partialStride: paddedChannels(size.channels) };
    this.emit(op, { kind: 'statistics', x: this.view(y), ...partials, ...tileFields(size) });
  }

  /** Fields of an input gradient: with one partial per tile if its prologue has a batch norm. */
  gradInput(op: Op & { readonly prologue?: Prologue; readonly x: ValueId }) {
    const size = this.size(op.outputs[0]!);
    const fields = {
      x: this.view(op.x),
      gradient: this.view(op.outputs[0]!),
      accumulate: op.accumulate?.[0] !== undefined,
      sumStride: paddedChannels(size.channels),
    };
    const bn = op.prologue?.batchNorm;
    if (!bn) return { ...fields, mean: ABSENT, sums: ABSENT };
    const floats = tilesOf(pixelsOf(size)) * 2 * fields.sumStride;
    const sums = this.temporary(op, 'gradient sums', 'statistics', floats);
    return { ...fields, mean: this.vector(bn.mean), sums: whole(sums) };
  }

  /** After an input gradient: reduces its sums to the gradients of the batch norm's γ, β, mean and variance. */
  finalizeGradSums(op: Op & { readonly prologue?: Prologue }, sums: Vector): void {
    const bn = op.prologue?.batchNorm;
    if (!bn) return;
    const size = this.size(op.outputs[0]!);
    const [, gradGamma, gradBeta, gradMean, gradVariance] = op.outputs.map((id) => this.vector(id));
    const accumulates = [1, 2, 3, 4].reduce(
      (bits, output, bit) => bits | (op.accumulate?.[output] === undefined ? 0 : 1 << bit),
      0,
    );
    this.emit(op, {
      kind: 'finalizeGradSums',
      sums,
      sumStride: paddedChannels(size.channels),
      partialCount: tilesOf(pixelsOf(size)),
      channels: size.channels,
      variance: this.vector(bn.variance),
      gamma: this.vector(bn.gamma),
      eps: bn.eps,
      gradGamma: gradGamma!,
      gradBeta: gradBeta!,
      gradMean: gradMean!,
      gradVariance: gradVariance!,
      accumulates,
      ...{ mean: ABSENT, slope: ABSENT, intercept: ABSENT, first: 0, count: 0, pixels: 0 },
    });
    const at = this.records.length - 1;
    this.#gradSumRecords.push({ record: this.records[at]!.record as RecordOf<'finalizeGradSums'>, at });
  }

  /** Weights in the order in which a product reads them, packed together with all others before all other records. */
  packWeights(
    op: Op & { readonly weight: ValueId },
    window: Pick<Window, 'kernel'>,
    { size, out }: { readonly size: Size; readonly out: Size },
    { transposed, scale }: { readonly transposed: boolean; readonly scale?: BufferId | undefined },
  ): Vector {
    const key = [op.weight, transposed, scale].join();
    const known = this.#packed.get(key);
    if (known !== undefined) return whole(known);
    const [outputs, depthChannels] = transposed
      ? [size.channels, out.channels]
      : [out.channels, size.channels];
    const { taps, perTap, blocks } = productFields(window, depthChannels);
    const depth = blocks * TILE_DEPTH;
    const floats = Math.ceil(outputs / TILE_CHANNELS) * TILE_CHANNELS * depth;
    const name = transposed ? 'transposed weights' : 'weights';
    const packed = this.temporary(op, `packed ${name}`, 'packedWeights', floats);
    const { values } = this.graph;
    const entry = {
      weight: this.vector(op.weight),
      scale: scale === undefined ? ABSENT : whole(scale),
      packed: whole(packed),
      first: 0,
      outChannels: out.channels,
      inChannels: size.channels,
      taps,
      perTap,
      depth,
      transposed: transposed ? 1 : 0,
    };
    const role = values[op.weight]!.role;
    const isPrepared = !this.isTraining && (role === 'parameter' || role === 'buffer');
    if (isPrepared) this.prepared.add(packed);
    // A folded batch norm's coefficients, or weights that are an input, come first.
    this.#packings.push({ op, entry, isPrepared });
    this.#packed.set(key, packed);
    return whole(packed);
  }

  /** Reduces the partials of a weight gradient, together with those of other layers. */
  reduceGradWeight(op: Op, entry: Entry<'reduceGradWeight'>): void {
    // Weights that several layers share: one gradient is added to the other.
    const isShared = ({ address, offset }: Vector) =>
      this.#reductions.some(
        ({ entry: { gradWeight: to } }) => to.address === address && to.offset === offset,
      );
    if (isShared(entry.gradWeight)) this.flushGradients();
    this.#reductions.push({ op, entry });
    this.#reductionBytes += 4 * entry.splits * entry.rows * entry.partialStride;
    if (this.#reductionBytes > MOST_WAITING_BYTES) this.flushGradients();
  }

  /** Call before a record that reads a weight gradient. */
  flushGradients(): void {
    const waiting = this.#reductions.splice(0);
    this.#reductionBytes = 0;
    if (waiting.length === 0) return;
    const list = waiting.map(({ entry }) => entry);
    const { entries, total } = numberedEntries(list, ({ rows, partialStride }) => rows * partialStride);
    this.emit(waiting[0]!.op, { kind: 'reduceGradWeight', total, entries });
  }

  updateRunningStatistics(op: Op, entry: Entry<'updateRunningStatistics'>): void {
    this.#running.push({ op, entry });
  }

  /** Call before a record that reads running statistics. */
  flushRunningStatistics(): void {
    const running = this.#running.splice(0);
    if (running.length === 0) return;
    const counts = new Map(running.map(({ op, entry }) => [entry, this.size(op.outputs[0]!).channels]));
    const { entries, total } = numberedEntries([...counts.keys()], (entry) => counts.get(entry)!);
    this.emit(running[0]!.op, { kind: 'updateRunningStatistics', total, entries });
  }

  /** Emits the collected records. */
  finish(): void {
    this.flushGradients();
    this.flushRunningStatistics();
    for (const isPrepared of [true, false]) {
      const chosen = this.#packings.filter((each) => each.isPrepared === isPrepared);
      if (chosen.length === 0) continue;
      const list = chosen.map(({ entry }) => entry);
      const { entries, total } = numberedEntries(list, floatsOf);
      const packing = { op: chosen[0]!.op, record: { kind: 'packWeights', total, entries } } as const;
      // Behind the coefficients that prepared weights may be multiplied with; before all that reads the others.
      if (isPrepared) this.prepare.push(packing);
      else if (list.every(({ scale }) => scale.address === undefined)) this.records.unshift(packing);
      else throw new RangeError('scaled weights must depend on the state alone');
    }
  }

  numbersOf(id: ValueId): number {
    return elementCount(this.graph.values[id]!.shape);
  }

  /** True if a record behind the pending one reads or writes one of these buffers: it must come first. */
  #isTouched({ at }: { readonly at: number }, vectors: readonly Vector[]): boolean {
    const addresses = new Set(vectors.map(({ address }) => address));
    return this.records.slice(at + 1).some(({ record }) => buffersOf(record).some((id) => addresses.has(id)));
  }

  #replace<K extends 'finalizeStatistics' | 'finalizeGradSums'>(
    pending: Pending<K>,
    record: RecordOf<K>,
  ): void {
    pending.record = record;
    this.records[pending.at] = { op: this.records[pending.at]!.op, record: record as GpuRecord };
  }
}

/** Maximum bytes of pending partials of weight gradients that are reduced together. */
const MOST_WAITING_BYTES = 48 * 2 ** 20;

const NO_COEFFICIENTS = {
  ...{ allMean: ABSENT, allVariance: ABSENT, gamma: ABSENT, beta: ABSENT, bias: ABSENT },
  ...{ scale: ABSENT, shift: ABSENT, allChannels: 0, first: 0, eps: 0 },
} as const;
const NO_STATISTICS = {
  kind: 'finalizeStatistics',
  ...{ partials: ABSENT, partialStride: 0, partialCount: 0, slicePixels: 0, sliceTiles: 0, pixels: 0 },
  ...{ mean: ABSENT, variance: ABSENT, channels: 0 },
} as const;

/** True if a vector of `count` numbers is a part of the gradient of the mean that a record computes. */
function isWithin(
  part: Vector,
  count: number,
  { gradMean, channels }: RecordOf<'finalizeGradSums'>,
): boolean {
  const first = part.offset - gradMean.offset;
  return part.address === gradMean.address && first >= 0 && first + count <= channels;
}

/** True if a record computes a part of a vector of `count` means. */
function isPart({ mean, channels }: RecordOf<'finalizeStatistics'>, all: Vector, count: number): boolean {
  const first = mean.offset - all.offset;
  return mean.address === all.address && first >= 0 && first + channels <= count;
}

function floatsOf({ depth, transposed, inChannels, outChannels }: Entry<'packWeights'>): number {
  const outputs = transposed ? inChannels : outChannels;
  return Math.ceil(outputs / TILE_CHANNELS) * TILE_CHANNELS * depth;
}
