/// <reference types="@webgpu/types" />
import type { CompiledNetwork, CompiledProgram } from '../../plan/compiled-network.ts';
import type { Port } from '../../plan/plan.ts';
import { WORKGROUP_SIZE } from '../../target/webgpu/constants.ts';
import { inTwoDimensions } from '../../target/webgpu/dispatch.ts';
import { elementCount } from '../../tensor/shape.ts';
import { type EncodedNumbers, type Input, isSource } from '../engine.ts';
import { isImages, type Location, type Memory, TABLE_BYTES } from './memory.ts';
import type { Pipelines } from './pipelines.ts';
import { inputBytes, placeOf, tableWords } from './ports.ts';

type Words = Float32Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** The inputs of a run: what is written to buffers, and the dispatches that expand what was written as bytes. */
export interface Upload {
  readonly writes: readonly (Location & { readonly words: Words })[];
  expand(pass: GPUComputePassEncoder): void;
}

/** Writes the inputs of a network's programs; images as bytes where they are such. */
export class Uploads {
  readonly #device: GPUDevice;
  readonly #memory: Memory;
  /** By the bytes of an element of the images. */
  readonly #pipelines: ReadonlyMap<number, GPUComputePipeline>;
  readonly #groups = new Map<Port, GPUBindGroup>();
  /** The tables in the GPU's memory. */
  #tables: { readonly of: EncodedNumbers['tables']; readonly elementBytes: number } | undefined;

  private constructor(device: GPUDevice, memory: Memory, pipelines: ReadonlyMap<number, GPUComputePipeline>) {
    this.#device = device;
    this.#memory = memory;
    this.#pipelines = pipelines;
  }

  static async create(
    device: GPUDevice,
    memory: Memory,
    { programs }: CompiledNetwork,
    pipelines: Pipelines,
  ): Promise<Uploads> {
    const images = [...programs.values()].flatMap(({ plan }) => [...plan.inputs.values()].filter(isImages));
    const made = new Map<number, GPUComputePipeline>();
    for (const elementBytes of new Set(images.map(({ view }) => view.elementBytes)))
      made.set(elementBytes, await pipelines.expandBytes(elementBytes === 2));
    return new Uploads(device, memory, made);
  }

  /** The uploads of a run must be written in the order of these calls. Arrays of the inputs are not copied. */
  of(program: string, { plan }: CompiledProgram, inputs: Readonly<Record<string, Input>>): Upload {
    const writes: (Location & { readonly words: Words })[] = [];
    const expansions: Port[] = [];
    for (const [name, port] of plan.inputs) {
      const place = placeOf(this.#memory, program, plan, port);
      if (!place) continue; // The program does not read it.
      const input = inputs[name]!;
      const encoded = isSource(input) ? input.encoded : undefined;
      if (!encoded || !isImages(port) || encoded.tables.length !== port.shape[1]) {
        writes.push({ ...place, words: inputBytes(port, input) });
        continue;
      }
      writes.push(...this.#encodedWrites(port, encoded));
      if (!this.#groups.has(port)) this.#groups.set(port, this.#groupOf(port, place));
      expansions.push(port);
    }
    const expand = (pass: GPUComputePassEncoder) => {
      for (const port of expansions) {
        pass.setPipeline(this.#pipelines.get(port.view.elementBytes)!);
        pass.setBindGroup(0, this.#groups.get(port)!);
        const workgroups = Math.ceil(elementCount(port.shape) / 4 / WORKGROUP_SIZE);
        pass.dispatchWorkgroups(...inTwoDimensions(workgroups));
      }
    };
    return { writes, expand };
  }

  #encodedWrites({ view: { elementBytes } }: Port, { bytes, tables }: EncodedNumbers) {
    const { imageBytes, imageTables } = this.#memory;
    const writes = [{ buffer: imageBytes, at: 0, words: wholeWords(bytes) as Words }];
    if (this.#tables?.of !== tables || this.#tables.elementBytes !== elementBytes) {
      this.#tables = { of: tables, elementBytes };
      writes.push({ buffer: imageTables, at: 0, words: tableWords(tables, elementBytes) });
    }
    return writes;
  }

  #groupOf({ view, shape }: Port, { buffer, at }: Location): GPUBindGroup {
    const { imageBytes, imageTables } = this.#memory;
    const count = elementCount(shape);
    const words = (bytes: number) => 4 * Math.ceil(bytes / 4);
    return this.#device.createBindGroup({
      layout: this.#pipelines.get(view.elementBytes)!.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: imageBytes, size: words(count) } },
        { binding: 1, resource: { buffer: imageTables, size: TABLE_BYTES * shape[1]! } },
        { binding: 2, resource: { buffer, offset: at, size: words(count * view.elementBytes) } },
      ],
    });
  }
}

/** The upload with copies of its arrays, so that the caller may overwrite them. */
export function copyOf({ writes, expand }: Upload): Upload {
  return { writes: writes.map((write) => ({ ...write, words: write.words.slice() })), expand };
}

/** Writes are whole words. */
function wholeWords(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  padded.set(bytes);
  return padded;
}
