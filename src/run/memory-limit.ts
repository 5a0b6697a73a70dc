import type { Compiled, MemoryBudget } from '../compile.ts';
import type { Engine } from '../engine/engine.ts';
import { defaultLimitBytes } from '../node/machine-memory.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import { MemoryLimitError } from '../plan/memory/error.ts';
import { ShapeError } from '../tensor/shape.ts';
import type { StepForm, StepForms } from '../train/step-form.ts';
import { hasDeviceMemory, limitFor, type Needs, networkNeeds, planBudget } from './process-memory.ts';

/** What is left of an engine's own memory beside plans: programs, stacks, what its module holds. */
const ENGINE_BYTES = 32 * 2 ** 20;

export interface LimitRequest<T> {
  /** Of the whole process in bytes, or of the buffers of a graphics card; undefined: what the machine has free. */
  readonly limit: number | undefined;
  readonly engine: Engine;
  /** Beside the network's state. */
  readonly needs: Needs;
  /** With what takes less at hardly any cost in time: tried before anything is recomputed. */
  readonly frugal?: Needs;
  readonly forms: StepForms;
  /** @throws MemoryLimitError; ShapeError where micro-batches are too small for the network's batch norms. */
  compile(form: StepForm, memory?: MemoryBudget): T;
}

/** What was compiled, and in which form. */
export interface Choice<T> {
  readonly prepared: T;
  readonly form: StepForm;
}

export interface WithinLimit<T> extends Choice<T> {
  /** Whether the process has to be frugal beside its plan. */
  readonly isFrugal: boolean;
  /** The step as it comes, where it does not fit: to say what was chosen instead. */
  readonly instead?: Choice<T>;
}

/** The limit of a process is too small, whatever is done. */
export class ProcessLimitError extends Error {
  override readonly name = 'ProcessLimitError';
  /** The smallest limit that works. */
  readonly leastLimitBytes: number;
  /** Bytes of the smallest plan, and what the engine has for plans: the limit is not at fault where that is less. */
  readonly leastPlanBytes: number;
  readonly engineBytes: number;

  constructor(leastLimitBytes: number, leastPlanBytes: number, engineBytes: number) {
    super(
      `the memory limit of the process is too small: the smallest limit that works is ${leastLimitBytes} bytes`,
    );
    this.leastLimitBytes = leastLimitBytes;
    this.leastPlanBytes = leastPlanBytes;
    this.engineBytes = engineBytes;
  }
}

/**
 * Compiles for a limit of the whole process: as it comes where that fits, else frugally, then in the forms that the
 * user allows and with results recomputed instead of kept. Nothing large is allocated before.
 * @throws ProcessLimitError
 */
export function chooseForm<T extends { readonly compiled: Compiled }>(
  request: LimitRequest<T>,
): WithinLimit<T> {
  const { engine, frugal, forms, compile } = request;
  const { name, threads } = engine;
  // A device cannot be asked what it has free.
  const { limit = hasDeviceMemory(name) ? Number.POSITIVE_INFINITY : defaultLimitBytes() } = request;
  const plain = compile(forms.preferred);
  const { network } = plain.compiled;
  const all = (needs: Needs) => ({ engine: name, threads, ...networkNeeds(network), ...needs });
  const inEngine = engine.maxTotalBytes - ENGINE_BYTES;
  const budget = (needs: Needs) => Math.min(inEngine, planBudget(limit, all(needs)));
  const planned = networkPeakBytes(network, threads);
  const instead = { prepared: plain, form: forms.preferred };
  if (planned <= budget(request.needs)) return { ...instead, isFrugal: false };
  const needs = frugal ?? request.needs;
  const bytes = budget(needs);
  try {
    const fits = planned <= bytes ? instead : firstThatFits(request, { bytes, threads });
    return { ...fits, isFrugal: frugal !== undefined, instead };
  } catch (error) {
    if (!(error instanceof MemoryLimitError)) throw error;
    const { leastBytes } = error;
    throw new ProcessLimitError(limitFor(leastBytes, all(needs)), leastBytes, inEngine);
  }
}

/** @throws MemoryLimitError with the bytes of the smallest. */
function firstThatFits<T>({ forms, compile }: LimitRequest<T>, memory: MemoryBudget): Choice<T> {
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
