/// <reference types="@webgpu/types" />
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EngineError } from '../engine.ts';
import { isSoftware } from './device.ts';

/** Dawn's instance is destroyed with its JavaScript object, so it must stay reachable while a device is in use. */
const instances: GPU[] = [];

/** Profiles need timestamps of the GPU's full precision, which browsers hide from pages. */
const FLAGS = ['disable-dawn-features=timestamp_quantization'];
/** Zeroing workgroup memory by loops makes SwiftShader's compiler four times as fast. */
const SOFTWARE_FLAGS = [
  'disable-dawn-features=timestamp_quantization,use_vulkan_zero_initialize_workgroup_memory_extension',
];

/** Where Vulkan drivers are registered on Linux. */
const DRIVER_FOLDERS = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/** False if this machine certainly has no driver: without one, Dawn prints warnings of its own. */
export function mayHaveDriver(): boolean {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES } = process.env;
  if (process.platform !== 'linux' || VK_DRIVER_FILES || VK_ICD_FILENAMES || VK_ADD_DRIVER_FILES) return true;
  return DRIVER_FOLDERS.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json')),
  );
}

/**
 * WebGPU in Node: Dawn, of the npm package `webgpu`.
 * @param flags of Dawn, such as `backend=null`, `enable-dawn-features=…`.
 * @throws EngineError when the package is missing, or the machine has no driver.
 */
export async function nodeGpu(flags: readonly string[] = []): Promise<GPU> {
  const { create, globals } = await load();
  if (flags.length === 0 && !mayHaveDriver()) {
    throw new EngineError(
      'there is no Vulkan driver: the engine webgpu requires a graphics card and its driver; use another `engine`',
    );
  }
  Object.assign(globalThis, globals);
  let gpu = create([...FLAGS, ...flags]);
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
