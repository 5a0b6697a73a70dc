import type {
  BatchNormalization,
  Correction,
  DropoutMask,
  GradOutput,
  Op,
  Prologue,
  ValueId,
  Window,
} from '../../../graph/op.ts';
import { leavesOf, ofAllRanks } from '../../../plan/batch-tree.ts';
import type { BufferId, Size, Vector, View } from '../../../plan/buffers.ts';
import { Lowering } from '../../../plan/lowering.ts';
import type { LoweringRequest } from '../../../plan/target.ts';
import { belowRate } from '../../../tensor/random.ts';
import { CHANNEL_PADDING } from '../constants.ts';
import type {
  DropoutFields,
  GradInputFields,
  GradOutputFields,
  KernelRecord,
  PrologueFields,
  WindowFields,
} from '../records.ts';
import type { Products } from '../target.ts';
import { RankSums } from './rank-sums.ts';

/** Most chunks of work without a sum over images: a constant of the plan, independent of the machine. */
export const MAX_CHUNKS = 16;

/** Collects the records of C++ kernels, and the coefficients and corrections computed so far. */
export class LoweringContext extends Lowering<KernelRecord> {
  /** Partials of statistics that a feature's producer computes. */
  readonly statistics = new Map<ValueId, BufferId>();
  /** Products of bfloat16 numbers that convolutions may use (kernels/conv/operand.h). */
  readonly products: Products;
  readonly usesWinograd: boolean;
  readonly sums = new RankSums(this);
  readonly #coefficients = new Map<string, { readonly scale: BufferId; readonly shift: BufferId }>();
  readonly #corrections = new Map<ValueId, { readonly slope: BufferId; readonly intercept: BufferId }>();

  constructor(
    request: LoweringRequest,
    { products, winograd }: { readonly products: Products; readonly winograd: boolean | undefined },
  ) {
    super(request);
    this.products = request.precision === 'bf16' ? products : 'none';
    this.usesWinograd = winograd ?? this.products !== 'tiles';
  }

  /** Fields of a prologue; emits the records that compute its coefficients first, once for each batch norm. */
  prologue(op: Op, prologue: Prologue | undefined): PrologueFields {
    const relu = prologue?.relu ? 1 : 0;
    const bn = prologue?.batchNorm;
    if (!bn) return { scale: undefined, shift: undefined, relu };
    return { ...this.coefficients(op, bn), relu };
  }

  gradOutput(op: Op, { value, correction }: GradOutput): GradOutputFields {
    const gradient = this.view(value);
    if (!correction) return { gradient, x: absentView, slope: undefined, intercept: undefined };
    return { gradient, x: this.view(correction.x), ...this.correction(op, correction) };
  }

  /** Coefficients of the gradient through a feature's statistics: computed once, on first use. */
  correction(op: Op, correction: Correction): { slope: BufferId; intercept: BufferId } {
    const known = this.#corrections.get(correction.gradMean);
    if (known) return known;
    const size = this.ofAllRanks(this.size(correction.x));
    const slope = this.temporary(op, 'correction slope', 'statistics', size.channels);
    const intercept = this.temporary(op, 'correction intercept', 'statistics', size.channels);
    const vectors = {
      mean: this.vector(correction.mean),
      gradMean: this.vector(correction.gradMean),
      gradVariance: this.vector(correction.gradVariance),
    };
    this.emit(op, { kind: 'finalizeCorrection', ...vectors, slope, intercept, size });
    this.#corrections.set(correction.gradMean, { slope, intercept });
    return { slope, intercept };
  }

  /** Size of a map of the whole batch. */
  ofAllRanks(size: Size): Size {
    return { ...size, images: ofAllRanks(size.images, this.tree) };
  }

  /** Leaves of this rank: the number of partials. */
  leavesOf(size: Size): number {
    return leavesOf(size.images, this.tree);
  }

  /** Chunks of an input gradient: leaves if its prologue has a batch norm, whose gradients are sums over images. */
  gradInputChunks(op: Op & { readonly prologue?: Prologue }, size: Size): number {
    return op.prologue?.batchNorm ? this.leavesOf(size) : chunksOf(size);
  }

  /** Gathers the partials of all ranks, in the order of ranks. @param floats of this rank's partials. */
  gather(op: Op, partials: BufferId, floats: number): BufferId {
    const { ranks } = this.tree;
    if (ranks === 1) return partials;
    const all = this.temporary(op, 'partials of all ranks', 'statistics', ranks * floats);
    this.emit(op, { kind: 'gather', from: partials, to: all, floats });
    return all;
  }

  /** Fields of an input gradient: with one partial per leaf if its prologue has a batch norm. */
  gradInput(op: Op & { readonly prologue?: Prologue }): GradInputFields {
    const gradient = this.view(op.outputs[0]!);
    const accumulate = op.accumulate?.[0] === undefined ? 0 : 1;
    const bn = op.prologue?.batchNorm;
    if (!bn) return { gradient, accumulate, mean: absentVector, sums: undefined };
    const size = this.size(op.outputs[0]!);
    const floats = this.leavesOf(size) * 2 * paddedChannels(size.channels);
    const sums = this.temporary(op, 'gradient sums', 'statistics', floats);
    return { gradient, accumulate, mean: this.vector(bn.mean), sums };
  }

  /** After an input gradient: reduces its sums to the gradients of the batch norm's γ, β, mean and variance. */
  finalizeGradSums(op: Op & { readonly prologue?: Prologue }, sums: BufferId | undefined): void {
    const bn = op.prologue?.batchNorm;
    if (!bn || sums === undefined) return;
    const size = this.size(op.outputs[0]!);
    const leaves = this.leavesOf(size);
    const [, gradGamma, gradBeta, gradMean, gradVariance] = op.outputs.map((id) => this.vector(id));
    const accumulate = [1, 2, 3, 4].reduce(
      (bits, output, bit) => bits | (op.accumulate?.[output] === undefined ? 0 : 1 << bit),
      0,
    );
    this.emit(op, {
      kind: 'finalizeGradSums',
      sums: this.gather(op, sums, leaves * 2 * paddedChannels(size.channels)),
      partialCount: ofAllRanks(leaves, this.tree),
      channels: this.size(bn.gamma).channels,
      variance: this.vector(bn.variance),
      gamma: this.vector(bn.gamma),
      eps: bn.eps,
      gradGamma: gradGamma!,
      gradBeta: gradBeta!,
      gradMean: gradMean!,
      gradVariance: gradVariance!,
      accumulate,
    });
  }

  /** The partials of a producer's output statistics, one per leaf; undefined if no op reads the statistics. */
  statisticsOf(op: Op, y: ValueId): BufferId | undefined {
    if (!this.wantsStatistics.has(y)) return undefined;
    const partials = this.statisticsPartials(op, this.size(y));
    this.statistics.set(y, partials);
    return partials;
  }

  statisticsPartials(op: Op, size: Size): BufferId {
    const floats = this.leavesOf(size) * 2 * paddedChannels(size.channels);
    return this.temporary(op, 'statistics', 'statistics', floats);
  }

  /** Coefficients of a batch norm applied to x or, with a bias, to x + bias. */
  coefficients(
    op: Op,
    bn: BatchNormalization,
    bias?: ValueId,
  ): { readonly scale: BufferId; readonly shift: BufferId } {
    const key = [bn.mean, bn.variance, bn.gamma, bn.beta, bias].join();
    const known = this.#coefficients.get(key);
    if (known) return known;
    const { channels } = this.size(bn.gamma);
    const scale = this.temporary(op, 'scale', 'statistics', channels);
    const shift = this.temporary(op, 'shift', 'statistics', channels);
    const [mean, variance, gamma, beta] = [bn.mean, bn.variance, bn.gamma, bn.beta].map((id) =>
      this.vector(id),
    ) as [Vector, Vector, Vector, Vector];
    const of = [bn.mean, bn.variance, bn.gamma, bn.beta, ...(bias === undefined ? [] : [bias])];
    this.emitOnce(op, of, [scale, shift], {
      kind: 'coefficients',
      mean,
      variance,
      gamma,
      beta,
      bias: bias === undefined ? absentVector : this.vector(bias),
      scale,
      shift,
      channels,
      eps: bn.eps,
    });
    this.#coefficients.set(key, { scale, shift });
    return { scale, shift };
  }
}

export const absentVector: Vector = { address: undefined, offset: 0 };
const absentView: View = { address: undefined, offset: 0, stride: 0, elementBytes: 4 };

/** Vectors over channels in a partial fill whole cache lines: the same rule as in the kernels. */
export function paddedChannels(channels: number): number {
  return Math.ceil(channels / CHANNEL_PADDING) * CHANNEL_PADDING;
}

/** Without a mask the threshold is 0, so nothing is dropped. */
export function dropoutFields(mask: DropoutMask | undefined): DropoutFields {
  if (!mask) return { threshold: 0, stream: 0, scale: 1 };
  return { threshold: belowRate(mask.rate), stream: mask.stream, scale: 1 / (1 - mask.rate) };
}

export function windowFields({ kernel, stride, padding }: Window): WindowFields {
  return {
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    strideHeight: stride[0],
    strideWidth: stride[1],
    paddingHeight: padding[0],
    paddingWidth: padding[1],
  };
}

/** Chunks of images without a sum over images. */
export function chunksOf(size: Size): number {
  return Math.min(MAX_CHUNKS, size.images);
}

/** If there are few images and no sum over them, the output rows are split into chunks too. */
export function rowChunksOf(ctx: LoweringContext, y: ValueId, leastRows = 1): number {
  const size = ctx.size(y);
  if (ctx.wantsStatistics.has(y)) return ctx.leavesOf(size);
  const parts = Math.min(Math.floor(size.height / leastRows), Math.floor(MAX_CHUNKS / size.images));
  return parts > 1 ? parts * size.images : chunksOf(size);
}
