import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nativeIsas } from '../src/engine/cpu/native/load-module.ts';
import { isEngine } from './engines.ts';
import type { StepCase } from './network.ts';
import { installPeer, npmPeerOf } from './peers/packages.ts';

/** The output of a contender after each step. */
export interface Answer {
  readonly ms: number;
  readonly loss: number;
  readonly peakRssBytes: number;
  readonly plannedPeakBytes?: number;
  readonly version?: string;
}

/** An engine in a separate process, which stays warm. */
export interface Contender<A = Answer> {
  readonly name: string;
  step(): Promise<A>;
  end(): void;
}

/**
 * Whether a contender is a peer (`pytorch:default`) instead of an engine of Densor (`native:avx2`). @throws
 * RangeError for unknown names.
 */
export function isPeer(name: string): boolean {
  if (isEngine(name)) return false;
  if (isPytorch(name) || npmPeerOf(name) !== undefined) return true;
  throw new RangeError(`no contender called ${name}`);
}

/** Debian's Python, which uses Debian's `python3-torch`. */
export const PYTHON = '/usr/bin/python3';

/** Timeout for the answer of a peer. */
export const CAP_MS = 600_000;

/**
 * By default PyTorch returns large tensors to the system after use, and page faults for new ones are slow (on
 * virtual machines up to most of a step). Therefore it also runs with a retained heap (glibc's mallopt(3)); the
 * faster of the two is the baseline.
 */
const KEPT_HEAP = '+kept-heap';
const KEEP_HEAP = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '1000000000000',
  MALLOC_TOP_PAD_: '268435456',
};

export interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Timeout for the answer of a peer. */
  readonly capMs?: number | undefined;
}

/** Starts a contender. @param input file written by `writeInput`, for peers in other languages. */
export function start(name: string, step: StepCase, input: string, capMs?: number): Contender {
  const [program, args] = commandOf(name, step, input);
  const environment = isPytorch(name) ? pytorchOf(name).environment : {};
  return startProcess(name, program, args, { environment, capMs });
}

/** Starts a program that, for each line of input, runs its task and prints a line of JSON. */
export function startProcess<A = Answer>(
  name: string,
  program: string,
  args: readonly string[],
  { environment = {}, capMs = CAP_MS }: ProcessOptions = {},
): Contender<A> {
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive', ...environment };
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  child.stdin.on('error', () => {}); // The process has ended, which is detected by the missing answer.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    let late = false;
    const giveUp = () => {
      late = true;
      child.kill('SIGKILL');
    };
    const timer = isPeer(name) ? setTimeout(giveUp, capMs) : undefined; // No timeout for Densor.
    const { value, done } = await lines.next();
    clearTimeout(timer);
    if (late) throw new Error(`no answer within ${capMs / 1000} s`);
    if (done) throw new Error(`${name} ended without an answer`);
    return value;
  };
  return {
    name,
    async step() {
      child.stdin.write('\n');
      const answer = JSON.parse(await nextLine()) as A | { readonly cannot: string };
      if (typeof answer === 'object' && answer !== null && 'cannot' in answer) throw new Error(answer.cannot);
      return answer as A;
    },
    end: () => void child.kill(),
  };
}

export const isPytorch = (name: string) => name.startsWith('pytorch:');

/** The memory format argument and the heap settings of a PyTorch contender (`pytorch:channels_last+kept-heap`). */
export function pytorchOf(name: string): { format: string; environment: Readonly<Record<string, string>> } {
  const format = name.slice('pytorch:'.length);
  if (!format.endsWith(KEPT_HEAP)) return { format, environment: {} };
  return { format: format.slice(0, -KEPT_HEAP.length), environment: KEEP_HEAP };
}

function commandOf(name: string, step: StepCase, input: string): [string, string[]] {
  if (!isPytorch(name)) {
    const contender = fileURLToPath(new URL('./contender.js', import.meta.url));
    const peer = npmPeerOf(name);
    return [process.execPath, [contender, name, JSON.stringify(step), ...(peer ? [installPeer(peer)] : [])]];
  }
  if (!PYTORCH.includes(name)) throw new Error(`there is no ${name}; there are ${PYTORCH.join(', ')}`);
  const script = fileURLToPath(new URL('../../bench/peers/pytorch_step.py', import.meta.url));
  return [PYTHON, [script, pytorchOf(name).format, JSON.stringify(step), input]];
}

const PYTORCH = ['default', 'channels_last', 'autocast_bf16'].flatMap((layout) => [
  `pytorch:${layout}`,
  `pytorch:${layout}${KEPT_HEAP}`,
]);

/**
 * The best instruction set of each engine, also in bfloat16; AVX2 in addition to AVX-512; PyTorch if it is
 * installed.
 */
export function defaultContenders(): string[] {
  const isas = nativeIsas();
  const native = isas.filter((isa, i) => i === 0 || isa === 'avx2');
  const torch = spawnSync(PYTHON, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0;
  const half = native.slice(0, 1).map((isa) => `native:${isa}:bf16`);
  return [...native.map((isa) => `native:${isa}`), ...half, 'wasm:relaxed-simd', ...(torch ? PYTORCH : [])];
}
