/// <reference types="@webgpu/types" />
import type { CompiledNetwork, CompiledProgram } from '../../plan/compiled-network.ts';
import { CONTROL_BYTES, NONE_FAILED } from '../../target/webgpu/constants.ts';
import { gpuProgram } from '../../target/webgpu/dispatch.ts';
import { type GpuRecord, gpuRecords } from '../../target/webgpu/records.ts';
import { elementCount } from '../../tensor/shape.ts';
import {
  EngineError,
  type Input,
  NonFiniteError,
  type Outputs,
  type ProfiledRun,
  type RunScalars,
  type Session,
} from '../engine.ts';
import { requireCount, requireInputs, requireProgram, requireScalars, requireTensor } from '../inputs.ts';
import { encode, makeCode, type ProgramCode } from './code.ts';
import type { GpuDevice } from './device.ts';
import { allocate, type Location, type Memory } from './memory.ts';
import type { Pipelines } from './pipelines.ts';
import { controlWords, dense, spanOf } from './ports.ts';
import { readBytes, StagingRing } from './staging.ts';
import { Submitter } from './submitter.ts';
import { timeRecords } from './timing.ts';
import { type Upload, Uploads } from './uploads.ts';

const FLOAT = 4;
const LOSS_REPORTED_MS = 200;
/** One run on the GPU, and one that is submitted while the host handles the results of the run before. */
const RUNS_AT_ONCE = 2;

/** A run that is ready to be submitted. */
interface Run {
  readonly name: string;
  readonly compiled: CompiledProgram;
  readonly upload: Upload;
  /** The control block. */
  readonly words: Uint32Array;
  readonly places: number;
  /** The run before, if it is unfinished. */
  readonly earlier: Promise<unknown> | undefined;
}

interface OpenOptions {
  /** Called with the number of compiled kernels and the total. */
  readonly onProgress?: (done: number, total: number) => void;
  /** A clock in milliseconds. */
  readonly now: () => number;
  readonly onClose: (session: Session) => void;
}

/** A network in the memory of a GPU. */
export class WebgpuSession implements Session {
  readonly runsAtOnce = RUNS_AT_ONCE;
  readonly #network: CompiledNetwork;
  readonly #gpu: GpuDevice;
  readonly #memory: Memory;
  readonly #code: ReadonlyMap<string, ProgramCode>;
  readonly #submitter: Submitter;
  /** Prepared slabs that match the current state. */
  readonly #fresh = new Set<number>();
  readonly #uploads: Uploads;
  readonly #ring: StagingRing;
  readonly #onClose: OpenOptions['onClose'];
  /** Of unfinished runs. */
  #places = 0;
  /** The latest run, while one is unfinished. */
  #latest: Promise<unknown> | undefined;

  private constructor(parts: {
    readonly network: CompiledNetwork;
    readonly gpu: GpuDevice;
    readonly memory: Memory;
    readonly code: ReadonlyMap<string, ProgramCode>;
    readonly submitter: Submitter;
    readonly uploads: Uploads;
    readonly onClose: OpenOptions['onClose'];
  }) {
    this.#network = parts.network;
    this.#gpu = parts.gpu;
    this.#memory = parts.memory;
    this.#code = parts.code;
    this.#submitter = parts.submitter;
    this.#uploads = parts.uploads;
    this.#onClose = parts.onClose;
    this.#ring = new StagingRing(parts.gpu.device);
  }

  /**
   * Allocates all memory and compiles all kernels of a network.
   * @throws EngineError when the GPU has too little memory, or refuses a kernel.
   */
  static async open(
    network: CompiledNetwork,
    gpu: GpuDevice,
    pipelines: Pipelines,
    options: OpenOptions,
  ): Promise<WebgpuSession> {
    const memory = await allocate(network, gpu);
    try {
      return await WebgpuSession.#openIn(memory, network, gpu, pipelines, options);
    } catch (error) {
      for (const buffer of memory.all) buffer.destroy();
      throw error;
    }
  }

  static async #openIn(
    memory: Memory,
    network: CompiledNetwork,
    gpu: GpuDevice,
    pipelines: Pipelines,
    { onProgress, now, onClose }: OpenOptions,
  ): Promise<WebgpuSession> {
    const programs = [...network.programs].map(([name, { plan, program, prepare }]) => ({
      name,
      plan,
      main: gpuProgram(program),
      prepare: gpuProgram(prepare),
    }));
    const all = programs.flatMap(({ main, prepare }) => [...main.dispatches, ...prepare.dispatches]);
    await pipelines.compile(all, onProgress);
    const uploads = await Uploads.create(gpu.device, memory, network, pipelines);
    const code = new Map<string, ProgramCode>();
    for (const { name, plan, main, prepare } of programs) {
      const { target } = plan;
      const make = (of: typeof main, records: typeof plan.records) =>
        makeCode(gpu.device, pipelines, memory, name, of, { target, records });
      code.set(name, {
        main: await make(main, plan.records),
        prepare: await make(prepare, plan.prepare),
        prepared: memory.preparedOf(name),
      });
    }
    const submitter = new Submitter(gpu.device, now);
    return new WebgpuSession({ network, gpu, memory, code, submitter, uploads, onClose });
  }

  async read(name: string): Promise<Float32Array> {
    const shape = requireTensor(this.#network, name);
    const span = { ...this.#stateTensor(name), bytes: FLOAT * elementCount(shape) };
    try {
      const [bytes] = await readBytes(this.#gpu.device, [span]);
      return new Float32Array(bytes!);
    } catch (error) {
      throw await this.#failureOf(error);
    }
  }

  write(name: string, numbers: ArrayLike<number>): void {
    const shape = requireTensor(this.#network, name);
    requireCount(name, shape, numbers);
    this.#fresh.clear();
    const { buffer, at } = this.#stateTensor(name);
    const floats = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
    this.#gpu.device.queue.writeBuffer(buffer, at, floats as BufferSource);
  }

  async run(name: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): Promise<Outputs> {
    const run = this.#runOf(name, inputs, scalars, 1);
    const { spans, outputsOf } = this.#resultsOf(run);
    const submission = {
      code: this.#code.get(name)!.main,
      upload: run.upload,
      begin: (upload: Upload) => this.#begin(run, upload),
      staging: this.#ring.take(spans),
    };
    return this.#finish(run, this.#submitter.submit(submission), outputsOf);
  }

  async profile(
    name: string,
    inputs: Readonly<Record<string, Input>>,
    scalars?: RunScalars,
  ): Promise<ProfiledRun> {
    const run = this.#runOf(name, inputs, scalars, RUNS_AT_ONCE);
    const { spans, outputsOf } = this.#resultsOf(run);
    const { main } = this.#code.get(name)!;
    const { device } = this.#gpu;
    const measure = async () => {
      this.#begin(run, run.upload);
      device.queue.submit([encode(device, main, 0, 0, { before: run.upload.expand })]);
      const count = run.compiled.plan.records.length;
      const durations = await timeRecords(device, main, count, this.#submitter.budget);
      return { durations, bytes: await readBytes(device, spans) };
    };
    return this.#finish(run, measure(), ({ durations, bytes }) => ({ outputs: outputsOf(bytes), durations }));
  }

  async close(): Promise<void> {
    for (const buffer of this.#memory.all) buffer.destroy();
    this.#ring.close();
    this.#onClose(this);
  }

  /** Checks the inputs and scalars of a run. @param places it takes, of RUNS_AT_ONCE. @throws EngineError */
  #runOf(
    name: string,
    inputs: Readonly<Record<string, Input>>,
    scalars: RunScalars | undefined,
    places: number,
  ): Run {
    const compiled = requireProgram(this.#network, name);
    if (this.#places + places > RUNS_AT_ONCE)
      throw new EngineError('a program of this session is running: wait for it first');
    requireInputs(compiled.graph, inputs);
    requireScalars(name, compiled, scalars);
    const upload = this.#uploads.of(name, compiled, inputs);
    const words = controlWords(compiled, scalars);
    return { name, compiled, upload, words, places, earlier: this.#latest };
  }

  /** The answer of a run, after that of the run before: its failure is that of this run too. */
  #finish<R, T>(run: Run, results: Promise<R>, answer: (results: R) => T): Promise<T> {
    const finish = async (): Promise<T> => {
      try {
        const [before, own] = await Promise.allSettled([run.earlier, results]);
        if (before.status === 'rejected') throw before.reason;
        if (own.status === 'rejected') throw own.reason;
        return answer(own.value);
      } catch (error) {
        throw error instanceof EngineError ? error : await this.#failureOf(error);
      } finally {
        this.#places -= run.places;
        if (this.#places === 0) this.#latest = undefined;
      }
    };
    this.#places += run.places;
    const finished = finish();
    this.#latest = finished;
    return finished;
  }

  /** The loss of the device, if that made a call fail: it is reported at about the same time. */
  async #failureOf(cause: unknown): Promise<EngineError> {
    await Promise.race([
      this.#gpu.device.lost,
      new Promise((resolve) => {
        setTimeout(resolve, LOSS_REPORTED_MS);
      }),
    ]);
    return this.#gpu.failure() ?? new EngineError('the GPU did not answer', { cause });
  }

  /** What a run copies for the host, and its outputs from these bytes, which throws NonFiniteError. */
  #resultsOf({ name, compiled }: Run) {
    const answers = [...compiled.plan.outputs].filter(([output]) => !this.#network.layout.shapes.has(output));
    const spans = answers.map(([, port]) => spanOf(this.#memory, name, compiled.plan, port));
    const outputsOf = ([control, ...bytes]: readonly ArrayBuffer[]): Outputs => {
      this.#requireFinite(compiled, new Uint32Array(control!)[0]!);
      return new Map(answers.map(([output, port], i) => [output, dense(port, bytes[i]!, spans[i]!.skip)]));
    };
    return { spans: [{ buffer: this.#memory.control, at: 0, bytes: CONTROL_BYTES }, ...spans], outputsOf };
  }

  /** Writes inputs and scalars, and computes values that depend only on the state. */
  #begin({ name, compiled, words, earlier }: Run, { writes }: Upload): void {
    const { queue } = this.#gpu.device;
    const { prepare, prepared } = this.#code.get(name)!;
    for (const { buffer, at, words } of writes) queue.writeBuffer(buffer, at, words as BufferSource);
    // The failure of an unfinished run stays: this one then changes no state.
    const first = earlier ? 1 : 0;
    queue.writeBuffer(this.#memory.control, 4 * first, words.subarray(first) as BufferSource);
    if (prepare.dispatches.length > 0 && !this.#fresh.has(prepared)) {
      queue.submit([encode(this.#gpu.device, prepare, 0, prepare.dispatches.length)]);
      this.#fresh.add(prepared);
    }
    if (compiled.graph.updates.size > 0) this.#fresh.clear();
  }

  #requireFinite({ plan }: CompiledProgram, failed: number): void {
    const failure = this.#gpu.failure();
    if (failure) throw failure;
    if (failed === NONE_FAILED) return;
    const found = gpuRecords(plan.records)[failed];
    if (!found)
      throw new EngineError('the GPU answered with nothing: its driver is at fault; use another engine');
    const quantities: Partial<Record<GpuRecord['kind'], string>> = {
      finalizeStatistics: 'statistics',
      crossEntropy: 'loss',
      clipScale: 'gradient norm',
    };
    throw new NonFiniteError(found.op.layer.label, quantities[found.record.kind] ?? 'gradient');
  }

  #stateTensor(name: string): Location {
    const { part, offset } = this.#network.layout.places.get(name)!;
    const [program] = this.#network.programs.keys();
    return { buffer: this.#memory.locate(program!, { slab: 'persistent', part }), at: offset };
  }
}
