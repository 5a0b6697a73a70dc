import type { Compiled, MemoryBudget } from '../compile.ts';
import type { Engine } from '../engine/engine.ts';
import { defaultLimitBytes } from '../node/machine-memory.ts';
import { networkPeakBytes } from '../plan/compiled-network.ts';
import { MemoryLimitError } from '../plan/memory/error.ts';
import { ShapeError } from '../tensor/shape.ts';
import type { StepForm, StepForms } from '../train/step-form.ts';
import { hasDeviceMemory, limitFor, type Needs, networkNeeds, planBudget } from './process-memory.ts';

/**
 * Part of an engine's address space that is not available for plans: programs, stacks, static data of its module.
 */
const ENGINE_BYTES = 32 * 2 ** 20;

export interface LimitRequest<T> {
  /** Limit of the whole process, or of the buffers of a GPU, in bytes; undefined: the available memory. */
  readonly limit: number | undefined;
  readonly engine: Engine;
  /** Memory in addition to the state of the network. */
  readonly needs: Needs;
  /** The same with measures that save memory at little cost in time; tried before rematerialization. */
  readonly frugal?: Needs;
  readonly forms: StepForms;
  /** @throws MemoryLimitError; ShapeError if micro-batches are too small for the batch norms of the network. */
  compile(form: StepForm, memory?: MemoryBudget): T;
}

/** The compiled network, and the form of its step. */
export interface Choice<T> {
  readonly prepared: T;
  readonly form: StepForm;
}

export interface WithinLimit<T> extends Choice<T> {
  /** Whether the `frugal` needs were used. */
  readonly isFrugal: boolean;
  /** The preferred form, if it does not fit, for messages. */
  readonly instead?: Choice<T>;
}

/** The limit of the process is too small for all forms. */
export class ProcessLimitError extends Error {
  override readonly name = 'ProcessLimitError';
  /** The smallest limit that works. */
  readonly leastLimitBytes: number;
  /**
   * Bytes of the smallest plan, and those the engine can use for plans; if the latter is less, no limit suffices.
   */
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
 * Compiles for a limit of the whole process: the preferred form if it fits, otherwise with the `frugal` needs,
 * then in the forms that the user allows, each with rematerialization. Large buffers are allocated later.
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

/** The first form that fits. @throws MemoryLimitError with the bytes of the smallest. */
function firstThatFits<T>({ forms, compile }: LimitRequest<T>, memory: MemoryBudget): Choice<T> {
  let smallest: MemoryLimitError | undefined;
  for (const form of forms.fallbacks) {
    try {
      return { prepared: compile(form, memory), form };
    } catch (error) {
      if (error instanceof ShapeError && smallest) break; // Micro-batches cannot be smaller.
      if (!(error instanceof MemoryLimitError)) throw error;
      if (!smallest || error.leastBytes < smallest.leastBytes) smallest = error;
    }
  }
  throw smallest!;
}
