import { createNativeEngine, nativeTarget } from '../engine/cpu/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../engine/cpu/native/load-module.ts';
import { createWasmEngine } from '../engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../engine/cpu/wasm/load-module.ts';
import { type Engine, EngineError } from '../engine/engine.ts';
import { openDevice } from '../engine/webgpu/device.ts';
import { createWebgpuEngine } from '../engine/webgpu/engine.ts';
import { nodeGpu } from '../engine/webgpu/node-gpu.ts';
import { createReferenceEngine } from '../engine/reference/engine.ts';
import type { Target } from '../plan/target.ts';
import { cpuTarget } from '../target/cpu/target.ts';
import { webgpuTarget } from '../target/webgpu/target.ts';
import { ENGINE_NAMES, type EngineName } from '../train/settings/other-settings.ts';
import { type EngineEntry, registeredEngine } from './engine-table.ts';
import { buildMissingWasm } from './wasm-kernels.ts';

export { ENGINE_NAMES, type EngineName };

type BuiltIn = Exclude<EngineName, 'auto'>;

/** The built-in engines; the type requires an entry for each name in `ENGINE_NAMES`. */
const BUILT_IN: Readonly<Record<BuiltIn, EngineEntry>> = {
  reference: { open: async () => createReferenceEngine(), target: () => cpuTarget() },
  native: {
    open: async (threads) => createNativeEngine({ threads, ...loadNativeModule() }),
    target: () => nativeTarget(loadNativeModule().isa),
  },
  wasm: {
    open: async (threads) => {
      await buildMissingWasm();
      return createWasmEngine({ threads, ...(await loadWasmModule()) });
    },
    target: () => cpuTarget(),
  },
  webgpu: {
    open: async () => createWebgpuEngine({ device: await openDevice({ gpu: await nodeGpu() }) }),
    target: () => webgpuTarget(),
  },
};

/** Opens an engine by name; `auto` selects the fastest available one. @throws EngineError */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  return entryOf(name).open(threads);
}

/** Resolves `auto` to an engine. */
export function engineOf(name: EngineName): BuiltIn {
  return name === 'auto' ? automaticEngine() : name;
}

/** The compilation target of an engine, without opening it. @throws EngineError */
export function targetOf(name: EngineName): Target {
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
