import type { Cost, Target } from '../../plan/target.ts';
import { ALIGNMENT_BYTES, SLACK_BYTES } from './constants.ts';
import { costOf } from './cost.ts';
import { encode } from './encode.ts';
import { LoweringContext } from './lower/context.ts';
import { lower } from './lower/lower.ts';
import { type BufferId, type KernelRecord, visitFields } from './records.ts';

/** Of bfloat16 numbers, each kind with all before it: dot products of pairs (AVX-512 BF16), of tiles (AMX). */
export const PRODUCTS = ['none', 'pairs', 'tiles'] as const;
export type Products = (typeof PRODUCTS)[number];

/** Pixels that lie multiples of this apart share a few sets of the caches. */
const APART_BYTES = 2048;

/**
 * What two cores of 2024 do with kernels like ours: 60% of their multiply-add peak, and their memory's bandwidth. Only
 * the balance of the two matters.
 */
const FLOPS_PER_SECOND = 3e11;
const BYTES_PER_SECOND = 2.5e10;

/** What differs between processors in a plan for them. */
export interface CpuTargetOptions {
  /** Of bfloat16 numbers that the kernels have. A plan for fewer runs on all that have more. Default: none. */
  readonly products?: Products;
  /**
   * Whether 3×3 convolutions that are worth it are done by Winograd's algorithm. Default: yes, but for maps in bfloat16
   * with products of tiles, which are faster direct.
   */
  readonly winograd?: boolean;
}

/** A target whose programs are run by the C++ kernels. */
export interface CpuTarget extends Target {
  readonly products: Products;
}

/** Targets by their names: those that are made alike are one. */
const made = new Map<string, CpuTarget>();

/** The C++ kernels: as WebAssembly or compiled for a processor, on any of its instruction sets. */
export function cpuTarget(options: CpuTargetOptions = {}): CpuTarget {
  const { products = 'none', winograd } = options;
  const forced = winograd === undefined ? [] : [winograd ? 'Winograd' : 'no Winograd'];
  const name = ['cpu', ...(products === 'none' ? [] : [products]), ...forced].join(', ');
  const target = made.get(name) ?? makeTarget(name, products, winograd);
  made.set(name, target);
  return target;
}

function makeTarget(name: string, products: Products, winograd: boolean | undefined): CpuTarget {
  return {
    name,
    products,
    alignmentBytes: ALIGNMENT_BYTES,
    slackBytes: SLACK_BYTES,
    maxBufferBytes: Number.POSITIVE_INFINITY, // One allocation: what it may take, an engine says (`maxTotalBytes`).
    pixelStride,
    lower(request) {
      const context = new LoweringContext(request, { products, winograd });
      for (const op of request.graph.ops) lower(context, op);
      context.sums.flush();
      return context;
    },
    buffersOf(record) {
      const buffers: BufferId[] = [];
      visitFields(record as KernelRecord, (type, value) => {
        if (type === 'address' && value !== undefined) buffers.push(value as BufferId);
      });
      return buffers;
    },
    costOf: (record) => costOf(record as KernelRecord),
    secondsOf: (record) => secondsOf(costOf(record as KernelRecord)),
    encode,
  };
}

/** What a network was compiled for; undefined: not for the C++ kernels. */
export function productsOf(target: Target): Products | undefined {
  return 'products' in target ? (target as CpuTarget).products : undefined;
}

/** True where kernels that have the products `have` run plans for the products `want`. */
export function haveProducts(have: Products, want: Products): boolean {
  return PRODUCTS.indexOf(have) >= PRODUCTS.indexOf(want);
}

/** By the roofline of a typical machine. */
function secondsOf({ flops, bytes }: Cost): number {
  return Math.max(flops / FLOPS_PER_SECOND, bytes / BYTES_PER_SECOND);
}

/**
 * Whole cache lines, and one line more where pixels would lie multiples of 2 KiB apart: the same channels of neighbouring
 * pixels and images then share a few sets of the caches (a net of 58 layers, 1,024 channels in its blocks, takes 4%
 * longer).
 */
function pixelStride(channels: number, elementBytes: number): number {
  const bytes = Math.ceil((channels * elementBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  return (bytes % APART_BYTES === 0 ? bytes + ALIGNMENT_BYTES : bytes) / elementBytes;
}
