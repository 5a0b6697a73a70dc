import { countReaders, rewrite } from '../../graph/build.ts';
import {
  elementwisePrologue,
  type Graph,
  type Op,
  type Prologue,
  takesPrologue,
  type ValueId,
} from '../../graph/op.ts';

/**
 * Fuses batch norm and ReLU into the op that reads them, which applies them while loading its input: the normalised
 * map is never stored. Only with a single reader; with several, the map is stored once.
 */
export function fusePrologues(graph: Graph): Graph {
  const readers = countReaders(graph);
  const firstReader = new Map<ValueId, Op>();
  for (const op of graph.ops) if ('x' in op && !firstReader.has(op.x)) firstReader.set(op.x, op);
  /** Results (of the old graph) that will not be stored, and how to compute each from a stored value. */
  const fused = new Map<ValueId, { readonly x: ValueId; readonly prologue: Prologue }>();

  return rewrite(graph, (op, to) => {
    const before = 'x' in op ? fused.get(op.x) : undefined;
    if (op.kind === 'batchNorm' || op.kind === 'relu') {
      const y = op.outputs[0]!;
      const own = elementwisePrologue(op);
      const canMerge = before !== undefined && op.kind === 'relu';
      const x = canMerge ? before.x : op.x;
      const prologue = canMerge ? { ...before.prologue, relu: true } : own;
      if (readers.get(y) === 1 && canAbsorb(firstReader.get(y), prologue)) {
        fused.set(y, { x, prologue });
        return;
      }
      if (!canMerge) return to.keep(op);
      const { relu: _, ...norm } = before.prologue;
      return to.replace(
        y,
        to.builder.addOne({
          kind: 'relu',
          layer: op.layer,
          phase: op.phase,
          x: to.now(x),
          prologue: remap({ ...norm, relu: false }, to.now),
        }),
      );
    }
    if (!before || !takesPrologue(op)) return to.keep(op);
    const { outputs, ...spec } = op;
    const weights = 'weight' in spec ? { weight: to.now(spec.weight) } : {};
    const bias = 'bias' in spec && spec.bias !== undefined ? { bias: to.now(spec.bias) } : {};
    const x = to.now(before.x);
    const ids = to.builder.add({
      ...spec,
      ...weights,
      ...bias,
      x,
      prologue: remap(before.prologue, to.now),
    });
    outputs.forEach((old, i) => {
      to.replace(old, ids[i]!);
    });
  });
}

/** True if the only reader of a value can apply this prologue itself. */
function canAbsorb(reader: Op | undefined, prologue: Prologue): boolean {
  if (reader?.kind === 'relu') return reader.prologue === undefined && !prologue.relu;
  return reader !== undefined && takesPrologue(reader) && reader.prologue === undefined;
}

function remap(prologue: Prologue, now: (id: ValueId) => ValueId): Prologue {
  const bn = prologue.batchNorm;
  if (!bn) return prologue;
  return {
    ...prologue,
    batchNorm: {
      ...bn,
      mean: now(bn.mean),
      variance: now(bn.variance),
      gamma: now(bn.gamma),
      beta: now(bn.beta),
    },
  };
}
