import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { plannedPeakBytes } from '../src/plan/plan.ts';
import { openContender } from './engines.ts';
import { compileInference, type InferenceCase, imagesOf, inferenceState, modelOf } from './inference-case.ts';
import type { Onnxruntime } from './onnxruntime.ts';

/**
 * An engine's inference as a contender of bench/inference.ts: reads a line, answers images again and again for a turn,
 * and says with JSON how long one run took. Arguments: the contender's name, the case, an ONNX file, and the folder
 * of onnxruntime-node.
 */

/** What a contender says after each turn. */
export interface InferenceAnswer {
  /** Of one run, from images to logits: the median of the turn. */
  readonly ms: number;
  readonly runs: number;
  /** Of the first image. */
  readonly logits: readonly number[];
  readonly peakRssBytes: number;
  readonly plannedPeakBytes?: number;
}

type Infer = () => Promise<ArrayLike<number>>;

const [name, text, onnxFile, folder] = process.argv.slice(2) as [string, string, string, string];
const of = JSON.parse(text) as InferenceCase;
const { infer, planned } = await (name.startsWith('onnxruntime') ? onnxruntime() : densor());

for await (const _ of createInterface({ input: process.stdin })) {
  const times: number[] = [];
  let logits: ArrayLike<number> = [];
  for (const began = performance.now(); performance.now() - began < of.turnMs; ) {
    const started = performance.now();
    logits = await infer();
    times.push(performance.now() - started);
  }
  const answer: InferenceAnswer = {
    ms: times.sort((a, b) => a - b)[times.length >> 1]!,
    runs: times.length,
    logits: Array.from(logits).slice(0, modelOf(of).classes),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    ...(planned !== undefined && { plannedPeakBytes: planned }),
  };
  console.log(JSON.stringify(answer));
}
process.exit(0);

async function densor(): Promise<{ readonly infer: Infer; readonly planned?: number }> {
  const compiled = compileInference(of);
  const engine = await openContender(name, of.threads);
  const session = await engine.open(compiled.network);
  for (const [tensor, numbers] of inferenceState(compiled)) session.write(tensor, numbers);
  const inputs = { images: imagesOf(of), labels: new Int32Array(of.batch) };
  const infer = async () => {
    await session.run('evaluate', inputs);
    return session.output('logits');
  };
  const { plan } = compiled.network.programs.get('evaluate')!;
  return { infer, planned: plannedPeakBytes([plan], engine.threads) };
}

async function onnxruntime(): Promise<{ readonly infer: Infer; readonly planned?: number }> {
  const { InferenceSession, Tensor } = createRequire(`${folder}/`)('onnxruntime-node') as Onnxruntime;
  const session = await InferenceSession.create(readFileSync(onnxFile), {
    intraOpNumThreads: of.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    freeDimensionOverrides: { N: of.batch },
  });
  const [channels, pixels] = [modelOf(of).channels, of.size * of.size];
  const nhwc = imagesOf(of);
  const nchw = new Float32Array(nhwc.length);
  for (let i = 0; i < nhwc.length; i++) {
    const [image, within] = [Math.floor(i / (channels * pixels)), i % (channels * pixels)];
    nchw[image * channels * pixels + (within % channels) * pixels + Math.floor(within / channels)] = nhwc[i]!;
  }
  const images = new Tensor('float32', nchw, [of.batch, channels, of.size, of.size]);
  return { infer: async () => (await session.run({ images })).logits!.data };
}
