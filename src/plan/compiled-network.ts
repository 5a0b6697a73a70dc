import type { Graph } from '../graph/op.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Plan, StateLayout } from './plan.ts';
import type { Program } from './program.ts';

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
