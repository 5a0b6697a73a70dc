import { setsOf, type TrainTest } from '../data/dataset.ts';
import { batchBytes } from '../data/loader.ts';
import { type CompiledNetwork, stateBytes } from '../plan/compiled-network.ts';

const MIB = 2 ** 20;

/**
 * Resident bytes of `densor bench` beyond its plan, with Node 20 on Linux x64 (measured 73 to 88):
 * Node, our code, and the small heap of src/cli/heap.ts.
 */
const BASE_BYTES = 84 * MIB;
/** Graph, plan and program on V8's heap (measured 7 KiB of densenet264's 3,088 records). */
const BYTES_PER_RECORD = 7 * 2 ** 10;
/** A worker with its own V8 and the kernels. */
const WASM_THREAD_BYTES = 17 * MIB;
/** Drawing curves beside its workers, two threads: from run to run 15 to 45. */
const WASM_CHARTS_BYTES = 35 * MIB;
/** What drawing curves loads, and what pictures leave behind until they are collected. */
const CHARTS_BYTES = 56 * MIB;
/** The same when the plans are gone, of which not all has come back to the system: measured 75 to 77. */
const CHARTS_AFTERWARDS_BYTES = 80 * MIB;
/** V8 collects arrays that nobody holds when they are this many: in training, copies of state for checkpoints. */
const COPIES_BYTES = 64 * MIB;

/** What a process holds beside the plan of its network, as far as that is known before anything large is there. */
export interface ProcessNeeds {
  /** Name of the engine: workers of `wasm` have a heap each. */
  readonly engine: string;
  readonly threads: number;
  /** Of all that a checkpoint holds. */
  readonly stateBytes: number;
  /** Of all programs. */
  readonly records: number;
  /** Pixels and labels that stay in memory, of a training run; absent: it is not one. */
  readonly dataBytes?: number;
  /** Of batches on their way to the engine. */
  readonly loaderBytes?: number;
  /** When curves are drawn: while plans are in memory, or when they are gone; absent: never. */
  readonly charts?: 'meanwhile' | 'afterwards';
}

/** What only whoever starts the work knows. */
export type Needs = Omit<ProcessNeeds, 'engine' | 'threads' | keyof ReturnType<typeof networkNeeds>>;

/** Engines whose plans are in the memory of a device: limits count its buffers alone. */
const DEVICE_ENGINES: ReadonlySet<string> = new Set(['webgpu']);

/** True if the plans of an engine are in a device's memory, not in that of the process. */
export function hasDeviceMemory(engine: string): boolean {
  return DEVICE_ENGINES.has(engine);
}

/** Bytes of the process beside its plan, as far as a limit counts them. */
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

/** What a limit of the whole process leaves to its plans (`plannedPeakBytes`); negative where it is too small. */
export function planBudget(limitBytes: number, needs: ProcessNeeds): number {
  const left = limitBytes - bytesBesidePlan(needs);
  return left < leastBytesAfterwards(needs) ? Number.NEGATIVE_INFINITY : left;
}

/** The least limit under which plans of so many bytes fit: the inverse of `planBudget`. */
export function limitFor(planBytes: number, needs: ProcessNeeds): number {
  return Math.max(planBytes, leastBytesAfterwards(needs)) + bytesBesidePlan(needs);
}

/** Curves that wait for the end take the place of the plans. */
function leastBytesAfterwards({ charts, engine }: ProcessNeeds): number {
  return !hasDeviceMemory(engine) && charts === 'afterwards' ? CHARTS_AFTERWARDS_BYTES : 0;
}

/** Below this hardly any photo could be read. */
const LEAST_READING_BYTES = 32 * MIB;

/** What a limit of the whole process leaves to a folder of images that is read: half to what stays, half to decoding. */
export function readingMemory(limitBytes: number) {
  const half = Math.max(LEAST_READING_BYTES, (limitBytes - BASE_BYTES) / 2);
  return { memoryBytes: half, decoding: { bytes: half, largestBytes: half } };
}

/** Of what is to be run. */
export function networkNeeds(network: CompiledNetwork): Pick<ProcessNeeds, 'stateBytes' | 'records'> {
  const programs = [...network.programs.values()];
  return {
    stateBytes: stateBytes(network),
    records: programs.reduce((sum, { plan }) => sum + plan.records.length, 0),
  };
}

/** Of a training run as it comes; and with its images in a temporary file, and curves drawn when it has ended. */
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
  // Tests are made in the memory of training batches; where that is too small they have their own.
  const [train = 0, ...others] = loaders;
  const own = others.filter((bytes) => bytes > train);
  return { dataBytes, loaderBytes: train + Math.max(0, ...own) };
}
