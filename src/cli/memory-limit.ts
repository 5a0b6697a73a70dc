import type { Compiled, MemoryBudget } from '../compile.ts';
import type { Engine } from '../engine/engine.ts';
import { defaultLimitBytes } from '../io/machine-memory.ts';
import { networkPeakBytes, stateBytes } from '../plan/compiled-network.ts';
import { MemoryLimitError } from '../plan/memory/error.ts';
import type { Rung } from '../plan/memory/ladder.ts';
import { rungReports } from '../plan/memory/rung-report.ts';
import { limitFor, type ProcessNeeds, planBudget } from '../train/process-memory.ts';
import { UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { formatMemorySize } from './memory-size.ts';
import { say } from './progress.ts';

/** What is left of an engine's own memory beside plans: programs, stacks, what its module holds. */
const ENGINE_BYTES = 32 * 2 ** 20;

interface Limited<T> {
  /** Of the whole process in bytes; undefined: what the machine has free. */
  readonly limit: number | undefined;
  readonly engine: Engine;
  /** Beside the network's state. */
  readonly needs: Needs;
  /** What takes less at hardly any cost in time: tried before anything is computed again. */
  readonly frugal?: { readonly needs: Needs; readonly describe: string };
  compile(memory?: MemoryBudget): T;
}

type Needs = Omit<ProcessNeeds, 'engine' | 'threads' | 'stateBytes'>;

/** What was compiled, and whether the process has to be frugal beside it. */
export interface WithinLimit<T> {
  readonly prepared: T;
  readonly isFrugal: boolean;
}

/**
 * Compiles for a limit of the whole process: as it comes where that fits, else frugally, and then with results
 * computed again instead of kept; says which. Nothing large is allocated before.
 * @throws UsageError naming the smallest limit that works.
 */
export function withinLimit<T extends { readonly compiled: Compiled }>(request: Limited<T>): WithinLimit<T> {
  const { limit = defaultLimitBytes(), engine, frugal, compile } = request;
  const { name, threads } = engine;
  const plain = compile();
  const { network } = plain.compiled;
  const all = (needs: Needs) => ({ engine: name, threads, stateBytes: stateBytes(network), ...needs });
  const inEngine = engine.limits.maxTotalBytes - ENGINE_BYTES;
  const budget = (needs: Needs) => Math.min(inEngine, planBudget(limit, all(needs)));
  const planned = networkPeakBytes(network, threads);
  if (planned <= budget(request.needs)) return { prepared: plain, isFrugal: false };
  const { needs } = frugal ?? request;
  const bytes = budget(needs);
  try {
    const prepared = planned <= bytes ? plain : compile({ bytes, threads });
    if (frugal) say(`memory: ${frugal.describe}`);
    const { rungs = [], ...compiled } = prepared.compiled;
    for (const line of describeRungs(rungs, threads)) say(line);
    // Without the plans of the other rungs: each is a megabyte and more, and would stay as long as the run.
    return { prepared: { ...prepared, compiled }, isFrugal: frugal !== undefined };
  } catch (error) {
    if (!(error instanceof MemoryLimitError)) throw error;
    throw new UsageError(tooSmall(request, error, limitFor(error.leastBytes, all(needs)), inEngine));
  }
}

function tooSmall(
  { limit, engine }: Pick<Limited<unknown>, 'limit' | 'engine'>,
  { leastBytes }: MemoryLimitError,
  least: number,
  inEngine: number,
): string {
  const remedy = 'or use a smaller --batch or --size, or --micro-batch';
  if (leastBytes > inEngine) {
    return (
      `the smallest plan takes ${formatBytes(leastBytes)}, and the ${engine.name} engine has ` +
      `${formatBytes(inEngine)}: use another --engine, ${remedy}`
    );
  }
  const what =
    limit === undefined
      ? `the memory that is free here, ${formatMemorySize(defaultLimitBytes())}, is too little`
      : `--memory-limit ${formatMemorySize(limit)} is too small`;
  return `${what}: the smallest limit that works is ${formatMemorySize(least)}; use that, ${remedy}`;
}

/** `memory: computed again instead of kept: 16 convolutions of dense block 1 (…)`, for each choice. */
function describeRungs(rungs: readonly Rung[], threads: number): readonly string[] {
  const reports = rungReports(rungs, threads);
  return reports.slice(1).map(({ added, plannedPeakBytes, predictedSlowdown }, i) => {
    const before = reports[i]!;
    const saved = formatBytes(before.plannedPeakBytes - plannedPeakBytes);
    const slower = (100 * (predictedSlowdown - before.predictedSlowdown)).toFixed(1);
    return `memory: computed again instead of kept: ${added} (${saved} less, about ${slower}% slower)`;
  });
}
