import { median } from '../../src/cli/median.ts';
import { plannedPeakBytes } from '../../src/plan/plan.ts';
import { answerLines } from '../common/answer.ts';
import { isPeer } from '../common/contender.ts';
import { openContender } from '../common/engines.ts';
import type { PeerTask } from '../peers/forward.ts';
import { jaxInference } from '../peers/jax.ts';
import { onnxruntimeInference } from '../peers/onnxruntime.ts';
import { tfjsInference } from '../peers/tfjs.ts';
import { compileInference, type InferenceCase, imagesOf, inferenceState, modelOf } from './case.ts';

/**
 * A contender process of bench/inference: inference of Densor or of a peer. Reads a line, repeats inference for one
 * turn, and prints the time of one run as JSON. Arguments: name of the contender, the case, an ONNX file, and the
 * folder of a peer's packages.
 */

/** The output of a contender after each turn. */
export interface InferenceAnswer {
  /** Time of one run, from images to logits: the median of the turn. */
  readonly ms: number;
  readonly runs: number;
  /** Logits of the first image. */
  readonly logits: readonly number[];
  readonly peakRssBytes: number;
  readonly plannedPeakBytes?: number;
}

interface Inference {
  readonly infer: () => Promise<ArrayLike<number>>;
  readonly planned?: number;
}

const [name, text, onnxFile, folder] = process.argv.slice(2) as [string, string, string, string];
const of = JSON.parse(text) as InferenceCase;

await answerLines(async () => {
  const { infer, planned } = await (isPeer(name) ? peer() : densor());
  return async (): Promise<InferenceAnswer> => {
    const times: number[] = [];
    let logits: ArrayLike<number> = [];
    for (const began = performance.now(); performance.now() - began < of.turnMs; ) {
      const started = performance.now();
      logits = await infer();
      times.push(performance.now() - started);
    }
    return {
      ms: median(times),
      runs: times.length,
      logits: Array.from(logits).slice(0, modelOf(of).classes),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      ...(planned !== undefined && { plannedPeakBytes: planned }),
    };
  };
});

async function densor(): Promise<Inference> {
  const compiled = compileInference(of);
  const engine = await openContender(name, of.threads);
  const session = await engine.open(compiled.network);
  for (const [tensor, numbers] of inferenceState(compiled)) session.write(tensor, numbers);
  const inputs = { images: imagesOf(of), labels: new Int32Array(of.batch) };
  const infer = async () => (await session.run('evaluate', inputs)).get('logits')!;
  const { plan } = compiled.network.programs.get('evaluate')!;
  return { infer, planned: plannedPeakBytes([plan], engine.threads) };
}

async function peer(): Promise<Inference> {
  const [library, backend] = name.split(':') as [string, string];
  if (library === 'onnxruntime') return { infer: await onnxruntimeInference(folder, onnxFile, taskOf([])) };
  const compiled = compileInference(of);
  const { state } = compiled.network;
  const task = taskOf(
    [...inferenceState(compiled)].map(([key, numbers]) => [key, numbers, state.get(key)!.shape]),
  );
  return {
    infer: await (library === 'tfjs' ? tfjsInference(folder, backend, task) : jaxInference(folder, task)),
  };
}

function taskOf(state: PeerTask['state']): PeerTask {
  const { root, channels } = modelOf(of);
  const imagesShape = [of.batch, of.size, of.size, channels];
  return { root, state, threads: of.threads, images: imagesOf(of), imagesShape };
}
