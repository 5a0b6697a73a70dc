import type { CompiledNetwork } from '../../plan/compiled-network.ts';
import type { Port } from '../../plan/plan.ts';
import { asFeatureMap, elementCount } from '../../tensor/shape.ts';
import { EngineError, NonFiniteError, type Numbers, type RunScalars, type Session } from '../engine.ts';
import type { MemoryMap } from './memory.ts';
import type { KernelThread } from './threads.ts';

/** Index of `failedRecord` in the control block (kernels/base/context.h), in words. */
const FAILED_RECORD = 4;
const CONTROL_WORDS = 5;
/** The null pointer. */
const NOT_WANTED = 0;

/** A network in the memory of the WASM kernels. */
export class WasmSession implements Session {
  readonly #network: CompiledNetwork;
  readonly #map: MemoryMap;
  readonly #buffer: ArrayBufferLike;
  readonly #threads: readonly KernelThread[];
  readonly #id: number;
  readonly #bufferOffsets = new Map<string, ReadonlyMap<number, number>>();
  #last: string | undefined;

  constructor(
    network: CompiledNetwork,
    map: MemoryMap,
    memory: WebAssembly.Memory,
    threads: readonly KernelThread[],
    id: number,
  ) {
    this.#network = network;
    this.#map = map;
    this.#buffer = memory.buffer;
    this.#threads = threads;
    this.#id = id;
    for (const [name, { plan, program }] of network.programs) {
      new Uint32Array(this.#buffer, map.programs.get(name)!, program.words.length).set(program.words);
      const offsets = plan.buffers.map(
        ({ id: buffer, slab, offset }) => [buffer, map[slab] + offset] as const,
      );
      this.#bufferOffsets.set(name, new Map(offsets));
    }
  }

  read(name: string): Float32Array {
    return this.#stateFloats(name).slice();
  }

  write(name: string, numbers: ArrayLike<number>): void {
    const floats = this.#stateFloats(name);
    if (numbers.length !== floats.length) {
      throw new EngineError(`${name} has ${floats.length} numbers, got ${numbers.length}`);
    }
    floats.set(numbers);
  }

  run(program: string, inputs: Readonly<Record<string, Numbers>>, scalars?: RunScalars): Promise<void> {
    return this.#execute(program, inputs, scalars, NOT_WANTED);
  }

  async profile(
    program: string,
    inputs: Readonly<Record<string, Numbers>>,
    scalars?: RunScalars,
  ): Promise<Float64Array> {
    const { durations } = this.#map;
    await this.#execute(program, inputs, scalars, durations);
    const { recordCount } = this.#network.programs.get(program)!.program;
    return new Float64Array(this.#buffer, durations, recordCount).slice();
  }

  /** @param durations where the first thread writes the records' durations, or NOT_WANTED. */
  async #execute(
    program: string,
    inputs: Readonly<Record<string, Numbers>>,
    scalars: RunScalars | undefined,
    durations: number,
  ): Promise<void> {
    const compiled = this.#network.programs.get(program);
    if (!compiled) throw new EngineError(`the network has no program called ${program}`);
    for (const [name, port] of compiled.plan.inputs) this.#writeInput(program, name, port, inputs[name]);
    new Float32Array(this.#buffer, this.#map.scalars, 1)[0] = scalars?.learningRate ?? 0;
    const control = new Uint32Array(this.#buffer, this.#map.control, CONTROL_WORDS).fill(0);
    this.#last = program;
    const { persistent, transient, scratch, scalars: scalarsAt, control: controlAt, programs } = this.#map;
    const shared = [
      scalarsAt,
      controlAt,
      programs.get(program)!,
      compiled.program.recordCount,
      this.#threads.length,
    ];
    await Promise.all(
      this.#threads.map((thread, i) =>
        thread.send({
          kind: 'run',
          session: this.#id,
          args: [persistent, transient, scratch[i]!, ...shared, i === 0 ? durations : NOT_WANTED],
        }),
      ),
    );
    const failed = control[FAILED_RECORD]!;
    if (failed > 0) {
      const { layer, record } = compiled.plan.records[failed - 1]!;
      const quantities: Readonly<Record<string, string>> = {
        finalizeStatistics: 'statistics',
        crossEntropy: 'loss',
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
    if (shape.length === 1) return new Float32Array(this.#buffer, at, count).slice();
    const [n, c, h, w] = asFeatureMap(shape);
    const dense = new Float32Array(count);
    for (let pixel = 0; pixel < n * h * w; pixel++) {
      dense.set(new Float32Array(this.#buffer, at + pixel * view.stride * 4, c), pixel * c);
    }
    return dense;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.send({ kind: 'close', session: this.#id })));
  }

  #writeInput(program: string, name: string, port: Port, numbers: Numbers | undefined): void {
    const count = elementCount(port.shape);
    if (numbers?.length !== count) {
      throw new EngineError(`input ${name} wants ${count} numbers, got ${numbers?.length ?? 'none'}`);
    }
    const at = this.#bufferOffsets.get(program)!.get(port.view.address!);
    if (at === undefined) return; // Nothing of this program reads it.
    if (numbers instanceof Int32Array) new Int32Array(this.#buffer, at, count).set(numbers);
    else new Float32Array(this.#buffer, at, count).set(numbers);
  }

  #stateFloats(name: string): Float32Array {
    const shape = this.#network.layout.shapes.get(name);
    if (!shape) throw new EngineError(`the network has no tensor called ${name}`);
    const at = this.#map.persistent + this.#network.layout.offsets.get(name)!;
    return new Float32Array(this.#buffer, at, elementCount(shape));
  }
}
