import type { Group } from '../distributed/group.ts';
import type { CompiledNetwork, CompiledProgram } from '../plan/compiled-network.ts';
import { shown } from '../tensor/argument.ts';
import { EngineError, type RunScalars } from './engine.ts';

/**
 * @throws EngineError for anything but a compiled network, or when a program was compiled for another number of ranks
 * than the group's.
 */
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

/** The scalars of a rank: `firstImage` is advanced to the start of this rank's share of the batch. */
export function scalarsOfRank(
  scalars: RunScalars = { learningRate: 0 },
  { graph, plan }: CompiledProgram,
  { rank }: Group,
): RunScalars {
  if (plan.tree.ranks === 1) return scalars;
  const [images] = graph.values[[...graph.inputs.values()][0]!]!.shape as [number];
  return { ...scalars, firstImage: (scalars.firstImage ?? 0) + rank * images };
}
