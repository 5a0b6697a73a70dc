import { type Compiled, compile } from '../../src/compile.ts';
import { encodeOnnx } from '../../src/io/onnx/write.ts';
import type { Model } from '../../src/model/module.ts';
import { trace } from '../../src/model/trace.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { uniform } from '../../src/tensor/random.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { initialState } from '../common/input.ts';

/** A network (src/model/zoo.ts) and the batch size of its inference. */
export interface InferenceCase {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
  readonly threads: number;
  /** Approximate duration of a turn in ms; a turn has several runs, whose median counts. */
  readonly turnMs: number;
}

const SIZES = { notes: 96, densenet121: 224 } as const;

/** Named cases: `notes-1`, `notes-64`, `densenet121-1`, `densenet121-64`. */
export const INFERENCE_CASES: Readonly<Record<string, InferenceCase>> = Object.fromEntries(
  Object.entries(SIZES).flatMap(([model, size]) =>
    [1, 64].map((batch) => [`${model}-${batch}`, { model, size, batch, threads: 2, turnMs: 400 }]),
  ),
);

/** The model of a case. @throws ArgumentError if it does not exist. */
export function modelOf({ model }: InferenceCase): Model {
  return modelByName(model);
}

/** Compiles the evaluation of a case as the program `evaluate`. */
export function compileInference(of: InferenceCase): Compiled {
  const { size, batch } = of;
  return compile(modelOf(of), [size, size], { evaluate: { batch, mode: 'evaluate' } });
}

/** Weights and running statistics by PyTorch's names, determined by the case. No tensor is constant. */
export function inferenceState(compiled: Compiled): ReadonlyMap<string, Float32Array> {
  return new Map(
    [...initialState(compiled)].map(([name, numbers]) => {
      const isRunning = /running_(mean|var)$/.test(name);
      return [name, isRunning ? numbers.map((x, i) => x + 0.2 * uniform(0, 2, i)) : numbers];
    }),
  );
}

/** The same network as an ONNX file, for peers. */
export function onnxOf(of: InferenceCase): Uint8Array {
  const { graph } = trace(modelOf(of), 1, [of.size, of.size], 'evaluate');
  const state = inferenceState(compileInference(of));
  return Buffer.concat(encodeOnnx({ name: of.model, graph, state, metadata: new Map(), docString: '' }));
}

/** Images [N, H, W, C] from 0 to 1. */
export function imagesOf(of: InferenceCase): Float32Array {
  const { channels } = modelOf(of);
  const count = elementCount([of.batch, of.size, of.size, channels]);
  return Float32Array.from({ length: count }, (_, i) => uniform(0, 1, i));
}
