import type { Graph } from '../graph/op.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { type Plan, plannedPeakBytes, type StateLayout } from './plan.ts';
import type { Program } from './target.ts';

/** What an engine opens: the state of a model and every program that works on it. Immutable. */
export interface CompiledNetwork {
  /** Each parameter and running statistic by PyTorch's name, in the model's order; then what the optimiser remembers. */
  readonly state: ReadonlyMap<string, StateTensor>;
  readonly layout: StateLayout;
  readonly programs: ReadonlyMap<string, CompiledProgram>;
}

export interface StateTensor {
  readonly role: 'parameter' | 'buffer' | 'optimizer';
  readonly shape: Shape;
}

export interface CompiledProgram {
  /** The graph as the model says it, with its gradients, unfused: what `reference` runs. */
  readonly graph: Graph;
  /** What the other engines run. */
  readonly plan: Plan;
  readonly program: Program;
  /** Before the first run and whenever state has changed since. Empty where a program's own runs change it. */
  readonly prepare: Program;
}

/** Bytes that a session of a network takes: state, the largest of its programs, and scratch for each thread. */
export function networkPeakBytes({ programs }: CompiledNetwork, threads: number): number {
  return plannedPeakBytes(
    [...programs.values()].map(({ plan }) => plan),
    threads,
  );
}

/** Bytes of all that a checkpoint of a network holds. */
export function stateBytes({ state }: CompiledNetwork): number {
  return [...state.values()].reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
}
