import { plannedPeakBytes } from '../../src/plan/plan.ts';
import { answerLines } from '../common/answer.ts';
import { isPeer } from '../common/contender.ts';
import { openContender } from '../common/engines.ts';
import { batchOf, compileStep, initialState } from '../common/input.ts';
import { networkOf, type StepCase } from '../common/network.ts';
import type { TrainingTask } from '../peers/forward.ts';
import { jaxTraining } from '../peers/jax.ts';
import { npmPeerOf, versionOf } from '../peers/packages.ts';
import { tfjsTraining } from '../peers/tfjs.ts';
import type { Answer } from './start.ts';

/**
 * A contender process of bench/step: training steps of Densor, or of a peer in JavaScript. Reads a line, runs one
 * step, prints JSON. Arguments: name of the contender, the case, and the folder of a peer's packages.
 */

const LEARNING_RATE = 0.01;

const [name, text, folder] = process.argv.slice(2) as [string, string, string];
const step = JSON.parse(text) as StepCase;

await answerLines(async () => {
  const { train, planned, version } = await (isPeer(name) ? peer() : densor());
  return async (): Promise<Answer> => {
    const started = performance.now();
    const loss = await train();
    const ms = performance.now() - started;
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    const plan = planned !== undefined && { plannedPeakBytes: planned };
    return { ms, loss, peakRssBytes, ...plan, ...(version !== undefined && { version }) };
  };
});

interface Training {
  /** Runs one step; resolves to its loss. */
  readonly train: () => Promise<number>;
  readonly planned?: number;
  readonly version?: string;
}

async function densor(): Promise<Training> {
  const engine = await openContender(name, step.threads);
  const precision = name.endsWith(':bf16') ? 'bf16' : 'f32';
  const compiled = compileStep(step, { precision, target: engine.target });
  const { network } = compiled;
  const session = await engine.open(network);
  for (const [tensor, numbers] of initialState(compiled)) session.write(tensor, numbers);
  const batch = batchOf(step);
  const train = async () => {
    const outputs = await session.run('train', { ...batch }, { learningRate: LEARNING_RATE });
    return outputs.get('loss')![0]!;
  };
  return { train, planned: plannedPeakBytes([network.programs.get('train')!.plan], engine.threads) };
}

async function peer(): Promise<Training> {
  const task: TrainingTask = {
    root: networkOf(step).root,
    state: [...initialState(compileStep(step))],
    threads: step.threads,
    ...batchOf(step),
    imagesShape: [step.batch, step.size, step.size, 1],
    classes: 10,
    learningRate: LEARNING_RATE,
  };
  return { train: await trainingOf(task), version: versionOf(npmPeerOf(name)!) };
}

function trainingOf(task: TrainingTask): Promise<() => Promise<number>> {
  const [library, backend] = name.split(':') as [string, string];
  if (library === 'tfjs') return tfjsTraining(folder, backend, task);
  if (library === 'jax-js') return jaxTraining(folder, task);
  throw new Error(`${library} does not train`);
}
