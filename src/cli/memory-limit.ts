import type { Compiled, MemoryBudget } from '../compile.ts';
import type { Engine } from '../engine/engine.ts';
import { defaultLimitBytes } from '../io/machine-memory.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import { MemoryLimitError } from '../plan/memory/error.ts';
import { ShapeError } from '../tensor/shape.ts';
import { limitFor, networkNeeds, type ProcessNeeds, planBudget } from '../train/process-memory.ts';
import type { StepForm, StepForms } from '../train/step-form.ts';
import { UsageError } from './errors.ts';
import { formatBytes } from './format.ts';
import { describeChoices } from './memory-choices.ts';
import { formatMemorySize } from './memory-size.ts';
import { say } from './terminal.ts';

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
  /** Images of a step. */
  readonly batch: number;
  readonly isInference?: boolean;
  readonly forms: StepForms;
  /** @throws MemoryLimitError; ShapeError where micro-batches are too small for the network's batch norms. */
  compile(form: StepForm, memory?: MemoryBudget): T;
}

type Needs = Omit<ProcessNeeds, 'engine' | 'threads' | keyof ReturnType<typeof networkNeeds>>;

/** What was compiled, in which form, and whether the process has to be frugal beside it. */
export interface WithinLimit<T> {
  readonly prepared: T;
  readonly form: StepForm;
  readonly isFrugal: boolean;
}

/**
 * Compiles for a limit of the whole process: as it comes where that fits, else frugally, then in the forms that the
 * user allows and with results computed again instead of kept; says which. Nothing large is allocated before.
 * @throws UsageError naming the smallest limit that works.
 */
export function withinLimit<T extends { readonly compiled: Compiled }>(request: Limited<T>): WithinLimit<T> {
  const { limit = defaultLimitBytes(), engine, frugal, forms, compile } = request;
  const { name, threads } = engine;
  const plain = compile(forms.preferred);
  const { network } = plain.compiled;
  const all = (needs: Needs) => ({ engine: name, threads, ...networkNeeds(network), ...needs });
  const inEngine = engine.maxTotalBytes - ENGINE_BYTES;
  const budget = (needs: Needs) => Math.min(inEngine, planBudget(limit, all(needs)));
  const planned = networkPeakBytes(network, threads);
  const asItComes = { prepared: plain, form: forms.preferred };
  if (planned <= budget(request.needs)) return { ...asItComes, isFrugal: false };
  const { needs } = frugal ?? request;
  const bytes = budget(needs);
  try {
    const fits = planned <= bytes ? asItComes : firstThatFits(request, { bytes, threads });
    if (frugal) say(`memory: ${frugal.describe}`);
    for (const line of describeChoices(asItComes, fits, request.batch, threads)) say(line);
    const { rungs: _, ...compiled } = fits.prepared.compiled;
    // Without the plans of the other rungs: each is a megabyte and more, and would stay as long as the run.
    return { form: fits.form, prepared: { ...fits.prepared, compiled }, isFrugal: frugal !== undefined };
  } catch (error) {
    if (!(error instanceof MemoryLimitError)) throw error;
    throw new UsageError(tooSmall(request, error, limitFor(error.leastBytes, all(needs)), inEngine));
  }
}

type Fitting<T> = Pick<WithinLimit<T>, 'prepared' | 'form'>;

/** @throws MemoryLimitError with the bytes of the smallest. */
function firstThatFits<T>({ forms, compile }: Limited<T>, memory: MemoryBudget): Fitting<T> {
  let smallest: MemoryLimitError | undefined;
  for (const form of forms.fallbacks) {
    try {
      return { prepared: compile(form, memory), form };
    } catch (error) {
      if (error instanceof ShapeError && smallest) break; // Fewer images at a time are none.
      if (!(error instanceof MemoryLimitError)) throw error;
      if (!smallest || error.leastBytes < smallest.leastBytes) smallest = error;
    }
  }
  throw smallest!;
}

function tooSmall(
  { limit, engine, forms, isInference }: Limited<unknown>,
  { leastBytes }: MemoryLimitError,
  least: number,
  inEngine: number,
): string {
  const { preferred, fallbacks } = forms;
  const allowed = [
    ...(fallbacks[0]?.precision === 'f32' ? ['--precision auto'] : []),
    ...(fallbacks.length > 1 || preferred.microBatch !== undefined || isInference
      ? []
      : ['--micro-batch auto']),
  ];
  const remedy = `or ${allowed.map((option) => `${option}, or `).join('')}a smaller --batch or --size`;
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
