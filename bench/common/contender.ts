import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { npmPeerOf } from '../peers/packages.ts';
import { isEngine } from './engines.ts';

/** An engine in a separate process, which stays warm. */
export interface Contender<A> {
  readonly name: string;
  /**
   * One task. @param request what it is, for contenders that have several. @param capMs timeout; default: that of
   * peers, and none for Densor.
   */
  step(request?: object, capMs?: number): Promise<A>;
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

/** Timeout for the answer of a peer. */
export const CAP_MS = 600_000;

/**
 * By default PyTorch returns large tensors to the system after use, and page faults for new ones are slow (on
 * virtual machines up to most of a step). Therefore it also runs with a retained heap (glibc's mallopt(3)); the
 * faster of the two is the baseline.
 */
export const KEPT_HEAP = '+kept-heap';
export const KEEP_HEAP = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: '1000000000000',
  MALLOC_TOP_PAD_: '268435456',
};

export interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Timeout for the answer of a peer. */
  readonly capMs?: number | undefined;
}

/** Starts a program that, for each line of input, runs its task and prints a line of JSON. */
export function startProcess<A>(
  name: string,
  program: string,
  args: readonly string[],
  { environment = {}, capMs = CAP_MS }: ProcessOptions = {},
): Contender<A> {
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive', ...environment };
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  child.stdin.on('error', () => {}); // The process has ended, which is detected by the missing answer.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (limitMs = isPeer(name) ? capMs : undefined) => {
    let late = false;
    const giveUp = () => {
      late = true;
      child.kill('SIGKILL');
    };
    const timer = limitMs === undefined ? undefined : setTimeout(giveUp, limitMs);
    const { value, done } = await lines.next();
    clearTimeout(timer);
    if (late) throw new Error(`no answer within ${Math.round(limitMs! / 100) / 10} s`);
    if (done) throw new Error(`${name} ended without an answer`);
    return value;
  };
  return {
    name,
    async step(request, limitMs) {
      child.stdin.write(`${request ? JSON.stringify(request) : ''}\n`);
      const answer = JSON.parse(await nextLine(limitMs)) as A | { readonly cannot: string };
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
