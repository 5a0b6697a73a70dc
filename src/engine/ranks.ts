import type { Group } from '../distributed/group.ts';
import type { CompiledNetwork, CompiledProgram } from '../plan/compiled-network.ts';
import { shown } from '../tensor/argument.ts';
import { EngineError, type RunScalars } from './engine.ts';

/** @throws EngineError where it is no compiled network, or a program is the share of one of other ranks than the group's. */
export function requireNetwork(network: CompiledNetwork, { size }: Group): void {
  if (!(network?.programs instanceof Map && network.state instanceof Map))
    throw new EngineError(
      `the network is ${shown(network)}: expected the \`network\` of what compile returns`,
    );
  for (const [name, { plan }] of network.programs) {
    const { ranks } = plan.tree;
    if (ranks !== 1 && ranks !== size)
      throw new EngineError(`program ${name} is compiled for ${ranks} ranks, the group has ${size}`);
  }
}

/** Images of a shared program count on from where this rank's share of the batch begins. */
export function scalarsOfRank(
  scalars: RunScalars = { learningRate: 0 },
  { graph, plan }: CompiledProgram,
  { rank }: Group,
): RunScalars {
  if (plan.tree.ranks === 1) return scalars;
  const [images] = graph.values[[...graph.inputs.values()][0]!]!.shape as [number];
  return { ...scalars, firstImage: (scalars.firstImage ?? 0) + rank * images };
}
