import { type Compiled, compile, type EngineOptions } from '../compile.ts';
import { floatsOf } from '../data/loader.ts';
import { byteTables } from '../data/transforms/normalize.ts';
import type { Engine, Input, RunScalars, Session } from '../engine/engine.ts';
import { initialNumbers } from '../model/initialize.ts';
import { modelByName } from '../model/zoo.ts';
import type { Precision } from '../tensor/precision.ts';
import { uniform } from '../tensor/random.ts';
import { elementCount } from '../tensor/shape.ts';
import { programName, programsFor } from '../train/programs.ts';
import { runStep } from '../train/step.ts';

/** Random images as bytes, as from a loader. */
function randomBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = 256 * uniform(0, 1, i);
  return bytes;
}

/** A training step or, for inference, an evaluation, with random images, for `bench` and `profile`. */
export interface SyntheticStep {
  readonly compiled: Compiled;
  /** Name of the program for the whole batch. */
  readonly program: string;
  readonly inputs: { readonly images: Input; readonly labels: Int32Array };
  readonly scalars: RunScalars;
  /** Opens a session with the initial state. */
  open(engine: Engine): Promise<Session>;
  /** Runs the step once, in micro-batches if requested. */
  run(session: Session): Promise<void>;
}

interface StepRequest {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly microBatch?: number | undefined;
  readonly precision?: Precision;
  /** An evaluation instead of a training step. */
  readonly inference?: boolean;
}

/** Compiles the step. @throws ShapeError if the size is unsuitable for the network; MemoryLimitError */
export function syntheticStep(of: StepRequest, on: EngineOptions = {}): SyntheticStep {
  const { size, batch, microBatch, precision = 'f32' } = of;
  const mode = of.inference ? 'evaluate' : 'train';
  const model = modelByName(of.model);
  const programs = programsFor(mode, { count: batch, batch, microBatch });
  const compiled = compile(model, [size, size], programs, { precision, ...on });
  const { network, initializers } = compiled;
  const program = programName(mode, batch);
  const pixels = batch * size * size * model.channels;
  const inputs = {
    images: floatsOf(randomBytes(pixels), byteTables(model.channels)),
    labels: Int32Array.from({ length: batch }, (_, i) => i % model.classes),
  };
  const scalars = { learningRate: 0.01 };
  return {
    compiled,
    program,
    inputs,
    scalars,
    run: async (session) => {
      if (of.inference) await session.run(program, inputs, scalars);
      else await runStep({ session, network, microBatch }, { size: batch, ...inputs }, scalars);
    },
    open: async (engine) => {
      const session = await engine.open(network);
      for (const [name, { shape }] of network.state) {
        session.write(name, initialNumbers(0, name, elementCount(shape), initializers.get(name)!));
      }
      return session;
    },
  };
}
