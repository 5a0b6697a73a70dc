import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { npmPeerOf } from '../peers/packages.ts';
import { isEngine } from './engines.ts';

/** An engine in a process of its own that stays warm. */
export interface Contender<A> {
  readonly name: string;
  step(): Promise<A>;
  end(): void;
}

/** Whether a contender (`native:avx2`, `pytorch:default`) is a peer or one of Densor's engines. @throws RangeError when it is neither. */
export function isPeer(name: string): boolean {
  if (isEngine(name)) return false;
  if (isPytorch(name) || npmPeerOf(name) !== undefined) return true;
  throw new RangeError(`no contender called ${name}`);
}

/** A peer that takes longer than this to answer is not waited for. */
export const CAP_MS = 600_000;

/**
 * PyTorch as it is installed gives its large tensors back to the system after use and gets fresh pages, to be zeroed,
 * for the next ones. How much that costs depends on the machine (on virtual ones up to most of a step), so it also
 * runs with a heap that keeps what it has (glibc's mallopt(3)): the better of the two is the peer to beat.
 */
export const KEPT_HEAP = '+kept-heap';
const KEEP_HEAP = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '1000000000000',
  MALLOC_TOP_PAD_: '268435456',
};

export interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** A peer's time for an answer. */
  readonly capMs?: number | undefined;
}

/** A program that reads a line, does its work, and answers with a line of JSON, again and again. */
export function startProcess<A>(
  name: string,
  program: string,
  args: readonly string[],
  { environment = {}, capMs = CAP_MS }: ProcessOptions = {},
): Contender<A> {
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive', ...environment };
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  child.stdin.on('error', () => {}); // It ended: the missing answer tells.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    let late = false;
    const giveUp = () => {
      late = true;
      child.kill('SIGKILL');
    };
    const timer = isPeer(name) ? setTimeout(giveUp, capMs) : undefined; // Densor's own are waited for.
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

/** The format that a contender's script is told (`pytorch:channels_last+kept-heap`: channels_last), and its heap. */
export function pytorchOf(name: string): { format: string; environment: Readonly<Record<string, string>> } {
  const format = name.slice('pytorch:'.length);
  if (!format.endsWith(KEPT_HEAP)) return { format, environment: {} };
  return { format: format.slice(0, -KEPT_HEAP.length), environment: KEEP_HEAP };
}
