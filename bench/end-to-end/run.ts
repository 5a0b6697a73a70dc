import { join } from 'node:path';
import type { TrainEvent } from '../../src/train/events.ts';
import { isPytorch, pytorchOf } from '../common/contender.ts';
import { inTemporaryFolder, PYTHON, peerScript, runDensor, runProgram } from '../common/programs.ts';
import { type LoggedEvent, readRunLog } from '../common/run-log.ts';

/** One epoch of the notes' network on Fashion-MNIST, and an evaluation on its 10,000 test images. */
export interface EpochCase {
  /** Training images: the first of the file. */
  readonly limit: number;
  /** Pixels a side that images are resized to. */
  readonly size: number;
  readonly batch: number;
  readonly threads: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** What one process did. Moments are milliseconds since 1970 by the clock on the wall. */
export interface EpochRun {
  readonly spawnedMs: number;
  /** Data are read, and the first step begins. */
  readonly startedMs: number;
  readonly trainedMs: number;
  readonly evaluatedMs: number;
  readonly endedMs: number;
  readonly trainLoss: number;
  readonly testAccuracy: number;
  readonly version?: string;
}

/** How long the parts of a run took, in seconds. */
export function partsOf({ spawnedMs, startedMs, trainedMs, evaluatedMs, endedMs }: EpochRun) {
  return {
    total: (endedMs - spawnedMs) / 1000,
    start: (startedMs - spawnedMs) / 1000,
    training: (trainedMs - startedMs) / 1000,
    evaluation: (evaluatedMs - trainedMs) / 1000,
    end: (endedMs - evaluatedMs) / 1000,
  };
}

/** Runs a contender in a fresh process: `native`, `wasm`, each also with `:bf16`, `pytorch:FORMAT`. @param data folder of the IDX files. */
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

/** What `densor` is told, but for folders. @param name `native`, `wasm:bf16`, … */
export function trainArguments(name: string, of: EpochCase): string[] {
  const [engine, precision = 'f32'] = name.split(':') as [string, string?];
  const { limit, size, batch, threads, learningRate, seed } = of;
  const settings = { epochs: 1, limit, size, batch, threads, lr: learningRate, seed, precision };
  const options = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, `${value}`]);
  return ['train', '--recipe', 'notes', '--data', 'fashion-mnist', '--engine', engine, ...options];
}

type Moments = Omit<EpochRun, 'spawnedMs' | 'endedMs'>;

/** What the log of a training run tells. */
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
