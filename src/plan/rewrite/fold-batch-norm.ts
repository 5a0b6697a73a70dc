import { countReaders, producers, rewrite } from '../../graph/build.ts';
import {
  type Conv2d,
  elementwisePrologue,
  type Graph,
  mapInputs,
  type Op,
  type Prologue,
  takesPrologue,
} from '../../graph/op.ts';

/**
 * Exact up to rounding, for inference: a batch norm with running statistics (and the ReLU after it) that is the only
 * reader of a convolution becomes the epilogue of that convolution, which scales the weights once for all runs. For
 * graphs without gradients.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const readers = countReaders(graph);
  const producer = producers(graph);
  const epilogues = new Map<Op, Prologue>();
  const bare = new Set<Op>();
  for (const op of graph.ops) {
    const prologue = prologueOf(op);
    if (!prologue || !('x' in op) || readers.get(op.x) !== 1 || !isOfState(graph, prologue)) continue;
    const conv = producer.get(op.x);
    if (conv?.kind !== 'conv2d' || conv.dropout) continue;
    epilogues.set(conv, prologue);
    bare.add(op);
  }
  return rewrite(graph, (op, to) => {
    if (bare.has(op) && (op.kind === 'batchNorm' || op.kind === 'relu')) {
      return to.replace(op.outputs[0]!, to.now(op.x));
    }
    const { prologue, ...plain } = op as Op & Partial<Pick<Conv2d, 'prologue'>>;
    const epilogue = epilogues.get(op);
    if (!epilogue && !bare.has(op)) return to.keep(op);
    const { outputs, ...spec } = mapInputs(
      {
        ...plain,
        ...(prologue && !bare.has(op) && { prologue }),
        ...(epilogue && { epilogue }),
      } as Op,
      to.now,
    );
    to.builder.add(spec).forEach((id, i) => {
      to.replace(outputs[i]!, id);
    });
  });
}

/** The prologue that an op applies to its input. */
function prologueOf(op: Op): Prologue | undefined {
  if (op.kind === 'batchNorm' || op.kind === 'relu') return elementwisePrologue(op);
  return takesPrologue(op) ? op.prologue : undefined;
}

function isOfState(graph: Graph, { batchNorm }: Prologue): boolean {
  if (!batchNorm) return true;
  const { mean, variance, gamma, beta } = batchNorm;
  return [mean, variance, gamma, beta].every((id) => /^(parameter|buffer)$/.test(graph.values[id]!.role));
}
