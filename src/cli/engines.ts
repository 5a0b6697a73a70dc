import { createNativeEngine, nativeTarget } from '../engine/cpu/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../engine/cpu/native/load-module.ts';
import { createWasmEngine } from '../engine/cpu/wasm/engine.ts';
import { type Engine, EngineError } from '../engine/engine.ts';
import { createReferenceEngine } from '../engine/reference/engine.ts';
import type { Target } from '../plan/target.ts';
import { cpuTarget } from '../target/cpu/target.ts';
import { counted } from '../tensor/counted.ts';
import { ENGINE_NAMES } from '../train/settings/other-settings.ts';
import { type EngineEntry, registeredEngine } from './engine-table.ts';
import { say } from './terminal.ts';
import { loadOrBuildWasm } from './wasm-kernels.ts';

export { ENGINE_NAMES };
export type EngineName = (typeof ENGINE_NAMES)[number];

type BuiltIn = Exclude<EngineName, 'auto'>;

/** The engines of this package: a new name of `ENGINE_NAMES` does not compile without an entry here. */
const BUILT_IN: Readonly<Record<BuiltIn, EngineEntry>> = {
  reference: { open: async () => createReferenceEngine(), target: () => cpuTarget() },
  native: {
    open: async (threads) => createNativeEngine({ threads, ...loadNativeModule() }),
    target: () => nativeTarget(loadNativeModule().isa),
  },
  wasm: {
    open: async (threads) => createWasmEngine({ threads, ...(await loadOrBuildWasm()) }),
    target: () => cpuTarget(),
  },
};

/** Opens an engine by name; `auto` is the fastest there is: native where it was built. @throws EngineError */
export async function openEngine(name: EngineName, threads: number): Promise<Engine> {
  return entryOf(name).open(threads);
}

/** The engine that a name stands for here. */
export function engineOf(name: EngineName): BuiltIn {
  return name === 'auto' ? automaticEngine() : name;
}

/** What networks are compiled for that the engine of this name runs: its `target`, without opening it. @throws EngineError */
export function targetOf(name: EngineName): Target {
  return entryOf(name).target();
}

function entryOf(name: EngineName): EngineEntry {
  const engine = engineOf(name);
  const entry = registeredEngine(engine) ?? (Object.hasOwn(BUILT_IN, engine) ? BUILT_IN[engine] : undefined);
  if (!entry)
    throw new EngineError(`there is no engine ${engine}; there are ${Object.keys(BUILT_IN).join(', ')}`);
  return entry;
}

function automaticEngine(): 'native' | 'wasm' {
  return nativeIsas().length > 0 ? 'native' : 'wasm';
}

/** Says on stderr what `auto` took and why, before work that takes long. */
export function announce(name: EngineName): void {
  if (name !== 'auto') return;
  if (automaticEngine() === 'wasm') {
    say('engine wasm: the native kernels are not built (they need g++ 12 or clang 15; then `npm run build`)');
  } else say(`engine native: its kernels are built for this processor (${nativeIsas().join(', ')})`);
}

/** `wasm relaxed-simd, 2 threads`. */
export function describeEngine({ name, isa, threads }: Engine): string {
  return `${name} ${isa}, ${counted(threads, 'thread')}`;
}
