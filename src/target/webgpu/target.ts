import type { PlacedBuffer } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/record.ts';
import type { Cost, Target } from '../../plan/target.ts';
import { ALIGNMENT_BYTES, DEFAULT_BINDING_BYTES, RECORD_WORDS, SLACK_BYTES } from './constants.ts';
import { costOf } from './cost.ts';
import { dispatchesOf, type GpuProgram } from './dispatch.ts';
import { LoweringContext } from './lower/context.ts';
import { paddedChannels } from './lower/fields.ts';
import { lower } from './lower/lower.ts';
import { buffersOf, type GpuRecord } from './records.ts';

/** Typical rates of a graphics card of 2024 with these kernels. Only their ratio matters. */
const FLOPS_PER_SECOND = 1e13;
const BYTES_PER_SECOND = 5e11;

export interface WebgpuTargetOptions {
  /**
   * Largest buffer that a kernel can bind, in bytes: the smaller of the adapter's `maxBufferSize` and
   * `maxStorageBufferBindingSize`. Default: 128 MiB, which every adapter has.
   */
  readonly maxBufferBytes?: number;
}

const made = new Map<number, Target>();

/** The WebGPU kernels (kernels/webgpu). The same options return the same object. */
export function webgpuTarget({ maxBufferBytes = DEFAULT_BINDING_BYTES }: WebgpuTargetOptions = {}): Target {
  const known = made.get(maxBufferBytes);
  if (known) return known;
  const target: Target = {
    name: 'webgpu',
    alignmentBytes: ALIGNMENT_BYTES,
    slackBytes: SLACK_BYTES,
    maxBufferBytes,
    pixelStride: paddedChannels,
    lower(request) {
      const context = new LoweringContext(request);
      for (const op of request.graph.ops) {
        // The update reads the collected gradients and statistics of the whole step.
        if (op.phase === 'update') context.flushGradients();
        lower(context, op);
      }
      context.finish();
      return context;
    },
    buffersOf: (record) => buffersOf(record as GpuRecord),
    costOf: (record) => costOf(record as GpuRecord),
    secondsOf: (record) => secondsOf(costOf(record as GpuRecord)),
    encode,
  };
  made.set(maxBufferBytes, target);
  return target;
}

/** The records of all dispatches, RECORD_WORDS each, then their lists. */
function encode(buffers: readonly PlacedBuffer[], records: readonly LayerRecord[]): GpuProgram {
  const all = dispatchesOf(buffers, records);
  const { dispatches, lists } = all;
  const words = new Uint32Array(dispatches.length * RECORD_WORDS + lists.length);
  for (const [i, dispatch] of dispatches.entries()) words.set(dispatch.words, i * RECORD_WORDS);
  words.set(lists, dispatches.length * RECORD_WORDS);
  return { words, recordCount: records.length, collectives: [], ...all };
}

/** Roofline time on a typical GPU. */
function secondsOf({ flops, bytes }: Cost): number {
  return Math.max(flops / FLOPS_PER_SECOND, bytes / BYTES_PER_SECOND);
}
