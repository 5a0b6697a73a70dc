/// <reference types="@webgpu/types" />
import type { CompiledNetwork, CompiledProgram } from '../../plan/compiled-network.ts';
import type { PlanBuffer, Port } from '../../plan/plan.ts';
import { CONTROL, CONTROL_BYTES, NONE_FAILED, RECORD_WORDS } from '../../target/webgpu/constants.ts';
import { type Dispatch, dispatchesOf, type Segment } from '../../target/webgpu/dispatch.ts';
import { type GpuRecord, gpuRecords, specOf } from '../../target/webgpu/records.ts';
import { narrowToBfloat16, widenBfloat16 } from '../../tensor/bfloat16.ts';
import { asFeatureMap, elementCount, type Shape } from '../../tensor/shape.ts';
import {
  DeviceMemoryError,
  EngineError,
  type Input,
  isSource,
  NonFiniteError,
  type Outputs,
  type RunScalars,
  type Session,
} from '../engine.ts';
import { requireCount, requireInputs, requireProgram, requireScalars, requireTensor } from '../inputs.ts';
import type { GpuDevice } from './device.ts';
import type { Pipelines } from './pipelines.ts';
import { SubmitBudget } from './submit-budget.ts';

/** One program, or the records that prepare it, on the GPU. */
interface Code {
  readonly dispatches: readonly Dispatch[];
  readonly pipelines: readonly GPUComputePipeline[];
  readonly groups: readonly GPUBindGroup[];
  /** Estimated seconds of each dispatch on a typical GPU. */
  readonly seconds: readonly number[];
}

interface ProgramCode {
  readonly main: Code;
  readonly prepare: Code;
  /** Number of the slab with the prepared buffers. */
  readonly prepared: number;
}

interface Location {
  readonly buffer: GPUBuffer;
  /** Offset of the first byte. */
  readonly at: number;
}

const FLOAT = 4;
/** Dispatches that are timed in one submit: a query set has at most 4096 timestamps. */
const TIMED_AT_ONCE = 256;

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
      const make = async (
        { dispatches, lists }: typeof main,
        records: typeof plan.records,
      ): Promise<Code> => {
        const words = Uint32Array.from(dispatches.flatMap((each) => [...each.words]));
        const uniform = memory.create(`records of ${name}`, words.byteLength, GPUBufferUsage.UNIFORM, words);
        const list = memory.create(`lists of ${name}`, lists.byteLength, GPUBufferUsage.STORAGE, lists);
        const groups = new Map<string, GPUBindGroup>();
        const groupOf = (dispatch: Dispatch) => {
          const { segments, variant } = dispatch;
          const ofList = specOf(variant.kind).entry && list;
          const key = `${ofList !== undefined} ${segments.map(({ slab, part }) => `${slab} ${part}`).join()}`;
          const layout = pipelines.layout(dispatch);
          const buffers = segments.map((segment) => memory.locate(name, segment));
          const group =
            groups.get(key) ?? bindGroup(gpu.device, layout, buffers, memory.control, uniform, ofList);
          groups.set(key, group);
          return group;
        };
        return {
          dispatches,
          pipelines: await pipelines.compile(dispatches),
          groups: dispatches.map(groupOf),
          seconds: dispatches.map(({ record }) => plan.target.secondsOf(records[record]!.record)),
        };
      };
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
    const bytes = FLOAT * elementCount(shape);
    return new Float32Array((await this.#readBytes([{ ...this.#stateTensor(name), bytes }]))[0]!);
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
    const compiled = this.#begin(name, inputs, scalars);
    try {
      const { plan } = compiled;
      this.#prepareRun(name, compiled, inputs, scalars);
      await this.#submit(this.#code.get(name)!.main);
      const answers = [...plan.outputs].filter(([output]) => !this.#network.layout.shapes.has(output));
      const spans = answers.map(([, port]) => this.#spanOf(name, compiled, port));
      const [control, ...bytes] = await this.#readBytes([
        { buffer: this.#control, at: 0, bytes: CONTROL_BYTES },
        ...spans,
      ]);
      this.#requireFinite(compiled, new Uint32Array(control!)[0]!);
      return new Map(answers.map(([output, port], i) => [output, dense(port, bytes[i]!, spans[i]!.skip)]));
    } finally {
      this.#isRunning = false;
    }
  }

  async profile(
    name: string,
    inputs: Readonly<Record<string, Input>>,
    scalars?: RunScalars,
  ): Promise<Float64Array> {
    const compiled = this.#begin(name, inputs, scalars);
    try {
      this.#prepareRun(name, compiled, inputs, scalars);
      const times = await this.#profile(this.#code.get(name)!.main, compiled.plan.records.length);
      const [control] = await this.#readBytes([{ buffer: this.#control, at: 0, bytes: CONTROL_BYTES }]);
      this.#requireFinite(compiled, new Uint32Array(control!)[0]!);
      return times;
    } finally {
      this.#isRunning = false;
    }
  }

  async close(): Promise<void> {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  #begin(name: string, inputs: Readonly<Record<string, Input>>, scalars?: RunScalars): CompiledProgram {
    const compiled = requireProgram(this.#network, name);
    if (this.#isRunning) throw new EngineError('a program of this session is running: wait for it first');
    requireInputs(compiled.graph, inputs);
    requireScalars(name, compiled, scalars);
    this.#isRunning = true;
    return compiled;
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
      this.#gpu.device.queue.submit([this.#encode(prepare, 0, prepare.dispatches.length)]);
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
      queue.submit([this.#encode(code, first, last)]);
      if (!isMeasured) continue;
      await queue.onSubmittedWorkDone();
      this.#budget.measured(seconds, this.#budget.now() - start);
    }
  }

  #encode(code: Code, first: number, last: number): GPUCommandBuffer {
    const encoder = this.#gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = first; i < last; i++) this.#dispatch(pass, code, i);
    pass.end();
    return encoder.finish();
  }

  #dispatch(pass: GPUComputePassEncoder, { dispatches, pipelines, groups }: Code, i: number): void {
    pass.setPipeline(pipelines[i]!);
    pass.setBindGroup(0, groups[i]!, [4 * RECORD_WORDS * i]);
    pass.dispatchWorkgroups(...dispatches[i]!.workgroups);
  }

  /** Time of each record in ms: one pass each, with timestamps or, if unavailable, the host's clock. */
  async #profile(code: Code, records: number): Promise<Float64Array> {
    const times = new Float64Array(records);
    const { device } = this.#gpu;
    const hasTimestamps = device.features.has('timestamp-query');
    for (let first = 0; first < code.dispatches.length; first += TIMED_AT_ONCE) {
      const last = Math.min(first + TIMED_AT_ONCE, code.dispatches.length);
      const durations = hasTimestamps
        ? await this.#timestamps(code, first, last)
        : await this.#clocked(code, first, last);
      for (const [i, ms] of durations.entries()) times[code.dispatches[first + i]!.record]! += ms;
    }
    return times;
  }

  /** Milliseconds of dispatches [first, last), by the GPU's clock. */
  async #timestamps(code: Code, first: number, last: number): Promise<readonly number[]> {
    const { device } = this.#gpu;
    const count = 2 * (last - first);
    const querySet = device.createQuerySet({ type: 'timestamp', count });
    const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsage;
    const resolved = device.createBuffer({ size: 8 * count, usage: QUERY_RESOLVE | COPY_SRC });
    const encoder = device.createCommandEncoder();
    for (let i = first; i < last; i++) {
      const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [2 * (i - first), 2 * (i - first) + 1];
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex },
      });
      this.#dispatch(pass, code, i);
      pass.end();
    }
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    device.queue.submit([encoder.finish()]);
    const [bytes] = await this.#readBytes([{ buffer: resolved, at: 0, bytes: 8 * count }]);
    querySet.destroy();
    resolved.destroy();
    const nanoseconds = new BigUint64Array(bytes!);
    return Array.from(
      { length: last - first },
      (_, i) => Number(nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!) / 1e6,
    );
  }

  /** The same by the host's clock, with the time that starting each takes. */
  async #clocked(code: Code, first: number, last: number): Promise<readonly number[]> {
    const durations: number[] = [];
    for (let i = first; i < last; i++) {
      const start = this.#budget.now();
      this.#gpu.device.queue.submit([this.#encode(code, i, i + 1)]);
      await this.#gpu.device.queue.onSubmittedWorkDone();
      durations.push(this.#budget.now() - start);
    }
    return durations;
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
    const count = elementCount(port.shape);
    let values: Float32Array | Int32Array;
    if (isSource(numbers)) {
      values = new Float32Array(count);
      numbers.copyTo(values, 0);
    } else values = numbers instanceof Float64Array ? Float32Array.from(numbers) : numbers;
    const { queue } = this.#gpu.device;
    if (port.view.elementBytes === 4)
      return queue.writeBuffer(place.buffer, place.at, values as BufferSource);
    const halves = new Uint16Array(2 * Math.ceil(count / 2));
    narrowToBfloat16(values, halves);
    queue.writeBuffer(place.buffer, place.at, halves as BufferSource);
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

  async #readBytes(
    spans: readonly (Location & { readonly bytes: number })[],
  ): Promise<readonly ArrayBuffer[]> {
    const { device } = this.#gpu;
    const total = spans.reduce((sum, { bytes }) => sum + bytes, 0);
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const staging = device.createBuffer({ size: Math.max(4, total), usage: MAP_READ | COPY_DST });
    try {
      const encoder = device.createCommandEncoder();
      let to = 0;
      for (const { buffer, at, bytes } of spans) {
        encoder.copyBufferToBuffer(buffer, at, staging, to, bytes);
        to += bytes;
      }
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const all = staging.getMappedRange();
      let from = 0;
      return spans.map(({ bytes }) => {
        const copy = all.slice(from, from + bytes);
        from += bytes;
        return copy;
      });
    } catch (cause) {
      throw this.#gpu.failure() ?? new EngineError('the GPU did not answer', { cause });
    } finally {
      staging.destroy();
    }
  }
}

/** The GPU buffers of a session. */
interface Memory {
  readonly control: GPUBuffer;
  readonly all: readonly GPUBuffer[];
  locate(program: string, segment: Segment): GPUBuffer;
  preparedOf(program: string): number;
  create(label: string, bytes: number, usage: number, contents: Uint32Array): GPUBuffer;
}

/** Programs share the persistent and the transient slab, and those that prepare the same buffers share these. */
async function allocate(network: CompiledNetwork, { device }: GpuDevice): Promise<Memory> {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const all: GPUBuffer[] = [];
  const buffer = (label: string, bytes: number, usage: number): GPUBuffer => {
    const made = device.createBuffer({ label, size: Math.max(256, Math.ceil(bytes / 256) * 256), usage });
    all.push(made);
    return made;
  };
  const parts = (label: string, sizes: readonly number[]) =>
    sizes.map((bytes, i) => buffer(`${label} ${i}`, bytes, STORAGE | COPY_SRC | COPY_DST));
  const plans = [...network.programs].map(([name, { plan, prepare }]) => ({ name, plan, prepare }));
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  const persistent = parts('state', network.layout.partBytes);
  const transient = parts('transient', largest(plans.map(({ plan }) => plan.partBytes.transient)));
  const numbers = new Map<string, number>();
  const prepared: GPUBuffer[][] = [];
  const byProgram = new Map<string, number>();
  for (const { name, plan, prepare } of plans) {
    const key = prepare.words.join();
    const number = numbers.get(key) ?? prepared.push(parts('prepared', plan.partBytes.prepared)) - 1;
    numbers.set(key, number);
    byProgram.set(name, number);
  }
  const control = buffer('control', CONTROL_BYTES, STORAGE | COPY_SRC | COPY_DST);
  const invalid = await device.popErrorScope();
  const outOfMemory = await device.popErrorScope();
  if (outOfMemory ?? invalid) {
    for (const each of all) each.destroy();
    const bytes = plans.reduce((most, { plan }) => Math.max(most, plan.transientBytes), network.layout.bytes);
    throw new DeviceMemoryError(bytes);
  }
  return {
    control,
    all,
    locate: (program, { slab, part }) => {
      if (slab === 'persistent') return persistent[part]!;
      return slab === 'transient' ? transient[part]! : prepared[byProgram.get(program)!]![part]!;
    },
    preparedOf: (program) => byProgram.get(program)!,
    create: (label, bytes, usage, contents) => {
      const made = buffer(label, bytes, usage | COPY_DST);
      if (contents.length > 0) device.queue.writeBuffer(made, 0, contents as BufferSource);
      return made;
    },
  };
}

/** The largest size of each part. */
function largest(sizes: readonly (readonly number[])[]): readonly number[] {
  const count = sizes.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: count }, (_, i) => Math.max(...sizes.map((each) => each[i] ?? 0)));
}

function bindGroup(
  device: GPUDevice,
  layout: GPUBindGroupLayout,
  segments: readonly GPUBuffer[],
  control: GPUBuffer,
  uniform: GPUBuffer,
  list: GPUBuffer | undefined,
): GPUBindGroup {
  return device.createBindGroup({
    layout,
    entries: [
      { binding: 0, resource: { buffer: uniform, size: 4 * RECORD_WORDS } },
      { binding: 1, resource: { buffer: control } },
      ...(list ? [{ binding: 2, resource: { buffer: list } }] : []),
      ...segments.map((buffer, i) => ({ binding: 3 + i, resource: { buffer } })),
    ],
  });
}

function controlWords({ plan }: CompiledProgram, scalars: RunScalars | undefined): Uint32Array {
  const { learningRate = 0, step = 1, stepSeed = 0, firstImage = 0 } = scalars ?? {};
  const adamw = gpuRecords(plan.records).find(({ record }) => record.kind === 'adamw')?.record;
  // 1 − (1 − rest)^step without cancellation.
  const correction = (rest: number) => -Math.expm1(step * Math.log1p(-rest));
  const [biasCorrection1, biasCorrection2] =
    adamw?.kind === 'adamw' ? [correction(adamw.rest1), correction(adamw.rest2)] : [1, 1];
  const values: Record<keyof typeof CONTROL, number> = {
    failedRecord: NONE_FAILED,
    learningRate,
    step,
    stepSeed,
    firstImage,
    biasCorrection1,
    biasCorrection2,
  };
  const words = new Uint32Array(CONTROL_BYTES / 4);
  const floats = new Float32Array(words.buffer);
  for (const [i, name] of (Object.keys(CONTROL) as (keyof typeof CONTROL)[]).entries()) {
    (CONTROL[name] === 'f32' ? floats : words)[i] = values[name];
  }
  return words;
}

function elementsOf({ view }: Port, shape: Shape): number {
  if (shape.length === 1) return elementCount(shape);
  const [n, c, h, w] = asFeatureMap(shape);
  return (n * h * w - 1) * view.stride + c;
}

/** A dense copy of an output. */
function dense(port: Port, bytes: ArrayBuffer, skip: number): Float32Array {
  const { view, shape } = port;
  const elements = elementsOf(port, shape);
  const padded =
    view.elementBytes === 2
      ? widenBfloat16(new Uint16Array(bytes, skip, elements))
      : new Float32Array(bytes, 0, elements);
  if (shape.length === 1) return padded.slice(0, elementCount(shape));
  const [n, c, h, w] = asFeatureMap(shape);
  const result = new Float32Array(elementCount(shape));
  for (let pixel = 0; pixel < n * h * w; pixel++) {
    result.set(padded.subarray(pixel * view.stride, pixel * view.stride + c), pixel * c);
  }
  return result;
}
