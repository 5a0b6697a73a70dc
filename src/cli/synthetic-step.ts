import { type Compiled, compile, type MemoryBudget } from '../compile.ts';
import { floatsOf } from '../data/loader.ts';
import { byteTables } from '../data/transforms/normalize.ts';
import type { Engine, RunScalars, Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import { modelByName } from '../model/zoo.ts';
import type { Precision } from '../tensor/precision.ts';
import { uniform } from '../tensor/random.ts';
import { elementCount } from '../tensor/shape.ts';
import { programsFor } from '../train/programs.ts';
import type { StepBatch } from '../train/step.ts';

/** As a loader has them: images stay bytes until a step reads them. */
function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = 256 * uniform(0, 1, i);
  return bytes;
}

/** The training step that `bench` and `profile` measure, with random images. */
export interface SyntheticStep {
  readonly compiled: Compiled;
  readonly batch: StepBatch;
  readonly scalars: RunScalars;
  /** The network in an engine, with its initial numbers. */
  open(engine: Engine): Promise<Session>;
}

interface StepRequest {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly microBatch?: number | undefined;
  readonly precision?: Precision;
}

/** @throws ShapeError when the network does not fit the size; MemoryLimitError. */
export function syntheticStep(of: StepRequest, memory?: MemoryBudget): SyntheticStep {
  const { size, batch, microBatch, precision = 'f32' } = of;
  const model = modelByName(of.model)!;
  const programs = programsFor('train', { count: batch, batch, microBatch });
  const compiled = compile(model, [size, size], programs, { precision, memory });
  const { network, initializers } = compiled;
  const pixels = batch * size * size * model.channels;
  return {
    compiled,
    batch: {
      size: batch,
      images: floatsOf(randomBytes(pixels), byteTables(model.channels)),
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
