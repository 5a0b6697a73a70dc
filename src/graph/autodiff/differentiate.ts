import { elementCount } from '../../tensor/shape.ts';
import { GraphBuilder } from '../build.ts';
import { type Graph, opInputs, type ValueId } from '../op.ts';
import { Gradients } from './gradients.ts';
import { backward } from './rules.ts';

/** What to differentiate, and with respect to what. */
export interface DifferentiateRequest {
  /** Name of a graph output. A scalar starts from 1; anything else from a new graph input `seed` of its shape. */
  readonly of: string;
  /** Names of state or inputs; default: every parameter. Their gradients become outputs `grad.NAME`. */
  readonly withRespectTo?: readonly string[];
}

/**
 * Reverse-mode differentiation, graph → graph: appends the ops that compute the gradients.
 * The statistics of a feature are values like any other, so the gradient that flows through a batch's mean and
 * variance is summed over all batch norms that share them, and becomes one affine map (`GradOutput.correction`).
 */
export function differentiate(graph: Graph, request: DifferentiateRequest): Graph {
  const builder = GraphBuilder.from(graph);
  const named = (name: string): ValueId => {
    const id = graph.state.get(name) ?? graph.inputs.get(name);
    if (id === undefined) throw new RangeError(`the graph has no parameter or input called ${name}`);
    return id;
  };
  const names =
    request.withRespectTo ??
    [...graph.state].filter(([, id]) => graph.values[id]!.role === 'parameter').map(([name]) => name);
  const root = graph.outputs.get(request.of);
  if (root === undefined) throw new RangeError(`the graph has no output called ${request.of}`);

  const gradients = new Gradients(builder, dependents(graph, names.map(named)));
  if (elementCount(builder.shapeOf(root)) > 1)
    gradients.start(root, builder.input('seed', builder.shapeOf(root)));
  else gradients.startFromOne(root);
  for (const op of [...graph.ops].reverse()) backward(op, gradients);
  for (const name of names) {
    const gradient = gradients.complete(named(name), `grad.${name}`);
    if (gradient !== undefined) builder.output(`grad.${name}`, gradient);
  }
  return builder.build();
}

/** Every value that depends on one of the sources. */
function dependents(graph: Graph, sources: readonly ValueId[]): ReadonlySet<ValueId> {
  const set = new Set(sources);
  for (const op of graph.ops) {
    if (opInputs(op).some((id) => set.has(id))) for (const id of op.outputs) set.add(id);
  }
  return set;
}
