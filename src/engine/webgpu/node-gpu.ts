/// <reference types="@webgpu/types" />
import { createRequire } from 'node:module';
import { EngineError } from '../engine.ts';
import { isSoftware } from './device.ts';

/** Dawn's instance is destroyed with its JavaScript object, so it must stay reachable while a device is in use. */
const instances: GPU[] = [];

/** Zeroing workgroup memory by loops makes SwiftShader's compiler four times as fast. */
const SOFTWARE_FLAGS = ['disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension'];

/**
 * WebGPU in Node: Dawn, of the npm package `webgpu`.
 * @param flags of Dawn, such as `backend=null`, `enable-dawn-features=…`.
 * @throws EngineError when the package is missing.
 */
export async function nodeGpu(flags: readonly string[] = []): Promise<GPU> {
  const { create, globals } = await load();
  Object.assign(globalThis, globals);
  let gpu = create([...flags]);
  const adapter = await gpu.requestAdapter();
  if (adapter && isSoftware(adapter.info)) gpu = create([...flags, ...SOFTWARE_FLAGS]);
  instances.push(gpu);
  return gpu;
}

interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: object;
}

async function load(): Promise<Dawn> {
  try {
    const path = createRequire(import.meta.url).resolve('webgpu');
    return (await import(path)) as Dawn;
  } catch (cause) {
    throw new EngineError(
      'the engine webgpu requires the package webgpu: install it with `npm install webgpu@0.6.2`',
      {
        cause,
      },
    );
  }
}
