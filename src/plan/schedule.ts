import type { Graph } from '../graph/op.ts';

/**
 * Execution order: that of the graph, but state is updated last, when all values are known to be finite. Forward ops
 * run in the model's order and gradients in reverse, so each feature's gradient is complete, used and dead before the
 * next block's begins.
 */
export function schedule(graph: Graph): Graph {
  const replaced = new Set(graph.updates.values());
  const isUpdate = (op: Graph['ops'][number]) => op.outputs.some((id) => replaced.has(id));
  return { ...graph, ops: [...graph.ops.filter((op) => !isUpdate(op)), ...graph.ops.filter(isUpdate)] };
}
