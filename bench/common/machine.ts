import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { Worker } from 'node:worker_threads';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';

/** The machine of a benchmark, and its load. */
export interface Machine {
  /** `AMD EPYC, family 26 model 2 stepping 1`. */
  readonly model: string;
  readonly processors: number;
  readonly memoryBytes: number;
  /** Instruction sets of the native engine, fastest first. */
  readonly isas: readonly string[];
  readonly node: string;
  /** Speedup of two compute-bound threads over one: 2 if each has its own core. */
  readonly twoThreads: number;
}

/** Below this, two processors are not two idle cores: they are in use, or hardware threads of one core. */
const TWO_CORES = 1.7;
const SPIN_MS = 300;

/** Describes and measures the machine; takes about two seconds. */
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

/** `two threads are 1.98 times as fast as one`. */
export function spinText({ twoThreads }: Machine): string {
  return `two threads are ${twoThreads.toFixed(2)} times as fast as one`;
}

/** A warning about unreliable measurements; undefined if two threads had two cores. */
export function doubt(machine: Machine): string | undefined {
  if (machine.twoThreads >= TWO_CORES) return undefined;
  return `Not two idle cores: ${spinText(machine)}. These figures are less reliable than those of an idle machine.`;
}

/**
 * The processor with family and model numbers, because names such as `AMD EPYC` do not identify the generation.
 */
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

/** Alternates between one and two threads, so that disturbances affect both. */
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
