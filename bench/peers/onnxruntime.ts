import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { toNchw } from '../common/input.ts';
import type { PeerTask } from './forward.ts';

// The used part of the types of onnxruntime-node, because it is not a dependency of the project.
interface Onnxruntime {
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxruntimeSession> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}

interface OnnxruntimeSession {
  run(
    inputs: Readonly<Record<string, object>>,
  ): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
}

/** @returns a function that computes the logits with the network of an ONNX file. */
export async function onnxruntimeInference(folder: string, onnxFile: string, task: PeerTask) {
  const { InferenceSession, Tensor } = createRequire(`${folder}/`)('onnxruntime-node') as Onnxruntime;
  const [n, h, w, c] = task.imagesShape as [number, number, number, number];
  const session = await InferenceSession.create(readFileSync(onnxFile), {
    intraOpNumThreads: task.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    freeDimensionOverrides: { N: n },
  });
  const images = new Tensor('float32', toNchw(task.images, task.imagesShape), [n, c, h, w]);
  return async () => (await session.run({ images })).logits!.data;
}
