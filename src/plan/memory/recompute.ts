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
  /** What feature maps and their gradients are stored in. */
  readonly precision: Precision;
}

/** An op that may run twice: what it reads is stored or can be recomputed, and it changes nothing else. */
export type RepeatableOp = Extract<Op, { readonly kind: (typeof REPEATABLE)[number] }>;
const REPEATABLE = ['conv2d', 'conv2dMaxPool', 'avgPool', 'batchNorm', 'relu'] as const;

/**
 * The forward ops whose results the backward pass reads and could have recomputed instead: all that do not lie in
 * a concatenation, whose storage stays as long as any of its parts is needed.
 */
export function recomputable({ graph }: TrainingGraph): readonly RepeatableOp[] {
  const kept = new Set<ValueId>(graph.outputs.values());
  const readBackward = new Set<ValueId>();
  for (const op of graph.ops) {
    if (op.kind === 'concat') for (const id of op.operands) kept.add(id);
    if (op.phase !== 'backward') continue;
    for (const id of opInputs(op)) (readsNoNumbers(op) ? kept : readBackward).add(id);
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

/** The gradient of a copy or of a sum has the shape of what it names, and may stand in its place. */
function readsNoNumbers(op: Op): boolean {
  return op.kind === 'elementwiseGradInput' && !op.prologue;
}

/**
 * Frees what the forward ops of these modules store: the backward pass runs them again where it first needs it. No bit
 * of the result changes. Statistics are those that the forward pass has gathered, running statistics are replaced
 * once, and dropout's masks are functions of the step (the faults of such implementations elsewhere:
 * gpleiss/efficient_densenet_pytorch #73, pytorch/vision #2221).
 */
export function recompute(training: TrainingGraph, modules: ReadonlySet<string>): Graph {
  const { graph, precision } = training;
  if (modules.size === 0) return graph;
  const again = new Map<ValueId, Op>();
  for (const op of recomputable(training)) {
    const { module } = op.layer;
    if (module !== undefined && modules.has(module)) for (const id of op.outputs) again.set(id, op);
  }
  return rewrite(graph, (op, to) => {
    const missing = op.phase === 'backward' ? opInputs(op).filter((id) => again.has(id)) : [];
    if (missing.length === 0) return to.keep(op);
    const reader = op.kind === 'maxPoolGradInput' && precision === 'f32' ? settle(op, to) : op;
    for (const id of missing) restore(id, again, to);
    to.keep(reader);
  });
}

/** Runs the op that `id` comes from again, and before it those that it reads from. */
function restore(id: ValueId, again: Map<ValueId, Op>, to: Rewriter): void {
  const source = again.get(id);
  if (!source) return;
  for (const output of source.outputs) again.delete(output);
  for (const input of opInputs(source)) restore(input, again, to);
  to.keep({ ...source, phase: 'backward', isRecomputed: true });
}

/**
 * The gradient of a pooled stem is completed where it lies, so that the block's features, which its correction reads,
 * are gone before the stem's own come back. In bfloat16 it would be rounded once more than without: not there.
 */
function settle(op: MaxPoolGradInput, to: Rewriter): MaxPoolGradInput {
  const { value, correction } = op.gradOutput;
  if (!correction) return op;
  const { layer, phase } = op;
  const spec = { kind: 'statisticsGrad', layer, phase, correction, accumulate: [value] } as const;
  to.replace(value, to.builder.addOne(mapInputs<OpSpec>(spec, to.now)));
  return { ...op, gradOutput: { value } };
}
