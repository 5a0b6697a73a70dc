/// <reference types="@webgpu/types" />
import { DeviceLostError, EngineError } from '../engine.ts';

/** A WebGPU device with the limits that plans need. */
export interface GpuDevice {
  readonly device: GPUDevice;
  /** Adapter and driver: the same ones give bit-identical results. */
  readonly name: string;
  /** True for an adapter that computes on the processor. */
  readonly isSoftware: boolean;
  /** Largest buffer that a kernel can bind, in bytes. */
  readonly maxBufferBytes: number;
  /** The first error of the device that no call reported; undefined: none. */
  failure(): EngineError | undefined;
  close(): void;
}

export interface DeviceOptions {
  /** That of the page (`navigator.gpu`), or Dawn. */
  readonly gpu: GPU;
  /** Uses the default limits, which every adapter has, instead of the adapter's own. */
  readonly defaultLimits?: boolean;
}

/** Opens the fastest adapter. @throws EngineError when there is none. */
export async function openDevice({ gpu, defaultLimits = false }: DeviceOptions): Promise<GpuDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new EngineError(
      'there is no WebGPU adapter: expected a graphics card with a Vulkan, Metal or Direct3D 12 driver; use another engine (`auto`)',
    );
  }
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const features = (['timestamp-query'] as const).filter((name) => adapter.features.has(name));
  const device = await adapter.requestDevice({
    requiredFeatures: features,
    ...(!defaultLimits && { requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } }),
  });
  let failure: EngineError | undefined;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    failure ??= new EngineError(`the GPU reported: ${firstLine(event.error.message)}`);
  });
  let isClosed = false;
  void device.lost.then(({ reason, message }) => {
    if (!isClosed)
      failure = new DeviceLostError(
        `the GPU was lost (${reason === 'destroyed' ? 'it was closed' : firstLine(message)})`,
      );
  });
  const name = adapterName(adapter.info);
  return {
    device,
    name,
    isSoftware: isSoftware(adapter.info),
    maxBufferBytes: Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize),
    failure: () => failure,
    close() {
      isClosed = true;
      device.destroy();
    },
  };
}

function adapterName({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  return [vendor, architecture, description || device].filter(Boolean).join(' ') || 'unknown adapter';
}

/** Whether to choose an adapter that computes on the CPU; only for tests. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(adapterName(info));
}

/** The page's own WebGPU, also in a worker. @throws EngineError when the browser has none. */
export function pageGpu(): GPU {
  const { gpu } = globalThis.navigator as { readonly gpu?: GPU };
  if (gpu) return gpu;
  throw new EngineError(
    'this browser has no WebGPU (it needs a secure page: https or localhost): use the engine wasm',
  );
}

function firstLine(message: string): string {
  return message.split('\n')[0]!;
}
