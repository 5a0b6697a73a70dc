import type { Cost, Target } from '../../plan/target.ts';
import { ALIGNMENT_BYTES, SLACK_BYTES } from './constants.ts';
import { costOf } from './cost.ts';
import { encode } from './encode.ts';
import { LoweringContext } from './lower/context.ts';
import { lower } from './lower/lower.ts';
import { type BufferId, type KernelRecord, visitFields } from './records.ts';

/**
 * Products of bfloat16 numbers, each kind including all before it: dot products of pairs (AVX-512 BF16), products of
 * tiles (AMX).
 */
export const PRODUCTS = ['none', 'pairs', 'tiles'] as const;
export type Products = (typeof PRODUCTS)[number];

/** Pixels at multiples of this distance map to a few cache sets. */
const APART_BYTES = 2048;

/**
 * Typical rates of two cores of 2024 with these kernels: 60% of their multiply-add peak, and their memory bandwidth.
 * Only the ratio of the two matters.
 */
const FLOPS_PER_SECOND = 3e11;
const BYTES_PER_SECOND = 2.5e10;

/** Processor features that a plan depends on. */
export interface CpuTargetOptions {
  /** bfloat16 products that the kernels have. A plan for fewer runs on all kernels that have more. Default: none. */
  readonly products?: Products;
  /**
   * Whether 3×3 convolutions use Winograd where it is faster. Default: yes, except for bfloat16 maps with tile
   * products, where direct convolution is faster.
   */
  readonly winograd?: boolean;
}

/** A target whose programs run on the C++ kernels. */
export interface CpuTarget extends Target {
  readonly products: Products;
}

/** Targets by name, so that the same options return the same object. */
const made = new Map<string, CpuTarget>();

/** The C++ kernels: as WebAssembly or compiled for a processor, with any of its instruction sets. */
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
    maxBufferBytes: Number.POSITIVE_INFINITY, // One allocation; its limit is the engine's (`maxTotalBytes`).
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

/** The products a network was compiled for; undefined: not for the C++ kernels. */
export function productsOf(target: Target): Products | undefined {
  return 'products' in target ? (target as CpuTarget).products : undefined;
}

/** True if kernels with the products `have` can run plans for the products `want`. */
export function haveProducts(have: Products, want: Products): boolean {
  return PRODUCTS.indexOf(have) >= PRODUCTS.indexOf(want);
}

/** Roofline time on a typical machine. */
function secondsOf({ flops, bytes }: Cost): number {
  return Math.max(flops / FLOPS_PER_SECOND, bytes / BYTES_PER_SECOND);
}

/**
 * Whole cache lines, plus one more where the distance of pixels would be a multiple of 2 KiB: otherwise the same
 * channels of neighbouring pixels and images map to a few cache sets (a network of 58 layers, with 1,024 channels in
 * its blocks, is 4% slower).
 */
function pixelStride(channels: number, elementBytes: number): number {
  const bytes = Math.ceil((channels * elementBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  return (bytes % APART_BYTES === 0 ? bytes + ALIGNMENT_BYTES : bytes) / elementBytes;
}
