import { macsOf } from '../graph/count-macs.ts';
import { type Layer, partName } from '../graph/layer.ts';
import { type Graph, opInputs, type ValueId } from '../graph/op.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import type { ComparedNetwork } from './compare-report.ts';
import { formatBytes, formatCount, formatTable } from './format.ts';

/** Output and cost of a part of a network (stem, dense block, transition, head) for one image. */
export interface PartCost {
  readonly part: string;
  /** Shape of its output: [channels, height, width] or [channels]. */
  readonly output: Shape;
  readonly parameters: number;
  readonly macs: number;
}

/** The costs of all parts. @param graph an evaluation graph. */
export function partCosts(graph: Graph): readonly PartCost[] {
  const images = graph.values[graph.inputs.get('images')!]!.shape[0]!;
  const parts = new Map<string, PartCost & { readonly weights: Set<ValueId> }>();
  for (const op of graph.ops) {
    if (op.kind === 'crossEntropy') continue;
    const part = nameOf(op.layer, [...parts.keys()]);
    const { weights = new Set<ValueId>(), macs = 0 } = parts.get(part) ?? {};
    for (const id of opInputs(op)) if (graph.values[id]!.role === 'parameter') weights.add(id);
    parts.set(part, {
      part,
      weights,
      output: graph.values[op.outputs[0]!]!.shape.slice(1),
      parameters: [...weights].reduce((sum, id) => sum + elementCount(graph.values[id]!.shape), 0),
      macs: macs + macsOf(op, graph) / images,
    });
  }
  return [...parts.values()].map(({ weights, ...cost }) => cost);
}

/** The name of a part. Parts that are not blocks have different names in different networks. */
function nameOf({ block }: Layer, before: readonly string[]): string {
  if (block) return partName(block);
  return before.some((each) => each !== 'stem') ? 'head' : 'stem';
}

/** The costs of a network, without training. */
export interface NetworkCosts
  extends Pick<ComparedNetwork, 'name' | 'parameters' | 'macs' | 'plannedPeakBytes'> {
  readonly parts: readonly PartCost[];
}

/** The output of `compare --dry-run`. */
export function networksText(networks: readonly NetworkCosts[]): readonly string[] {
  const totals = [
    ['', ...networks.map(({ name }) => name)],
    ['parameters', ...networks.map(({ parameters }) => formatCount(parameters))],
    ['multiplications per image', ...networks.map(({ macs }) => formatCount(macs))],
    ['planned memory', ...networks.map(({ plannedPeakBytes }) => formatBytes(plannedPeakBytes))],
  ];
  return [...formatTable(totals), ...networks.flatMap((network) => ['', ...partsText(network)])];
}

function partsText({ name, parts }: NetworkCosts): readonly string[] {
  const rows = parts.map(({ part, output, parameters, macs }) => [
    part,
    output.join('×'),
    formatCount(parameters),
    formatCount(macs),
  ]);
  return formatTable([[name, 'output', 'parameters', 'multiplications'], ...rows]);
}
