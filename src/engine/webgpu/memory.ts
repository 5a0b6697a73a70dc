/// <reference types="@webgpu/types" />
import { type CompiledNetwork, networkPeakBytes } from '../../plan/compiled-network.ts';
import type { Port } from '../../plan/plan.ts';
import { CONTROL_BYTES } from '../../target/webgpu/constants.ts';
import type { Segment } from '../../target/webgpu/dispatch.ts';
import { elementCount, type Shape } from '../../tensor/shape.ts';
import { DeviceMemoryError } from '../engine.ts';
import type { GpuDevice } from './device.ts';

/** The table of a channel: a word for each byte. */
export const TABLE_BYTES = 4 * 256;

export interface Location {
  readonly buffer: GPUBuffer;
  /** Offset of the first byte. */
  readonly at: number;
}

/** A part of a GPU buffer. */
export interface Span extends Location {
  readonly bytes: number;
}

/** The GPU buffers of a session. */
export interface Memory {
  readonly control: GPUBuffer;
  /** Where images are uploaded as bytes, and the tables of their channels. */
  readonly imageBytes: GPUBuffer;
  readonly imageTables: GPUBuffer;
  readonly all: readonly GPUBuffer[];
  locate(program: string, segment: Segment): GPUBuffer;
  preparedOf(program: string): number;
  create(label: string, bytes: number, usage: number, contents: Uint32Array): GPUBuffer;
}

/** Programs share the persistent and the transient slab, and those that prepare the same buffers share these. */
export async function allocate(network: CompiledNetwork, { device }: GpuDevice): Promise<Memory> {
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
  const images = plans.flatMap(({ plan }) => [...plan.inputs.values()].filter(isImages));
  const most = (of: (shape: Shape) => number) => Math.max(0, ...images.map(({ shape }) => of(shape)));
  const imageBytes = buffer('image bytes', most(elementCount), STORAGE | COPY_DST);
  const imageTables = buffer('image tables', TABLE_BYTES * most(([, c]) => c!), STORAGE | COPY_DST);
  const invalid = await device.popErrorScope();
  const outOfMemory = await device.popErrorScope();
  if (outOfMemory ?? invalid) {
    for (const each of all) each.destroy();
    throw new DeviceMemoryError(networkPeakBytes(network, 0));
  }
  return {
    control,
    imageBytes,
    imageTables,
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

/** True for inputs that may be uploaded as bytes. */
export function isImages({ shape }: Port): boolean {
  return shape.length === 4;
}

/** The largest size of each part. */
function largest(sizes: readonly (readonly number[])[]): readonly number[] {
  const count = sizes.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: count }, (_, i) => Math.max(...sizes.map((each) => each[i] ?? 0)));
}
