import { type Rewriter, rewrite } from '../../graph/build.ts';
import {
  type Graph,
  type MaxPoolGradInput,
  mapInputs,
  type Op,
  type OpSpec,
  opInputs,
  type ValueId,
} from '../../graph/op.ts';
import type { Precision } from '../../tensor/precision.ts';

/** A differentiated graph. */
export interface TrainingGraph {
  readonly graph: Graph;
  /** Storage type of feature maps and their gradients. */
  readonly precision: Precision;
}

/** An op that may run twice: its inputs are stored or can be recomputed, and it has no other effects. */
export type RepeatableOp = Extract<Op, { readonly kind: (typeof REPEATABLE)[number] }>;
const REPEATABLE = ['conv2d', 'conv2dMaxPool', 'avgPool', 'batchNorm', 'relu'] as const;

/**
 * The forward ops whose results the backward pass reads and could recompute instead: all except those stored in a
 * concatenation, whose storage stays live as long as any of its operands is needed.
 */
export function recomputable({ graph }: TrainingGraph): readonly RepeatableOp[] {
  const kept = new Set<ValueId>(graph.outputs.values());
  const readBackward = new Set<ValueId>();
  for (const op of graph.ops) {
    if (op.kind === 'concat') for (const id of op.operands) kept.add(id);
    if (op.phase !== 'backward') continue;
    for (const id of opInputs(op)) (readsOnlyShape(op) ? kept : readBackward).add(id);
  }
  return graph.ops
    .filter(({ phase }) => phase === 'forward')
    .filter(isRepeatable)
    .filter(
      ({ outputs }) => outputs.some((id) => readBackward.has(id)) && !outputs.some((id) => kept.has(id)),
    );
}

function isRepeatable(op: Op): op is RepeatableOp {
  return REPEATABLE.some((kind) => kind === op.kind);
}

/** The gradient of a copy or of a sum only uses the shape of its operand, and may share its storage. */
function readsOnlyShape(op: Op): boolean {
  return op.kind === 'elementwiseGradInput' && !op.prologue;
}

/**
 * Frees the results of the forward ops of these modules: the backward pass recomputes them just before their first
 * use. The results are bit-identical. Recomputed ops use the batch statistics of the forward pass, running statistics
 * are updated once, and dropout masks are functions of the step (known bugs of other implementations:
 * gpleiss/efficient_densenet_pytorch #73, pytorch/vision #2221).
 */
export function recompute(training: TrainingGraph, modules: ReadonlySet<string>): Graph {
  const { graph, precision } = training;
  if (modules.size === 0) return graph;
  const remaining = new Map<ValueId, Op>();
  for (const op of recomputable(training)) {
    const { module } = op.layer;
    if (module !== undefined && modules.has(module)) for (const id of op.outputs) remaining.set(id, op);
  }
  return rewrite(graph, (op, to) => {
    const missing = op.phase === 'backward' ? opInputs(op).filter((id) => remaining.has(id)) : [];
    if (missing.length === 0) return to.keep(op);
    const reader = op.kind === 'maxPoolGradInput' && precision === 'f32' ? completeGradOutput(op, to) : op;
    for (const id of missing) restore(id, remaining, to);
    to.keep(reader);
  });
}

/** Recomputes the op that writes `id`, after the ops that it depends on. */
function restore(id: ValueId, remaining: Map<ValueId, Op>, to: Rewriter): void {
  const source = remaining.get(id);
  if (!source) return;
  for (const output of source.outputs) remaining.delete(output);
  for (const input of opInputs(source)) restore(input, remaining, to);
  to.keep({ ...source, phase: 'backward', isRecomputed: true });
}

/**
 * Adds the correction of the gradient of a pooled stem in place first, so that the block's features, which the
 * correction reads, are freed before the stem is recomputed. Not used in bfloat16, where it would add a rounding.
 */
function completeGradOutput(op: MaxPoolGradInput, to: Rewriter): MaxPoolGradInput {
  const { value, correction } = op.gradOutput;
  if (!correction) return op;
  const { layer, phase } = op;
  const spec = { kind: 'statisticsGrad', layer, phase, correction, accumulate: [value] } as const;
  to.replace(value, to.builder.addOne(mapInputs<OpSpec>(spec, to.now)));
  return { ...op, gradOutput: { value } };
}
