import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';

/** Where, and in what state, a benchmark ran. */
export interface Machine {
  /** `AMD EPYC, family 26 model 2 stepping 1`. */
  readonly model: string;
  readonly processors: number;
  readonly memoryBytes: number;
  /** Instruction sets that the native engine found, the fastest first. */
  readonly isas: readonly string[];
  readonly node: string;
  /** How many times as fast as one thread two are that only compute: 2 where they have a core each. */
  readonly twoThreads: number;
}

/** Below this, two processors are not two cores: others use them, or they are two threads of one. */
const TWO_CORES = 1.7;
const SPIN_MS = 300;

/** Takes about two seconds: it measures. */
export async function describeMachine(): Promise<Machine> {
  return {
    model: processorModel(),
    processors: cpus().length,
    memoryBytes: totalmem(),
    isas: nativeIsas(),
    node: process.version,
    twoThreads: await twoThreadsToOne(),
  };
}

/** `two threads spin 1.98 times as fast as one`. */
export function spinText({ twoThreads }: Machine): string {
  return `two threads spin ${twoThreads.toFixed(2)} times as fast as one`;
}

/** What makes figures doubtful; undefined where two threads had two cores. */
export function doubt(machine: Machine): string | undefined {
  if (machine.twoThreads >= TWO_CORES) return undefined;
  return `Not two cores: ${spinText(machine)}; these figures are worth less than those of a quiet machine.`;
}

/** Names alone say little (`AMD EPYC`): the numbers tell the generation. */
function processorModel(): string {
  const name = cpus()[0]?.model.trim() ?? process.arch;
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return name; // Not Linux.
  }
  const numbers = [
    ['family', /^cpu family\s*: (\d+)/m],
    ['model', /^model\s*: (\d+)/m],
    ['stepping', /^stepping\s*: (\d+)/m],
  ] as const;
  const found = numbers.flatMap(([word, pattern]) => {
    const value = pattern.exec(text)?.[1];
    return value === undefined ? [] : [`${word} ${value}`];
  });
  return found.length > 0 ? `${name}, ${found.join(' ')}` : name;
}

/** Alone and together take turns, so that a disturbance hits both. */
async function twoThreadsToOne(): Promise<number> {
  const workers = [0, 1].map(() => new Worker(new URL('./spin.js', import.meta.url)));
  const spin = async (worker: Worker, ms: number): Promise<number> => {
    worker.postMessage(ms);
    const [{ count }] = await once(worker, 'message');
    return count;
  };
  const both = async (ms: number) => {
    const counts = await Promise.all(workers.map((worker) => spin(worker, ms)));
    return counts[0]! + counts[1]!;
  };
  await both(100); // Compiles the loop.
  let [alone, together] = [0, 0];
  for (const worker of [...workers, workers[0]!]) {
    alone += await spin(worker, SPIN_MS);
    together += await both(SPIN_MS);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return together / alone;
}
