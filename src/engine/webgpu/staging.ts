/// <reference types="@webgpu/types" />
import type { Span } from './memory.ts';

/** Larger staging buffers are not kept. */
const MOST_KEPT_BYTES = 2 ** 20;

/** The buffers that results are mapped in, used in turn: a step need not allocate one. */
export class StagingRing {
  readonly #device: GPUDevice;
  readonly #free: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** A buffer for these spans: `read` it once, and it is free again. */
  take(spans: readonly Span[]): Staging {
    const bytes = bytesOf(spans);
    const kept = this.#free.findIndex(({ size }) => size >= bytes);
    const buffer = kept < 0 ? createStaging(this.#device, bytes) : this.#free.splice(kept, 1)[0]!;
    return new Staging(spans, buffer, () => {
      if (buffer.size > MOST_KEPT_BYTES) buffer.destroy();
      else this.#free.push(buffer);
    });
  }

  close(): void {
    for (const buffer of this.#free.splice(0)) buffer.destroy();
  }
}

/** Copies of spans, whose bytes are multiples of 4, for the host. */
export class Staging {
  readonly #spans: readonly Span[];
  readonly #buffer: GPUBuffer;
  readonly #release: () => void;

  constructor(spans: readonly Span[], buffer: GPUBuffer, release: () => void) {
    this.#spans = spans;
    this.#buffer = buffer;
    this.#release = release;
  }

  copy(encoder: GPUCommandEncoder): void {
    let to = 0;
    for (const { buffer, at, bytes } of this.#spans) {
      encoder.copyBufferToBuffer(buffer, at, this.#buffer, to, bytes);
      to += bytes;
    }
  }

  /** Call after the copy is submitted. Rejects if the device is lost. */
  async read(): Promise<readonly ArrayBuffer[]> {
    await this.#buffer.mapAsync(GPUMapMode.READ, 0, Math.max(4, bytesOf(this.#spans)));
    const all = this.#buffer.getMappedRange(0, Math.max(4, bytesOf(this.#spans)));
    let from = 0;
    const copies = this.#spans.map(({ bytes }) => {
      const copy = all.slice(from, from + bytes);
      from += bytes;
      return copy;
    });
    this.#buffer.unmap();
    this.#release();
    return copies;
  }
}

/** Copies of spans, whose bytes are multiples of 4. Rejects if the device is lost. */
export async function readBytes(device: GPUDevice, spans: readonly Span[]): Promise<readonly ArrayBuffer[]> {
  const buffer = createStaging(device, bytesOf(spans));
  const staging = new Staging(spans, buffer, () => {});
  try {
    const encoder = device.createCommandEncoder();
    staging.copy(encoder);
    device.queue.submit([encoder.finish()]);
    return await staging.read();
  } finally {
    buffer.destroy();
  }
}

function createStaging(device: GPUDevice, bytes: number): GPUBuffer {
  const { MAP_READ, COPY_DST } = GPUBufferUsage;
  return device.createBuffer({ label: 'staging', size: Math.max(4, bytes), usage: MAP_READ | COPY_DST });
}

function bytesOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { bytes }) => sum + bytes, 0);
}
