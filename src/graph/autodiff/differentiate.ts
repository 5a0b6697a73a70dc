import { elementCount } from '../../tensor/shape.ts';
import { GraphBuilder } from '../build.ts';
import { layerWithoutModule } from '../layer.ts';
import { type Graph, opInputs, type ValueId } from '../op.ts';
import { Gradients } from './gradients.ts';
import { backward } from './rules.ts';

/** What to differentiate, and with respect to what. */
export interface DifferentiateRequest {
  /** Name of a graph output. A scalar starts from 1; any other shape from a new graph input `seed` of that shape. */
  readonly of: string;
  /** Names of state or inputs; default: every parameter. Their gradients become outputs `grad.NAME`. */
  readonly withRespectTo?: readonly string[];
  /** Adds each gradient to the state tensor `grad.NAME`, for gradient accumulation over several programs. */
  readonly accumulate?: boolean;
}

/**
 * Reverse-mode differentiation, graph → graph: appends the ops that compute the gradients.
 * Batch statistics are ordinary values, so the gradient through a batch's mean and variance is summed over all batch
 * norms that share them and becomes one affine map (`GradOutput.correction`).
 */
export function differentiate(graph: Graph, request: DifferentiateRequest): Graph {
  const builder = GraphBuilder.from(graph);
  const wanted = sources(graph, request);
  const root = graph.outputs.get(request.of);
  if (root === undefined) throw new RangeError(`the graph has no output called ${request.of}`);

  const gradients = new Gradients(builder, differentiated(graph, request));
  if (elementCount(builder.shapeOf(root)) > 1)
    gradients.start(root, builder.input('seed', builder.shapeOf(root)));
  else gradients.startFromOne(root);
  if (request.accumulate) {
    for (const [name, id] of wanted) {
      gradients.start(id, builder.state(gradientName(name), builder.shapeOf(id), 'buffer'));
    }
  }
  for (const op of [...graph.ops].reverse()) backward(op, gradients);
  for (const [name, id] of wanted) {
    const gradient = gradients.complete(id, layerWithoutModule(gradientName(name)));
    if (gradient !== undefined) builder.output(gradientName(name), gradient);
  }
  return builder.build();
}

const PREFIX = 'grad.';

/** Name of the gradient of a parameter or input, both as a graph output and as a state tensor. */
export function gradientName(name: string): string {
  return `${PREFIX}${name}`;
}

/** True if the name is that of a gradient. */
export function isGradient(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Every value whose gradient a request needs: the values that depend on the requested names. */
export function differentiated(graph: Graph, request: DifferentiateRequest): ReadonlySet<ValueId> {
  const set = new Set(sources(graph, request).values());
  for (const op of graph.ops) {
    if (opInputs(op).some((id) => set.has(id))) for (const id of op.outputs) set.add(id);
  }
  return set;
}

function sources(graph: Graph, { withRespectTo }: DifferentiateRequest): ReadonlyMap<string, ValueId> {
  const isParameter = (id: ValueId) => graph.values[id]!.role === 'parameter';
  const names = withRespectTo ?? [...graph.state].flatMap(([name, id]) => (isParameter(id) ? [name] : []));
  return new Map(
    names.map((name) => {
      const id = graph.state.get(name) ?? graph.inputs.get(name);
      if (id === undefined) throw new RangeError(`the graph has no parameter or input called ${name}`);
      return [name, id];
    }),
  );
}
