import type { Group } from '../distributed/group.ts';
import type { CompiledNetwork, CompiledProgram } from '../plan/compiled-network.ts';
import { EngineError, type RunScalars } from './engine.ts';

/** @throws EngineError where a program is the share of one of other ranks than those of the group. */
export function requireRanks({ programs }: CompiledNetwork, { size }: Group): void {
  for (const [name, { plan }] of programs) {
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
