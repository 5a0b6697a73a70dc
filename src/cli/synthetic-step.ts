import { compile } from '../compile.ts';
import type { Engine, Numbers, RunScalars, Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import { modelByName } from '../model/zoo.ts';
import type { Plan } from '../plan/plan.ts';
import type { Precision } from '../tensor/precision.ts';
import { uniform } from '../tensor/random.ts';
import { elementCount } from '../tensor/shape.ts';

/** The training step that `bench` and `profile` measure: program `train`, with random images. */
export interface SyntheticStep {
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
  readonly precision?: Precision;
}): SyntheticStep {
  const { size, batch, precision = 'f32' } = of;
  const model = modelByName(of.model)!;
  const { network, initializers } = compile(
    model,
    [size, size],
    { train: { batch, mode: 'train' } },
    { precision },
  );
  const pixels = batch * size * size * model.channels;
  return {
    plan: network.programs.get('train')!.plan,
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
