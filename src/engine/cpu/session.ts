import type { Group } from '../../distributed/group.ts';
import { NO_GROUP } from '../../distributed/none.ts';
import type { CompiledNetwork, CompiledProgram } from '../../plan/compiled-network.ts';
import type { Port } from '../../plan/plan.ts';
import type { Collective } from '../../plan/target.ts';
import { CONTROL_WORDS, controlWord, type PEAK_KERNELS, SCALARS } from '../../target/cpu/constants.ts';
import { narrowToBfloat16, widenBfloat16 } from '../../tensor/bfloat16.ts';
import { asFeatureMap, elementCount, type Shape } from '../../tensor/shape.ts';
import {
  EngineError,
  type Input,
  isSource,
  NonFiniteError,
  type Outputs,
  type ProfiledRun,
  type RunScalars,
  type Session,
} from '../engine.ts';
import { requireCount, requireInputs, requireProgram, requireScalars, requireTensor } from '../inputs.ts';
import { scalarsOfRank } from '../ranks.ts';
import type { MemoryMap } from './memory-map.ts';

/** The memory and threads of the C++ kernels: the only difference between WASM and native. */
export interface KernelMemory {
  /** A copy of `floats` float32 numbers from byte `at` on. */
  read(at: number, floats: number): Float32Array;
  write(at: number, numbers: Float32Array | Int32Array | Uint32Array): void;
  /** Runs the records of a program (kernels/run.h) on every thread. */
  run(call: KernelCall): Promise<void>;
  /** Calls a kernel of kernels/base/machine_peak.h on every thread; resolves to the minimum of the results. */
  peak(call: PeakCall): Promise<number>;
  close(): Promise<void>;
}

/** Byte addresses, and the number of records. */
export interface KernelCall extends Pick<MemoryMap, 'persistent' | 'transient' | 'scalars' | 'control'> {
  /** The slab of prepared buffers. */
  readonly prepared: number;
  readonly program: number;
  readonly records: number;
  /** Where the first thread writes each record's milliseconds; undefined: not measured. */
  readonly durations: number | undefined;
  /** Scratch of each thread. */
  readonly scratch: readonly number[];
}

export type PeakKernel = (typeof PEAK_KERNELS)[number];

export interface PeakCall {
  readonly kernel: PeakKernel;
  /** Byte addresses: a control block, and each thread's own memory. */
  readonly control: number;
  readonly at: readonly number[];
  /** Repeats of the multiply-adds, or floats of memory. */
  readonly amount: number;
}

const FAILED_RECORD = controlWord('failedRecord');
const SCALAR_NAMES = Object.keys(SCALARS) as readonly (keyof typeof SCALARS)[];
/** Floats that fit in the L1 cache. */
const PIECE_FLOATS = 4096;

/** The run's scalars in the layout of the kernels. */
function scalarWords({ learningRate, step = 1, stepSeed = 0, firstImage = 0 }: RunScalars): Uint32Array {
  const values = { learningRate, step, stepSeed, firstImage };
  const words = new Uint32Array(SCALAR_NAMES.length);
  const floats = new Float32Array(words.buffer);
  for (const [i, name] of SCALAR_NAMES.entries()) {
    (SCALARS[name] === 'f32' ? floats : words)[i] = values[name];
  }
  return words;
}

/** A network in the memory of the C++ kernels. */
export class KernelSession implements Session {
  readonly #network: CompiledNetwork;
  readonly #map: MemoryMap;
  readonly #memory: KernelMemory;
  readonly #group: Group;
  readonly #bufferOffsets = new Map<string, ReadonlyMap<number, number>>();
  /** Staging buffer for a part of an input. */
  readonly #piece = new Float32Array(PIECE_FLOATS);
  /** The same rounded to bfloat16. */
  readonly #words = new Uint32Array(PIECE_FLOATS / 2);
  /** Slabs whose prepared buffers match the current state. */
  readonly #fresh = new Set<number>();
  #isRunning = false;

  constructor(network: CompiledNetwork, map: MemoryMap, memory: KernelMemory, group: Group = NO_GROUP) {
    this.#network = network;
    this.#group = group;
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

  async read(name: string): Promise<Float32Array> {
    const { at, shape } = this.#stateTensor(name);
    return this.#memory.read(at, elementCount(shape));
  }

  write(name: string, numbers: ArrayLike<number>): void {
    const { at, shape } = this.#stateTensor(name);
    requireCount(name, shape, numbers);
    this.#fresh.clear();
    this.#memory.write(at, numbers instanceof Float32Array ? numbers : new Float32Array(numbers));
  }

  run(program: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): Promise<Outputs> {
    return this.#execute(program, inputs, scalars, undefined, (compiled) => this.#outputs(program, compiled));
  }

  profile(
    program: string,
    inputs: Readonly<Record<string, Input>>,
    scalars?: RunScalars,
  ): Promise<ProfiledRun> {
    const { durations: at } = this.#map;
    return this.#execute(program, inputs, scalars, at, (compiled) => ({
      outputs: this.#outputs(program, compiled),
      durations: new Float64Array(this.#memory.read(at, 2 * compiled.program.recordCount).buffer),
    }));
  }

  #outputs(program: string, { plan }: CompiledProgram): Outputs {
    const answers = [...plan.outputs].filter(([name]) => !this.#network.layout.shapes.has(name));
    return new Map(answers.map(([name, port]) => [name, this.#readOutput(program, port)]));
  }

  /** @param answer reads the outputs of the program before the next run. */
  async #execute<T>(
    program: string,
    inputs: Readonly<Record<string, Input>>,
    scalars: RunScalars | undefined,
    durations: number | undefined,
    answer: (compiled: CompiledProgram) => T,
  ): Promise<T> {
    const compiled = requireProgram(this.#network, program);
    if (this.#isRunning) throw new EngineError('a program of this session is running: wait for it first');
    requireInputs(compiled.graph, inputs);
    requireScalars(program, compiled, scalars);
    this.#isRunning = true;
    try {
      await this.#runProgram(program, compiled, inputs, scalars, durations);
      return answer(compiled);
    } finally {
      this.#isRunning = false;
    }
  }

  async #runProgram(
    program: string,
    compiled: CompiledProgram,
    inputs: Readonly<Record<string, Input>>,
    scalars: RunScalars | undefined,
    durations: number | undefined,
  ): Promise<void> {
    const { scalars: scalarsAt, prepares } = this.#map;
    const prepared = this.#map.prepared.get(program)!;
    for (const [name, port] of compiled.plan.inputs) this.#writeInput(program, port, inputs[name]!);
    if (compiled.prepare.recordCount > 0 && !this.#fresh.has(prepared)) {
      await this.#call(prepares.get(program)!, compiled.prepare.recordCount, prepared, undefined);
      this.#fresh.add(prepared);
    }
    if (compiled.graph.updates.size > 0) this.#fresh.clear();
    this.#memory.write(scalarsAt, scalarWords(scalarsOfRank(scalars, compiled, this.#group)));
    const failed = await this.#callBetweenCollectives(program, compiled, prepared, durations);
    if (failed !== undefined) {
      const { op, record } = compiled.plan.records[failed]!;
      const quantities: Readonly<Record<string, string>> = {
        finalizeStatistics: 'statistics',
        finalizeLoss: 'loss',
        clipScale: 'gradient norm',
      };
      throw new NonFiniteError(op.layer.label, quantities[record.kind] ?? 'gradient');
    }
  }

  async close(): Promise<void> {
    await this.#memory.close();
  }

  /**
   * Runs a program: kernels run the records between collective operations. All parts run even if one fails: the other
   * ranks wait for this rank, and see the same failure.
   * @returns the index of the first record that failed.
   */
  async #callBetweenCollectives(
    name: string,
    { program }: CompiledProgram,
    prepared: number,
    durations: number | undefined,
  ): Promise<number | undefined> {
    const at = this.#map.programs.get(name)!;
    let [first, word] = [0, 0];
    let failed: number | undefined;
    const callUpTo = async (end: number) => {
      const [records, times] = [end - first, durations === undefined ? durations : durations + 8 * first];
      if (records === 0) return;
      const here = await this.#call(at + 4 * word, records, prepared, times, failed !== undefined);
      if (failed === undefined && here > 0) failed = first + here - 1;
    };
    for (const collective of program.collectives) {
      await callUpTo(collective.record);
      await this.#collect(name, collective);
      [first, word] = [collective.record + 1, collective.nextWord];
    }
    await callUpTo(program.recordCount);
    return failed;
  }

  async #collect(program: string, { kind, from, to, floats }: Collective): Promise<void> {
    const offsets = this.#bufferOffsets.get(program)!;
    const own = this.#memory.read(offsets.get(from)!, floats);
    const all = kind === 'gather' ? await this.#group.gather(own) : await this.#group.treeSum(own);
    this.#memory.write(offsets.get(to)!, all as Float32Array);
  }

  /**
   * @param hasFailed in an earlier part: the state is then not updated.
   * @returns the number of the record that failed, from 1; 0: none.
   */
  async #call(
    program: number,
    records: number,
    prepared: number,
    durations: number | undefined,
    hasFailed = false,
  ): Promise<number> {
    const { persistent, transient, scratch, scalars, control } = this.#map;
    const words = new Uint32Array(CONTROL_WORDS);
    words[FAILED_RECORD] = hasFailed ? 1 : 0;
    this.#memory.write(control, words);
    const slabs = { persistent, transient, prepared };
    await this.#memory.run({ ...slabs, scratch, scalars, control, program, records, durations });
    return new Uint32Array(this.#memory.read(control, CONTROL_WORDS).buffer)[FAILED_RECORD]!;
  }

  #writeInput(program: string, port: Port, numbers: Input): void {
    const count = elementCount(port.shape);
    const at = this.#bufferOffsets.get(program)!.get(port.view.address!);
    if (at === undefined) return; // The program does not read it.
    const isHalf = port.view.elementBytes === 2;
    if (!isSource(numbers) && !isHalf) {
      this.#memory.write(at, numbers instanceof Float64Array ? new Float32Array(numbers) : numbers);
      return;
    }
    for (let first = 0; first < count; first += this.#piece.length) {
      const piece = this.#piece.subarray(0, count - first);
      if (isSource(numbers)) numbers.copyTo(piece, first);
      else piece.set(numbers.subarray(first, first + piece.length));
      if (isHalf) this.#memory.write(at + 2 * first, this.#narrowed(piece));
      else this.#memory.write(at + 4 * first, piece);
    }
  }

  /** As 32-bit words: with an odd count, the last word extends into the slack. */
  #narrowed(piece: Float32Array): Uint32Array {
    narrowToBfloat16(piece, new Uint16Array(this.#words.buffer));
    return this.#words.subarray(0, Math.ceil(piece.length / 2));
  }

  /** A dense copy of an output. */
  #readOutput(program: string, { view, shape }: Port): Float32Array {
    const at = this.#bufferOffsets.get(program)!.get(view.address!)! + view.offset * view.elementBytes;
    const count = elementCount(shape);
    if (shape.length === 1) return this.#memory.read(at, count);
    const [n, c, h, w] = asFeatureMap(shape);
    const pixels = n * h * w;
    const elements = (pixels - 1) * view.stride + c;
    const padded =
      view.elementBytes === 2 ? this.#readBfloat16(at, elements) : this.#memory.read(at, elements);
    const dense = new Float32Array(count);
    for (let pixel = 0; pixel < pixels; pixel++) {
      dense.set(padded.subarray(pixel * view.stride, pixel * view.stride + c), pixel * c);
    }
    return dense;
  }

  #readBfloat16(at: number, count: number): Float32Array {
    const first = at - (at % 4); // Memory is read in 32-bit words.
    const words = this.#memory.read(first, Math.ceil((at - first + 2 * count) / 4));
    return widenBfloat16(new Uint16Array(words.buffer, at - first, count));
  }

  #stateTensor(name: string): { readonly at: number; readonly shape: Shape } {
    const shape = requireTensor(this.#network, name);
    return { at: this.#map.persistent + this.#network.layout.places.get(name)!.offset, shape };
  }
}
