import { InferenceSession, Tensor } from 'onnxruntime-web';
import { compile, stateOf } from '../../src/compile.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { encodeOnnx } from '../../src/io/onnx/write.ts';
import type { Model } from '../../src/model/module.ts';
import { torchvisionDensenet } from '../../src/model/torchvision-densenet.ts';
import { trace } from '../../src/model/trace.ts';
import type { Pair } from '../../src/tensor/shape.ts';
import { elementCount } from '../../src/tensor/shape.ts';
import { numbers } from './module-run.ts';

export type State = ReadonlyMap<string, Float32Array>;

/** torchvision's DenseNet(growth_rate=6, block_config=(2, 3), num_init_features=8, bn_size=2, num_classes=5). */
export function bottleneckNet(): Model {
  const sizes = { growthRate: 6, blocks: [2, 3], stemChannels: 8, bottleneckWidth: 2 };
  return torchvisionDensenet({ name: 'bottleneck-net', classes: 5, ...sizes });
}

/** Random weights and running statistics; variances and scales are positive, so that ReLUs stay active. */
export function randomState(model: Model, size: Pair, seed: number): State {
  const random = numbers(seed);
  const { graph } = trace(model, 1, size, 'evaluate');
  return new Map(
    [...stateOf(graph)].map(([name, { shape }]) => {
      const isVector = shape.length === 1;
      const positive = name.endsWith('running_var') || (isVector && name.endsWith('weight'));
      const scale = isVector ? 1 : 2 / Math.sqrt(elementCount(shape) / shape[0]!);
      const next = () => (positive ? 0.5 + random() : scale * (2 * random() - 1));
      return [name, new Float32Array(elementCount(shape)).map(next)];
    }),
  );
}

/** The ONNX file of a model with this state. */
export function onnxOf(model: Model, size: Pair, state: State): Uint8Array {
  const { graph } = trace(model, 1, size, 'evaluate');
  return Buffer.concat(encodeOnnx({ name: model.name, graph, state, metadata: new Map(), docString: '' }));
}

/** Images [N, C, H, W] from 0 to 1: random, all black, all white, or a single bright pixel. */
export function testImages(kind: ImageKind, shape: readonly [number, number, number, number]): Float32Array {
  const random = numbers(elementCount(shape));
  const fill = { random, black: () => 0, white: () => 1, pixel: () => 0 }[kind];
  const images = new Float32Array(elementCount(shape)).map(fill);
  if (kind === 'pixel') images[Math.floor(images.length / 2)] = 1;
  return images;
}
export const IMAGE_KINDS = ['random', 'black', 'white', 'pixel'] as const;
export type ImageKind = (typeof IMAGE_KINDS)[number];

/** [N, C, H, W] → [N, H, W, C], the input layout of engines. */
export function toChannelsLast(
  images: Float32Array,
  [n, c, h, w]: readonly [number, number, number, number],
): Float32Array {
  const out = new Float32Array(images.length);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < h * w; p++) out[(i * h * w + p) * c + k] = images[(i * c + k) * h * w + p]!;
    }
  }
  return out;
}

/** Logits of the evaluate program on the reference engine; images are [N, C, H, W]. */
export async function referenceLogits(model: Model, size: Pair, state: State, images: Float32Array) {
  const batch = images.length / (model.channels * size[0] * size[1]);
  const { network } = compile(model, size, { evaluate: { batch, mode: 'evaluate' } });
  const session = await createReferenceEngine().open(network);
  for (const [name, data] of state) session.write(name, data);
  const outputs = await session.run('evaluate', {
    images: toChannelsLast(images, [batch, model.channels, ...size]),
    labels: new Int32Array(batch),
  });
  return outputs.get('logits')!;
}

/** The logits of onnxruntime for batches of images, [N, C, H, W], as an independent check of the file. */
export async function onnxruntimeLogits(
  file: Uint8Array,
  batches: readonly Float32Array[],
  [c, h, w]: readonly [number, number, number],
): Promise<Float32Array[]> {
  const session = await InferenceSession.create(file, { logSeverityLevel: 2 });
  const logits: Float32Array[] = [];
  for (const images of batches) {
    const n = images.length / (c * h * w);
    const outputs = await session.run({ images: new Tensor('float32', images, [n, c, h, w]) });
    if (`${outputs.logits!.dims[0]}` !== `${n}`) throw new Error(`logits are ${outputs.logits!.dims}`);
    logits.push(outputs.logits!.data as Float32Array);
  }
  await session.release();
  return logits;
}
