import type { Graph } from '../graph/op.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { type Plan, plannedPeakBytes, type StateLayout } from './plan.ts';
import type { Program } from './target.ts';

/** A model's state and all programs that use it: the input of an engine. Immutable. */
export interface CompiledNetwork {
  /** Each parameter and running statistic under its PyTorch name, in the model's order; then the optimiser state. */
  readonly state: ReadonlyMap<string, StateTensor>;
  readonly layout: StateLayout;
  readonly programs: ReadonlyMap<string, CompiledProgram>;
}

/** A tensor that a run keeps from step to step. */
export interface StateTensor {
  readonly role: 'parameter' | 'buffer' | 'optimizer';
  readonly shape: Shape;
}

export interface CompiledProgram {
  /** The unfused graph of the model, with gradients: `reference` runs it. */
  readonly graph: Graph;
  /** The plan that the other engines run. */
  readonly plan: Plan;
  readonly program: Program;
  /** Runs before the first run and after each change of the state. Empty where a program itself updates the state. */
  readonly prepare: Program;
}

/** Memory of a session of a network in bytes: state, the largest of its programs, and scratch for each thread. */
export function networkPeakBytes({ programs }: CompiledNetwork, threads: number): number {
  return plannedPeakBytes(
    [...programs.values()].map(({ plan }) => plan),
    threads,
  );
}

/** Size of all tensors in a checkpoint of a network. */
export function stateBytes({ state }: CompiledNetwork): number {
  return [...state.values()].reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
}
