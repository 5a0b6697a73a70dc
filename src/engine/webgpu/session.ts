/// <reference types="@webgpu/types" />
import type { CompiledNetwork, CompiledProgram } from '../../plan/compiled-network.ts';
import type { PlanBuffer, Port } from '../../plan/plan.ts';
import { CONTROL_BYTES, NONE_FAILED } from '../../target/webgpu/constants.ts';
import { dispatchesOf, type Segment } from '../../target/webgpu/dispatch.ts';
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
import { type Code, encode, makeCode, type ProgramCode } from './code.ts';
import type { GpuDevice } from './device.ts';
import { allocate, type Location, type Memory, readBytes } from './memory.ts';
import type { Pipelines } from './pipelines.ts';
import { controlWords, dense, elementsOf, inputBytes } from './ports.ts';
import { SubmitBudget } from './submit-budget.ts';
import { timeRecords } from './timing.ts';

const FLOAT = 4;
const LOSS_REPORTED_MS = 200;

/** A network in the memory of a GPU. */
export class WebgpuSession implements Session {
  readonly #network: CompiledNetwork;
  readonly #gpu: GpuDevice;
  readonly #buffers: readonly GPUBuffer[];
  readonly #control: GPUBuffer;
  readonly #code: ReadonlyMap<string, ProgramCode>;
  readonly #locate: (program: string, segment: Segment) => GPUBuffer;
  readonly #budget: SubmitBudget;
  /** Prepared slabs that match the current state. */
  readonly #fresh = new Set<number>();
  #isRunning = false;

  private constructor(parts: {
    readonly network: CompiledNetwork;
    readonly gpu: GpuDevice;
    readonly memory: Memory;
    readonly code: ReadonlyMap<string, ProgramCode>;
    readonly budget: SubmitBudget;
  }) {
    this.#network = parts.network;
    this.#gpu = parts.gpu;
    this.#buffers = parts.memory.all;
    this.#control = parts.memory.control;
    this.#locate = parts.memory.locate;
    this.#code = parts.code;
    this.#budget = parts.budget;
  }

  /**
   * Allocates all memory and compiles all kernels of a network.
   * @throws EngineError when the GPU has too little memory, or refuses a kernel.
   */
  static async open(
    network: CompiledNetwork,
    gpu: GpuDevice,
    pipelines: Pipelines,
    {
      onProgress,
      now,
    }: { readonly onProgress?: (done: number, total: number) => void; readonly now: () => number },
  ): Promise<WebgpuSession> {
    const memory = await allocate(network, gpu);
    const programs = [...network.programs].map(([name, { plan }]) => ({
      name,
      plan,
      main: dispatchesOf(plan.buffers, plan.records),
      prepare: dispatchesOf(plan.buffers, plan.prepare),
    }));
    const all = programs.flatMap(({ main, prepare }) => [...main.dispatches, ...prepare.dispatches]);
    await pipelines.compile(all, onProgress);
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
    const budget = new SubmitBudget(now);
    return new WebgpuSession({ network, gpu, memory, code, budget });
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

  run(name: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): Promise<Outputs> {
    return this.#execute(name, inputs, scalars, async (compiled) => {
      await this.#submit(this.#code.get(name)!.main);
      return this.#outputs(name, compiled);
    });
  }

  profile(name: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): Promise<ProfiledRun> {
    return this.#execute(name, inputs, scalars, async (compiled) => {
      const { main } = this.#code.get(name)!;
      const { device } = this.#gpu;
      const durations = await timeRecords(device, main, compiled.plan.records.length, this.#budget);
      return { outputs: await this.#outputs(name, compiled), durations };
    });
  }

  /** Reads the outputs of a program that was submitted. @throws NonFiniteError */
  async #outputs(name: string, compiled: CompiledProgram): Promise<Outputs> {
    const answers = [...compiled.plan.outputs].filter(([output]) => !this.#network.layout.shapes.has(output));
    const spans = answers.map(([, port]) => this.#spanOf(name, compiled, port));
    const [control, ...bytes] = await readBytes(this.#gpu.device, [this.#controlSpan(), ...spans]);
    this.#requireFinite(compiled, new Uint32Array(control!)[0]!);
    return new Map(answers.map(([output, port], i) => [output, dense(port, bytes[i]!, spans[i]!.skip)]));
  }

  async close(): Promise<void> {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  /** Checks and writes the inputs, then lets `work` run the program; one at a time. */
  async #execute<T>(
    name: string,
    inputs: Readonly<Record<string, Input>>,
    scalars: RunScalars | undefined,
    work: (compiled: CompiledProgram) => Promise<T>,
  ): Promise<T> {
    const compiled = requireProgram(this.#network, name);
    if (this.#isRunning) throw new EngineError('a program of this session is running: wait for it first');
    requireInputs(compiled.graph, inputs);
    requireScalars(name, compiled, scalars);
    this.#isRunning = true;
    try {
      this.#prepareRun(name, compiled, inputs, scalars);
      return await work(compiled);
    } catch (error) {
      throw error instanceof EngineError ? error : await this.#failureOf(error);
    } finally {
      this.#isRunning = false;
    }
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

  #controlSpan() {
    return { buffer: this.#control, at: 0, bytes: CONTROL_BYTES };
  }

  /** Writes inputs and scalars, and computes values that depend only on the state. */
  #prepareRun(
    name: string,
    compiled: CompiledProgram,
    inputs: Readonly<Record<string, Input>>,
    scalars: RunScalars | undefined,
  ): void {
    const { prepare, prepared } = this.#code.get(name)!;
    for (const [input, port] of compiled.plan.inputs) this.#writeInput(name, compiled, port, inputs[input]!);
    this.#gpu.device.queue.writeBuffer(this.#control, 0, controlWords(compiled, scalars) as BufferSource);
    if (prepare.dispatches.length > 0 && !this.#fresh.has(prepared)) {
      this.#gpu.device.queue.submit([encode(this.#gpu.device, prepare, 0, prepare.dispatches.length)]);
      this.#fresh.add(prepared);
    }
    if (compiled.graph.updates.size > 0) this.#fresh.clear();
  }

  /**
   * Submits a program in parts that are short enough for the watchdogs of drivers; results are those of a single
   * submit.
   */
  async #submit(code: Code): Promise<void> {
    const { queue } = this.#gpu.device;
    for (const { first, last, isMeasured, seconds } of this.#budget.parts(code.seconds)) {
      const start = this.#budget.now();
      queue.submit([encode(this.#gpu.device, code, first, last)]);
      if (!isMeasured) continue;
      await queue.onSubmittedWorkDone();
      this.#budget.measured(seconds, this.#budget.now() - start);
    }
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
    return { buffer: this.#locate(program!, { slab: 'persistent', part }), at: offset };
  }

  #placeOf(program: string, { plan }: CompiledProgram, port: Port): Location | undefined {
    const placed = plan.buffers.find(({ id }) => id === port.view.address) as PlanBuffer | undefined;
    return placed && { buffer: this.#locate(program, placed), at: placed.offset };
  }

  #writeInput(program: string, compiled: CompiledProgram, port: Port, numbers: Input): void {
    const place = this.#placeOf(program, compiled, port);
    if (!place) return; // The program does not read it.
    const bytes = inputBytes(port, numbers);
    this.#gpu.device.queue.writeBuffer(place.buffer, place.at, bytes as BufferSource);
  }

  /** The bytes of an output, from a multiple of 4 on; `skip` of them lie before it. */
  #spanOf(program: string, compiled: CompiledProgram, port: Port) {
    const { view, shape } = port;
    const place = this.#placeOf(program, compiled, port);
    if (!place) throw new EngineError('an output has no buffer');
    const first = place.at + view.offset * view.elementBytes;
    const skip = first % 4;
    const bytes = Math.ceil((skip + elementsOf(port, shape) * view.elementBytes) / 4) * 4;
    return { buffer: place.buffer, at: first - skip, bytes, skip };
  }
}
