import type { Group } from '../distributed/group.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import type { Target } from '../plan/target.ts';
import { InputError } from '../tensor/input-error.ts';

/** Elements of a tensor passed to or from an engine: float64 from `reference`, float32 from the others. */
export type Numbers = Float32Array | Float64Array | Int32Array;

/** Numbers that are filled lazily, in chunks: they need not all be in memory at once. */
export interface NumberSource {
  readonly length: number;
  /** Fills `to` with the numbers from index `at` on. */
  copyTo(to: Float32Array, at: number): void;
  /** The same numbers as bytes, where they are such: an engine may copy these, a quarter of the memory. */
  readonly encoded?: EncodedNumbers;
}

/** Numbers as bytes: number i is `tables[i % tables.length][bytes[i]]`. */
export interface EncodedNumbers {
  readonly bytes: Uint8Array;
  /** 256 numbers for each channel. */
  readonly tables: readonly Float32Array[];
}

/** An input of a run. */
export type Input = Numbers | NumberSource;

export function isSource(input: Input): input is NumberSource {
  return !ArrayBuffer.isView(input);
}

/**
 * Results of a run, by name: every output of the program that is not state, such as `loss`, `correct`, `logits` or
 * requested feature maps. The caller owns the arrays.
 */
export type Outputs = ReadonlyMap<string, Float32Array | Float64Array>;

/** Elements [start, end) of an input, without a copy. */
export function partOfInput(input: Input, start: number, end: number): Input {
  if (!isSource(input)) return input.subarray(start, end);
  const { encoded } = input;
  const isWhole = encoded !== undefined && start % encoded.tables.length === 0; // Begins with the first channel.
  return {
    length: end - start,
    copyTo: (to, at) => input.copyTo(to, start + at),
    ...(isWhole && { encoded: { ...encoded, bytes: encoded.bytes.subarray(start, end) } }),
  };
}

/** With more threads, waiting dominates. */
export const MOST_THREADS = 256;

/** Runs compiled networks. Only the command line, the web worker and tests create a concrete one. */
export interface Engine {
  /** `reference`, `wasm`, … */
  readonly name: string;
  /** The instruction set in use: `float64`, `relaxed-simd`, `simd128`, … The same one gives bit-identical results. */
  readonly isa: string;
  readonly threads: number;
  /** The target to compile networks for (`CompileOptions.target`). */
  readonly target: Target;
  /** Largest total memory of a network in bytes. */
  readonly maxTotalBytes: number;
  /**
   * Reserves memory for the network's state and for the largest of its programs.
   * @param group in which this session is one rank, for programs that are shares of a batch (`ProgramRequest.ranks`).
   * Default: none.
   * @throws EngineError
   */
  open(network: CompiledNetwork, group?: Group): Promise<Session>;
  /** Measures the peak rates of this machine with this instruction set and these threads; takes about a second. */
  measurePeak?(): Promise<MachinePeak>;
  /** Ends its threads and frees its memory; sessions that are still open are closed too. */
  close(): Promise<void>;
}

/**
 * Upper bounds for any kernel: multiply-adds from registers (2 operations each), and bandwidth of memory larger than
 * the caches.
 */
export interface MachinePeak {
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * A network in an engine's memory. Feature maps are passed as dense N, H, W, C; state and its gradients in PyTorch's
 * layout (conv O, I, kH, kW; linear O, I). One call at a time, except for `runsAtOnce`.
 */
export interface Session {
  /**
   * Number of runs that may be unfinished at the same time; they take effect and resolve in the order of the calls. If
   * one fails, those behind it change no state and reject with the same error. Default: 1.
   */
  readonly runsAtOnce?: number;
  /**
   * Resolves to a copy of a parameter or running statistic by its name, or of a gradient as `grad.NAME`; rejects with
   * EngineError when there is no such tensor.
   */
  read(name: string): Promise<Float32Array | Float64Array>;
  /** Replaces a parameter or running statistic; throws EngineError when the name or the length is wrong. */
  write(name: string, numbers: ArrayLike<number>): void;
  /**
   * Runs one program with its inputs (`images` float32, `labels` int32, …); resolves to its outputs. Never blocks the
   * calling thread. Inputs are copied before the promise is returned: the caller may overwrite them while the program
   * runs.
   * @throws NonFiniteError when statistics, loss or gradients were not finite; the state is then unchanged.
   */
  run(program: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): Promise<Outputs>;
  /**
   * Like `run`, with the same bits; measures the time of each record too. Absent if the engine cannot measure it.
   */
  profile?(
    program: string,
    inputs: Readonly<Record<string, Input>>,
    scalars?: RunScalars,
  ): Promise<ProfiledRun>;
  /** Frees the memory of this session. */
  close(): Promise<void>;
}

/** A run, and the time that it took. */
export interface ProfiledRun {
  readonly outputs: Outputs;
  /** Milliseconds of each record of the program's plan. */
  readonly durations: Float64Array;
}

/** Values that may change from step to step without recompiling. */
export interface RunScalars {
  /** Required where a program updates parameters. */
  readonly learningRate: number;
  /** The number of this step, from 1 (the default): AdamW and moving averages use it for bias correction. */
  readonly step?: number;
  /** Seed of the step's random numbers (dropout): 32 bits. Default 0. */
  readonly stepSeed?: number;
  /** Index in the step's batch of this run's first image: dropout masks depend on it. Default 0. */
  readonly firstImage?: number;
}

/** An engine cannot do what was requested: missing, out of memory, wrong name or size. */
export class EngineError extends InputError {
  override readonly name: string = 'EngineError';
}

/** The host refuses the memory of a session: a plan that takes less may still run. */
export class AllocationError extends EngineError {
  override readonly name: string = 'AllocationError';
}

/** The device of an engine is gone: its driver was reset, a watchdog ended a long computation, or it was removed. */
export class DeviceLostError extends EngineError {
  override readonly name = 'DeviceLostError';
}

/** A device has too little memory for a network; a network that needs less may fit. */
export class DeviceMemoryError extends AllocationError {
  override readonly name = 'DeviceMemoryError';
  /** Bytes that could not be allocated. */
  readonly bytes: number;

  constructor(bytes: number) {
    super(
      `the GPU cannot allocate ${Math.ceil(bytes / 2 ** 20)} MiB: use a smaller batch or image size, or set a memory limit`,
    );
    this.bytes = bytes;
  }
}

/**
 * NaN or infinity appeared in a run. The only engine error that is not an error of input, so callers test for it
 * first.
 */
export class NonFiniteError extends EngineError {
  override readonly name = 'NonFiniteError';
  /** The layer in which it first appeared. */
  readonly layer: string;
  /** `loss`, `statistics` or `gradient`. */
  readonly quantity: string;

  constructor(layer: string, quantity: string) {
    super(`NaN or infinity in the ${quantity} of layer ${layer}`);
    this.layer = layer;
    this.quantity = quantity;
  }
}
