import type { Graph } from '../graph/op.ts';

/**
 * The order of a run: as the graph says it, but state is replaced last, when every value is known to be finite.
 * Forward ops come in the model's order and gradients in reverse, so each feature's gradient is complete, used
 * and dead before the next block's begins.
 */
export function schedule(graph: Graph): Graph {
  const replaced = new Set(graph.updates.values());
  const isUpdate = (op: Graph['ops'][number]) => op.outputs.some((id) => replaced.has(id));
  return { ...graph, ops: [...graph.ops.filter((op) => !isUpdate(op)), ...graph.ops.filter(isUpdate)] };
}
