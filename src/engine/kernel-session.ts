import type { CompiledNetwork } from '../plan/compiled-network.ts';
import type { Port } from '../plan/plan.ts';
import type { Program } from '../plan/program.ts';
import { asFeatureMap, elementCount } from '../tensor/shape.ts';
import { EngineError, NonFiniteError, type Numbers, type RunScalars, type Session } from './engine.ts';
import type { MemoryMap } from './memory-map.ts';

/** Memory that the C++ kernels work in, and the threads that run them: all that WASM and native differ in. */
export interface KernelMemory {
  /** A copy of `floats` numbers from byte `at` on. */
  read(at: number, floats: number): Float32Array;
  write(at: number, numbers: Float32Array | Int32Array | Uint32Array): void;
  /** Runs the records of a program (kernels/run.h) on every thread. */
  run(call: KernelCall): Promise<void>;
  /** Calls a kernel of kernels/base/machine_peak.h on every thread; gives the least of what they return. */
  peak(call: PeakCall): Promise<number>;
  close(): Promise<void>;
}

/** Byte addresses, and the number of records. */
export interface KernelCall extends Pick<MemoryMap, 'persistent' | 'transient' | 'scalars' | 'control'> {
  /** The slab of what was made of the state. */
  readonly prepared: number;
  readonly program: number;
  readonly records: number;
  /** Where the first thread writes each record's milliseconds; undefined: not wanted. */
  readonly durations: number | undefined;
  /** Of each thread. */
  readonly scratch: readonly number[];
}

export const PEAK_KERNELS = ['peakMultiplyAdd', 'peakRead', 'peakTriad'] as const;
export type PeakKernel = (typeof PEAK_KERNELS)[number];

export interface PeakCall {
  readonly kernel: PeakKernel;
  /** Byte addresses: a control block, and each thread's own memory. */
  readonly control: number;
  readonly at: readonly number[];
  /** Repeats of the multiply-adds, or floats of memory. */
  readonly amount: number;
}

/** Index of `failedRecord` in the control block (kernels/base/context.h), in words. */
const FAILED_RECORD = 4;
const CONTROL_WORDS = 5;

/** The run's scalars as kernels find them (kernels/base/context.h): two floats, then an integer. */
function scalarWords(
  { learningRate, step = 1, stepSeed = 0 }: RunScalars = { learningRate: 0 },
): Uint32Array {
  const words = new Uint32Array(3);
  new Float32Array(words.buffer).set([learningRate, step]);
  words[2] = stepSeed;
  return words;
}

/** A network in the memory of the C++ kernels. */
export class KernelSession implements Session {
  readonly #network: CompiledNetwork;
  readonly #map: MemoryMap;
  readonly #memory: KernelMemory;
  readonly #bufferOffsets = new Map<string, ReadonlyMap<number, number>>();
  /** Slabs that hold what their programs make of the state as it is now. */
  readonly #fresh = new Set<number>();
  #last: string | undefined;

  constructor(network: CompiledNetwork, map: MemoryMap, memory: KernelMemory) {
    this.#network = network;
    this.#map = map;
    this.#memory = memory;
    for (const [name, { plan, program, prepare }] of network.programs) {
      memory.write(map.programs.get(name)!, program.words);
      memory.write(map.prepares.get(name)!, prepare.words);
      const slabs = { ...map, prepared: map.prepared.get(name)! };
      const offsets = plan.buffers.map(({ id, slab, offset }) => [id, slabs[slab] + offset] as const);
      this.#bufferOffsets.set(name, new Map(offsets));
    }
  }

  read(name: string): Float32Array {
    const { at, count } = this.#stateTensor(name);
    return this.#memory.read(at, count);
  }

  write(name: string, numbers: ArrayLike<number>): void {
    const { at, count } = this.#stateTensor(name);
    if (numbers.length !== count) {
      throw new EngineError(`${name} has ${count} numbers, got ${numbers.length}`);
    }
    this.#fresh.clear();
    this.#memory.write(at, Float32Array.from(numbers));
  }

  run(program: string, inputs: Readonly<Record<string, Numbers>>, scalars?: RunScalars): Promise<void> {
    return this.#execute(program, inputs, scalars, undefined);
  }

  async profile(
    program: string,
    inputs: Readonly<Record<string, Numbers>>,
    scalars?: RunScalars,
  ): Promise<Float64Array> {
    const { durations } = this.#map;
    await this.#execute(program, inputs, scalars, durations);
    const { recordCount } = this.#network.programs.get(program)!.program;
    return new Float64Array(this.#memory.read(durations, 2 * recordCount).buffer);
  }

  async #execute(
    program: string,
    inputs: Readonly<Record<string, Numbers>>,
    scalars: RunScalars | undefined,
    durations: number | undefined,
  ): Promise<void> {
    const compiled = this.#network.programs.get(program);
    if (!compiled) throw new EngineError(`the network has no program called ${program}`);
    const { scalars: scalarsAt, control, programs, prepares } = this.#map;
    const prepared = this.#map.prepared.get(program)!;
    if (compiled.prepare.recordCount > 0 && !this.#fresh.has(prepared)) {
      await this.#call(prepares.get(program)!, compiled.prepare, prepared, undefined);
      this.#fresh.add(prepared);
    }
    if (compiled.graph.updates.size > 0) this.#fresh.clear();
    for (const [name, port] of compiled.plan.inputs) this.#writeInput(program, name, port, inputs[name]);
    this.#memory.write(scalarsAt, scalarWords(scalars));
    this.#last = program;
    await this.#call(programs.get(program)!, compiled.program, prepared, durations);
    const failed = new Uint32Array(this.#memory.read(control, CONTROL_WORDS).buffer)[FAILED_RECORD]!;
    if (failed > 0) {
      const { layer, record } = compiled.plan.records[failed - 1]!;
      const quantities: Readonly<Record<string, string>> = {
        finalizeStatistics: 'statistics',
        crossEntropy: 'loss',
        clipScale: 'gradient norm',
      };
      throw new NonFiniteError(layer, quantities[record.kind] ?? 'gradient');
    }
  }

  output(name: string): Float32Array {
    const program = this.#last ?? '';
    const port = this.#network.programs.get(program)?.plan.outputs.get(name);
    if (!port) throw new EngineError(`no output called ${name}: the last program was '${program}'`);
    const { view, shape } = port;
    const at = this.#bufferOffsets.get(program)!.get(view.address!)! + view.offset * 4;
    const count = elementCount(shape);
    if (shape.length === 1) return this.#memory.read(at, count);
    const [n, c, h, w] = asFeatureMap(shape);
    const pixels = n * h * w;
    const padded = this.#memory.read(at, (pixels - 1) * view.stride + c);
    const dense = new Float32Array(count);
    for (let pixel = 0; pixel < pixels; pixel++) {
      dense.set(padded.subarray(pixel * view.stride, pixel * view.stride + c), pixel * c);
    }
    return dense;
  }

  async close(): Promise<void> {
    await this.#memory.close();
  }

  async #call(
    program: number,
    { recordCount: records }: Program,
    prepared: number,
    durations: number | undefined,
  ): Promise<void> {
    const { persistent, transient, scratch, scalars, control } = this.#map;
    this.#memory.write(control, new Uint32Array(CONTROL_WORDS));
    const slabs = { persistent, transient, prepared };
    await this.#memory.run({ ...slabs, scratch, scalars, control, program, records, durations });
  }

  #writeInput(program: string, name: string, port: Port, numbers: Numbers | undefined): void {
    const count = elementCount(port.shape);
    if (numbers?.length !== count) {
      throw new EngineError(`input ${name} wants ${count} numbers, got ${numbers?.length ?? 'none'}`);
    }
    const at = this.#bufferOffsets.get(program)!.get(port.view.address!);
    if (at === undefined) return; // Nothing of this program reads it.
    this.#memory.write(at, numbers instanceof Float64Array ? Float32Array.from(numbers) : numbers);
  }

  #stateTensor(name: string): { readonly at: number; readonly count: number } {
    const shape = this.#network.layout.shapes.get(name);
    if (!shape) throw new EngineError(`the network has no tensor called ${name}`);
    const at = this.#map.persistent + this.#network.layout.offsets.get(name)!;
    return { at, count: elementCount(shape) };
  }
}
