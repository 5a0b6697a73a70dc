import { join } from 'node:path';
import type { TrainEvent } from '../../src/train/events.ts';
import { isPytorch, pytorchOf } from '../common/contender.ts';
import { inTemporaryFolder, PYTHON, peerScript, runDensor, runProgram } from '../common/programs.ts';
import { type LoggedEvent, readRunLog } from '../common/run-log.ts';

/** One epoch of the notes' network on Fashion-MNIST, and an evaluation on its 10,000 test images. */
export interface EpochCase {
  /** Number of training images, from the start of the file. */
  readonly limit: number;
  /** Height and width that images are resized to, in pixels. */
  readonly size: number;
  readonly batch: number;
  readonly threads: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** The times of one process, in ms since 1970 (wall clock). */
export interface EpochRun {
  readonly spawnedMs: number;
  /** Start of the first step, after the data were read. */
  readonly startedMs: number;
  readonly trainedMs: number;
  readonly evaluatedMs: number;
  readonly endedMs: number;
  readonly trainLoss: number;
  readonly testAccuracy: number;
  readonly version?: string;
}

/** The durations of the parts of a run, in seconds. */
export function partsOf({ spawnedMs, startedMs, trainedMs, evaluatedMs, endedMs }: EpochRun) {
  return {
    total: (endedMs - spawnedMs) / 1000,
    start: (startedMs - spawnedMs) / 1000,
    training: (trainedMs - startedMs) / 1000,
    evaluation: (evaluatedMs - trainedMs) / 1000,
    end: (endedMs - evaluatedMs) / 1000,
  };
}

/**
 * Runs a contender (`native`, `wasm`, each also with `:bf16`, `pytorch:FORMAT`) in a new process. @param data
 * folder of the IDX files.
 */
export async function runEpoch(name: string, of: EpochCase, data: string): Promise<EpochRun> {
  const spawnedMs = Date.now();
  if (isPytorch(name)) {
    const { format, environment } = pytorchOf(name);
    const args = [peerScript('pytorch_end_to_end.py'), format, JSON.stringify(of), data];
    const { out } = await runProgram(PYTHON, args, { environment });
    return { spawnedMs, endedMs: Date.now(), ...(JSON.parse(out) as Moments) };
  }
  return inTemporaryFolder(async (folder) => {
    const out = join(folder, 'run');
    await runDensor([...trainArguments(name, of), '--data-dir', data, '--out', out]);
    const endedMs = Date.now();
    return { spawnedMs, endedMs, ...momentsOf(readRunLog(out)) };
  });
}

/** The arguments of `densor`, except folders. @param name `native`, `wasm:bf16`, … */
export function trainArguments(name: string, of: EpochCase): string[] {
  const [engine, precision = 'f32'] = name.split(':') as [string, string?];
  const { limit, size, batch, threads, learningRate, seed } = of;
  const settings = { epochs: 1, limit, size, batch, threads, lr: learningRate, seed, precision };
  const options = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, `${value}`]);
  return ['train', '--recipe', 'notes', '--data', 'fashion-mnist', '--engine', engine, ...options];
}

type Moments = Omit<EpochRun, 'spawnedMs' | 'endedMs'>;

/** The times in the log of a training run. */
export function momentsOf(events: readonly LoggedEvent[]): Moments {
  const last = (kind: TrainEvent['kind']) =>
    Date.parse(events.findLast((event) => event.kind === kind)!.time);
  const first = events.find((event) => event.kind === 'step')!;
  const end = events.find((event) => event.kind === 'epoch')!;
  return {
    startedMs: Date.parse(first.time) - first.stepMs,
    trainedMs: last('step'),
    evaluatedMs: last('epoch'),
    trainLoss: end.trainLoss,
    testAccuracy: end.testAccuracy!,
  };
}
