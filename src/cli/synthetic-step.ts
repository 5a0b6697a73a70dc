import { compile } from '../compile.ts';
import type { Engine, Numbers, RunScalars, Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import { modelByName } from '../model/zoo.ts';
import type { Plan } from '../plan/plan.ts';
import { uniform } from '../tensor/random.ts';
import { elementCount } from '../tensor/shape.ts';

/** What `bench` and `profile` measure, with random images: a training step or, for inference, an evaluation. */
export interface SyntheticStep {
  /** The name of the program. */
  readonly program: string;
  readonly plan: Plan;
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly scalars: RunScalars;
  /** The network in an engine, with its initial numbers. */
  open(engine: Engine): Promise<Session>;
}

/** @throws ShapeError when the network does not fit the size. */
export function syntheticStep(of: {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly inference?: boolean;
}): SyntheticStep {
  const { size, batch } = of;
  const program = of.inference ? 'evaluate' : 'train';
  const model = modelByName(of.model)!;
  const { network, initializers } = compile(model, [size, size], {
    [program]: { batch, mode: program },
  });
  const pixels = batch * size * size * model.channels;
  return {
    program,
    plan: network.programs.get(program)!.plan,
    inputs: {
      images: Float32Array.from({ length: pixels }, (_, i) => uniform(0, 1, i)),
      labels: Int32Array.from({ length: batch }, (_, i) => i % model.classes),
    },
    scalars: { learningRate: 0.01 },
    open: async (engine) => {
      const session = await engine.open(network);
      for (const [name, { shape }] of network.state) {
        session.write(name, initialNumbers(0, name, elementCount(shape), initializers.get(name)!));
      }
      return session;
    },
  };
}
