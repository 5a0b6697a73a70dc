import { loadNativeModule, nativeIsas } from '../engine/cpu/native/load-module.ts';
import { nativeTarget } from '../engine/cpu/native/target.ts';
import { type Engine, EngineError } from '../engine/engine.ts';
import type { Target } from '../plan/target.ts';
import { cpuTarget } from '../target/cpu/target.ts';
import { ENGINE_NAMES, type EngineName } from '../train/settings/other-settings.ts';
import { type CompileListener, type EngineEntry, registeredEngine } from './engine-table.ts';

export { ENGINE_NAMES, type EngineName };

type BuiltIn = Exclude<EngineName, 'auto'>;

/** The built-in engines; the type requires an entry for each name in `ENGINE_NAMES`. */
const BUILT_IN: Readonly<Record<BuiltIn, EngineEntry>> = {
  reference: {
    open: async () => (await import('../engine/reference/engine.ts')).createReferenceEngine(),
    target: () => cpuTarget(),
  },
  native: {
    open: async (threads) => {
      const { createNativeEngine } = await import('../engine/cpu/native/engine.ts');
      return createNativeEngine({ threads, ...loadNativeModule() });
    },
    target: () => nativeTarget(loadNativeModule().isa),
  },
  wasm: {
    open: async (threads) => {
      const { buildMissingWasm } = await import('./wasm-kernels.ts');
      const { createWasmEngine } = await import('../engine/cpu/wasm/engine.ts');
      const { loadWasmModule } = await import('../engine/cpu/wasm/load-module.ts');
      await buildMissingWasm();
      return createWasmEngine({ threads, ...(await loadWasmModule()) });
    },
    target: () => cpuTarget(),
  },
  webgpu: {
    open: async (_, onProgress) => {
      const { openDevice } = await import('../engine/webgpu/device.ts');
      const { createWebgpuEngine } = await import('../engine/webgpu/engine.ts');
      const { nodeGpu } = await import('../engine/webgpu/node-gpu.ts');
      const device = await openDevice({ gpu: await nodeGpu() });
      return createWebgpuEngine({ device, ...(onProgress && { onProgress }) });
    },
    target: async () => (await import('../target/webgpu/target.ts')).webgpuTarget(),
  },
};

/**
 * Opens an engine by name; `auto` selects the fastest available one: the GPU if a measurement found it faster than
 * the processor. @throws EngineError
 */
export async function openEngine(
  name: EngineName,
  threads: number,
  onCompile?: CompileListener,
): Promise<Engine> {
  const entry = name === 'auto' && (await isGpuFaster()) ? entryOf('webgpu') : entryOf(name);
  return entry.open(threads, onCompile);
}

async function isGpuFaster(): Promise<boolean> {
  const { isFaster, probeGpu } = await import('./faster-gpu.ts');
  return isFaster(await probeGpu(automaticEngine()));
}

/** Resolves `auto` to the engine for the processor. */
export function engineOf(name: EngineName): BuiltIn {
  return name === 'auto' ? automaticEngine() : name;
}

/** The compilation target of an engine, without opening it. @throws EngineError */
export async function targetOf(name: EngineName): Promise<Target> {
  return entryOf(name).target();
}

function entryOf(name: EngineName): EngineEntry {
  const engine = engineOf(name);
  const entry = registeredEngine(engine) ?? (Object.hasOwn(BUILT_IN, engine) ? BUILT_IN[engine] : undefined);
  if (!entry)
    throw new EngineError(`unknown engine ${engine}: expected one of ${Object.keys(BUILT_IN).join(', ')}`);
  return entry;
}

function automaticEngine(): 'native' | 'wasm' {
  return nativeIsas().length > 0 ? 'native' : 'wasm';
}
