import type { Group } from '../distributed/group.ts';
import type { CompiledNetwork } from '../plan/compiled-network.ts';
import type { Target } from '../plan/target.ts';
import { InputError } from '../tensor/input-error.ts';

/** Numbers of any tensor that crosses the boundary: float64 from `reference`, float32 from the others. */
export type Numbers = Float32Array | Float64Array | Int32Array;

/** Numbers that are made piece after piece while they are written: they need not all exist at once. */
export interface NumberSource {
  readonly length: number;
  /** Fills `to` with the numbers from `at` on. */
  copyTo(to: Float32Array, at: number): void;
}

/** What a run is given. */
export type Input = Numbers | NumberSource;

export function isSource(input: Input): input is NumberSource {
  return !ArrayBuffer.isView(input);
}

/**
 * What a run answers, by name: every output of the program that is not state, such as `loss`, `correct`, `logits` or
 * feature maps that were asked for. The arrays are the caller's own.
 */
export type Outputs = ReadonlyMap<string, Float32Array | Float64Array>;

/** Numbers [start, end) of an input, without a copy. */
export function partOfInput(input: Input, start: number, end: number): Input {
  if (!isSource(input)) return input.subarray(start, end);
  return { length: end - start, copyTo: (to, at) => input.copyTo(to, start + at) };
}

/** More only wait for one another. */
export const MOST_THREADS = 256;

/** Runs compiled networks. Only the command line, the web worker and tests name a concrete one. */
export interface Engine {
  /** `reference`, `wasm`, … */
  readonly name: string;
  /** The instruction set in use: `float64`, `relaxed-simd`, `simd128`, … The same one gives the same bits. */
  readonly isa: string;
  readonly threads: number;
  /** What networks are to be compiled for (`CompileOptions.target`). */
  readonly target: Target;
  /** The most that a network may take in all. */
  readonly maxTotalBytes: number;
  /**
   * Reserves memory for the network's state and for the largest of its programs.
   * @param group of which this session is one rank, where programs are shares (`ProgramRequest.ranks`). Default: none.
   * @throws EngineError
   */
  open(network: CompiledNetwork, group?: Group): Promise<Session>;
  /** How fast this machine can be with this instruction set and these threads; takes about a second. */
  measurePeak?(): Promise<MachinePeak>;
  /** Ends its threads and frees its memory; sessions that are still open end with it. */
  close(): Promise<void>;
}

/** What no kernel can beat: multiply-adds from registers (2 operations each), and memory larger than the caches. */
export interface MachinePeak {
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
}

/**
 * A network in an engine's memory. Feature maps cross this boundary as dense N, H, W, C; state and its
 * gradients in PyTorch's layout (conv O, I, kH, kW; linear O, I). One call at a time.
 */
export interface Session {
  /**
   * Resolves to a copy of a parameter or running statistic by its name, or of a gradient as `grad.NAME`; rejects with
   * EngineError when there is no such tensor.
   */
  read(name: string): Promise<Float32Array | Float64Array>;
  /** Replaces a parameter or running statistic; throws EngineError when the name or the length is wrong. */
  write(name: string, numbers: ArrayLike<number>): void;
  /**
   * Runs one program with its inputs (`images` float32, `labels` int32, …); resolves to its outputs. Never blocks the
   * calling thread. Inputs are copied before the promise is returned: their memory may be filled anew while the program
   * runs.
   * @throws NonFiniteError when statistics, loss or gradients were not finite; the state is then unchanged.
   */
  run(program: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): Promise<Outputs>;
  /** Like `run`; resolves to the milliseconds of each record of the program's plan. Where an engine can tell. */
  profile?(
    program: string,
    inputs: Readonly<Record<string, Input>>,
    scalars?: RunScalars,
  ): Promise<Float64Array>;
  close(): Promise<void>;
}

/** What may change from step to step without another program. */
export interface RunScalars {
  /** Required where a program updates parameters. */
  readonly learningRate: number;
  /** The number of this step, from 1 (the default): what AdamW and moving averages make up for their start by. */
  readonly step?: number;
  /** Of the step's random numbers (what dropout leaves out): 32 bits. Default 0. */
  readonly stepSeed?: number;
  /** Where in the step's batch the images of this run begin: dropout counts on from there. Default 0. */
  readonly firstImage?: number;
}

/** An engine cannot do what was asked: missing, out of memory, wrong name or size. */
export class EngineError extends InputError {
  override readonly name: string = 'EngineError';
}

/** NaN or infinity appeared in a run: of the errors of an engine the one that is no error of input, so it is asked for first. */
export class NonFiniteError extends EngineError {
  override readonly name = 'NonFiniteError';
  /** The layer in which it was first seen. */
  readonly layer: string;
  /** `loss`, `statistics` or `gradient`. */
  readonly quantity: string;

  constructor(layer: string, quantity: string) {
    super(`NaN or infinity in the ${quantity} of layer ${layer}`);
    this.layer = layer;
    this.quantity = quantity;
  }
}
