import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TrainEvent } from '../src/train/events.ts';
import { isPytorch, PYTHON, pytorchOf } from './process.ts';

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

const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../bench/peers/pytorch_end_to_end.py', import.meta.url));

/**
 * Runs a contender (`native`, `wasm`, each also with `:bf16`, `pytorch:FORMAT`) in a new process. @param data
 * folder of the IDX files.
 */
export async function runEpoch(name: string, of: EpochCase, data: string): Promise<EpochRun> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-epoch-'));
  try {
    const spawnedMs = Date.now();
    if (isPytorch(name)) {
      const { format, environment } = pytorchOf(name);
      const text = await finish(PYTHON, [SCRIPT, format, JSON.stringify(of), data], environment);
      return { spawnedMs, endedMs: Date.now(), ...(JSON.parse(text) as Moments) };
    }
    const out = join(folder, 'run');
    await finish(process.execPath, [MAIN, ...trainArguments(name, of), '--data-dir', data, '--out', out]);
    const endedMs = Date.now();
    const lines = readFileSync(join(out, 'log.jsonl'), 'utf8').trim().split('\n');
    return { spawnedMs, endedMs, ...momentsOf(lines.map((line) => JSON.parse(line) as LoggedEvent)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
export type LoggedEvent = TrainEvent & { readonly time: string };

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

/** Waits for a process. @returns its output. @throws if it fails. */
async function finish(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive', ...environment };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += text));
  child.stderr.on('data', (text) => (said.err += text));
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}: ${said.err}`);
  return said.out;
}
