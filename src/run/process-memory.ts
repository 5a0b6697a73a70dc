import { setsOf, type TrainTest } from '../data/dataset.ts';
import { batchBytes } from '../data/loader.ts';
import { type CompiledNetwork, stateBytes } from '../plan/compiled-network.ts';

const MIB = 2 ** 20;

/**
 * Resident memory of `densor bench` excluding its plan, with Node 20 on Linux x64 (measured 73 to 88 MiB): Node,
 * the code, and the small heap of src/cli/heap.ts.
 */
const BASE_BYTES = 84 * MIB;
/** Graph, plan and program on V8's heap (measured 7 KiB per record for the 3,088 records of densenet264). */
const BYTES_PER_RECORD = 7 * 2 ** 10;
/** A worker with its own V8 isolate and the kernels. */
const WASM_THREAD_BYTES = 17 * MIB;
/** Additional memory for drawing curves with two workers (15 to 45 MiB, varies between runs). */
const WASM_CHARTS_BYTES = 35 * MIB;
/** Modules for drawing curves, and garbage of plots before its collection. */
const CHARTS_BYTES = 56 * MIB;
/** The same after the plans were freed, including memory not returned to the system (measured 75 to 77 MiB). */
const CHARTS_AFTERWARDS_BYTES = 80 * MIB;
/** Amount of unreferenced arrays before V8 collects them: in training, copies of the state for checkpoints. */
const COPIES_BYTES = 64 * MIB;

/**
 * Inputs of the estimate of a process's memory excluding the plan of its network, known before large allocations.
 */
export interface ProcessNeeds {
  /** Name of the engine; each worker of `wasm` has a heap. */
  readonly engine: string;
  readonly threads: number;
  /** Size of the state in a checkpoint. */
  readonly stateBytes: number;
  /** Number of records of all programs. */
  readonly records: number;
  /** Pixels and labels in memory; absent: not a training run. */
  readonly dataBytes?: number;
  /** Buffers of the data loaders. */
  readonly loaderBytes?: number;
  /** When curves are drawn: while plans are in memory, or after they were freed; absent: never. */
  readonly charts?: 'meanwhile' | 'afterwards';
}

/** The needs that depend on the caller, not on engine and network. */
export type Needs = Omit<ProcessNeeds, 'engine' | 'threads' | keyof ReturnType<typeof networkNeeds>>;

/** Engines whose plans are in device memory; limits then count only the buffers of the device. */
const DEVICE_ENGINES: ReadonlySet<string> = new Set(['webgpu']);

/** Whether the plans of an engine are in device memory instead of that of the process. */
export function hasDeviceMemory(engine: string): boolean {
  return DEVICE_ENGINES.has(engine);
}

/** Estimated memory in bytes that counts for a limit, excluding the plan. */
export function bytesBesidePlan(needs: ProcessNeeds): number {
  if (hasDeviceMemory(needs.engine)) return 0;
  const { engine, threads, stateBytes, records, dataBytes, loaderBytes = 0, charts } = needs;
  const isTraining = dataBytes !== undefined;
  return (
    BASE_BYTES +
    records * BYTES_PER_RECORD +
    (engine === 'wasm' ? threads * WASM_THREAD_BYTES : 0) +
    (engine === 'wasm' && charts === 'meanwhile' ? WASM_CHARTS_BYTES : 0) +
    (charts === 'meanwhile' ? CHARTS_BYTES : 0) +
    (isTraining ? Math.min(stateBytes, COPIES_BYTES) : 0) +
    (dataBytes ?? 0) +
    loaderBytes
  );
}

/** The part of a process limit that remains for plans (`plannedPeakBytes`); negative if the limit is too small. */
export function planBudget(limitBytes: number, needs: ProcessNeeds): number {
  const left = limitBytes - bytesBesidePlan(needs);
  return left < leastBytesAfterwards(needs) ? Number.NEGATIVE_INFINITY : left;
}

/** The smallest limit with which plans of `planBytes` fit: the inverse of `planBudget`. */
export function limitFor(planBytes: number, needs: ProcessNeeds): number {
  return Math.max(planBytes, leastBytesAfterwards(needs)) + bytesBesidePlan(needs);
}

/** Memory for drawing curves at the end, after the plans were freed. */
function leastBytesAfterwards({ charts, engine }: ProcessNeeds): number {
  return !hasDeviceMemory(engine) && charts === 'afterwards' ? CHARTS_AFTERWARDS_BYTES : 0;
}

/** Minimum for reading photos. */
const LEAST_READING_BYTES = 32 * MIB;

/**
 * Divides a process limit for reading a folder of images: half for pixels, half for decoding. Of the latter, half is for
 * images that were decoded and not yet collected as garbage: with 64 threads that was 350 MiB of a limit of 1 GiB.
 */
export function readingMemory(limitBytes: number) {
  const half = Math.max(LEAST_READING_BYTES, (limitBytes - BASE_BYTES) / 2);
  return { memoryBytes: half, decoding: { bytes: half / 2, largestBytes: half } };
}

/** The needs of a compiled network. */
export function networkNeeds(network: CompiledNetwork): Pick<ProcessNeeds, 'stateBytes' | 'records'> {
  const programs = [...network.programs.values()];
  return {
    stateBytes: stateBytes(network),
    records: programs.reduce((sum, { plan }) => sum + plan.records.length, 0),
  };
}

/** The needs of a training run; and those with images in a temporary file and curves drawn at the end. */
export function trainingNeeds(
  data: TrainTest,
  of: { readonly size: number; readonly batch: number },
): { readonly needs: Needs; readonly frugal: Needs } {
  const inMemory = dataNeeds(data, of);
  return {
    needs: { charts: 'meanwhile', ...inMemory },
    frugal: { charts: 'afterwards', ...inMemory, dataBytes: 0 },
  };
}

/**
 * Of a training run's data sets, and of its loader. Pixels in a file are not in memory.
 * @param data before the validation images are taken: those stay where they are.
 */
export function dataNeeds(
  data: TrainTest,
  { size, batch }: { readonly size: number; readonly batch: number },
): Required<Pick<ProcessNeeds, 'dataBytes' | 'loaderBytes'>> {
  const sets = setsOf(data);
  const dataBytes = sets.reduce(
    (sum, { pixels, labels }) =>
      sum + labels.byteLength + (pixels instanceof Uint8Array ? pixels.byteLength : 0),
    0,
  );
  const loaders = sets.map((set) => batchBytes(set, { size: [size, size], batch }));
  // Evaluation uses the memory of training batches; if that is too small, it has its own.
  const [train = 0, ...others] = loaders;
  const own = others.filter((bytes) => bytes > train);
  return { dataBytes, loaderBytes: train + Math.max(0, ...own) };
}
