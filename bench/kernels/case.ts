import { compileGraph, stateOf } from '../../src/compile.ts';
import { PLAIN_SGD } from '../../src/graph/optimizer.ts';
import { densenet } from '../../src/model/densenet.ts';
import { conv2d } from '../../src/model/module.ts';
import { trace, traceModule } from '../../src/model/trace.ts';
import type { CompiledNetwork } from '../../src/plan/compiled-network.ts';
import { layOutState } from '../../src/plan/plan.ts';
import type { RecordKind } from '../../src/target/cpu/records.ts';
import { cpuTarget } from '../../src/target/cpu/target.ts';

/** A single convolution with stride 1, without bias, whose output has the size of its input. */
export interface Convolution {
  readonly images: number;
  /** Height and width of its feature maps in pixels. */
  readonly size: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
}

/** Inference with constant weights; and the passes of a training step, whose weights change. */
export const PASSES = ['inference', 'forward', 'gradInput', 'gradWeight'] as const;
export type Pass = (typeof PASSES)[number];

/** Time of each pass in ms. */
export type PassTimes = Readonly<Record<Pass, number>>;

/** Convolutions of the notes' network: the last one of each dense block, and that of each transition. */
export function notesConvolutions(size: number, images: number): Convolution[] {
  const { graph } = trace(densenet({}), images, [size, size], 'train');
  const all = graph.ops.flatMap((op): Convolution[] => {
    if (op.kind !== 'conv2d' || op.stride[0] !== 1) return [];
    const [outChannels, inChannels, kernel] = graph.values[op.weight]!.shape as [number, number, number];
    return [{ images, size: graph.values[op.x]!.shape[2]!, inChannels, outChannels, kernel }];
  });
  return all.filter((each, i) => each.kernel !== all[i + 1]?.kernel || each.size !== all[i + 1]?.size);
}

/** `3×3, 160 → 32, 24×24`. */
export function describeConvolution({ kernel, inChannels, outChannels, size }: Convolution): string {
  return `${kernel}×${kernel}, ${inChannels} → ${outChannels}, ${size}×${size}`;
}

/** Floating-point operations of a pass by definition: 2 per multiply-add, including those with padding. */
export function flopsOf({ images, size, inChannels, outChannels, kernel }: Convolution): number {
  return 2 * images * size ** 2 * inChannels * outChannels * kernel ** 2;
}

/**
 * Compiles only the convolution as the program `it`, with inputs `x` and, for a training step, `seed`, the
 * gradient of `y`.
 */
export function compileConvolution(of: Convolution, what: 'inference' | 'step'): CompiledNetwork {
  const { images, size, inChannels, outChannels, kernel } = of;
  const module = conv2d(outChannels, kernel, { padding: (kernel - 1) / 2, bias: false });
  const { graph } = traceModule(module, [images, inChannels, size, size], 'train');
  const state = stateOf(graph);
  const layout = layOutState(state, what === 'step', cpuTarget());
  const gradient = { of: 'y', withRespectTo: ['x', 'weight'], update: PLAIN_SGD };
  const program = compileGraph(graph, layout, what === 'step' ? gradient : undefined);
  return { state, layout, programs: new Map([['it', program]]) };
}

/**
 * Assigns the times of a step's records to passes; packing of weights counts for the pass that uses them. Without
 * the optimizer.
 */
export function stepTimes(kinds: readonly RecordKind[], ms: ArrayLike<number>): Omit<PassTimes, 'inference'> {
  const times = { forward: 0, gradInput: 0, gradWeight: 0 };
  let packing = 0;
  for (const [i, kind] of kinds.entries()) {
    if (kind === 'sgd') continue;
    if (kind === 'packWeights' || kind === 'winogradWeights') {
      packing += ms[i]!;
      continue;
    }
    const pass = /Grad(Input|Weight)$/.exec(kind)?.[1];
    times[pass === undefined ? 'forward' : pass === 'Input' ? 'gradInput' : 'gradWeight'] += packing + ms[i]!;
    packing = 0;
  }
  return times;
}
