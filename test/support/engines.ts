import { existsSync } from 'node:fs';
import { createNativeEngine } from '../../src/engine/cpu/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { createWasmEngine, WASM_ISAS } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { openDevice } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { nodeGpu } from '../../src/engine/webgpu/node-gpu.ts';
import { NEON, replayPath, SANITIZED, TILES } from '../../tools/replay.ts';
import { createReplayEngine } from './replay-engine.ts';

/** An engine under test, opened on demand. */
export interface EngineCase {
  readonly name: string;
  open(threads?: number): Promise<Engine>;
}

export const WASM: readonly EngineCase[] = WASM_ISAS.map((isa) => ({
  name: `wasm ${isa}`,
  open: async (threads = 2) => createWasmEngine({ threads, ...(await loadWasmModule(isa)) }),
}));

/** Instruction sets of this architecture that are not available or not built on this machine; shown as skipped. */
export const MISSING: readonly string[] = (
  process.arch === 'arm64' ? ['neon'] : ['amx', 'avx512-bf16', 'avx512', 'avx2']
)
  .concat('scalar')
  .filter((isa) => !nativeIsas().some((each) => each === isa))
  .map((isa) => `native ${isa}`);

/** Empty on a machine without a C++ compiler. */
const NATIVE: readonly EngineCase[] = nativeIsas().map((isa) => ({
  name: `native ${isa}`,
  open: async (threads = 2) => createNativeEngine({ threads, ...loadNativeModule(isa) }),
}));

/** Parses `asan-avx2`, or `asan-avx2=NAME` for a build with another name. */
function replay(asked: string): EngineCase {
  const [name, binary = name] = asked.split('=');
  const known = [...SANITIZED, NEON, TILES];
  const variant = known.find((each) => each.name === name);
  if (!variant) {
    throw new Error(`DENSOR_REPLAY: no ${name}; known are ${known.map((each) => each.name).join(', ')}`);
  }
  if (!existsSync(replayPath(binary!))) {
    throw new Error(
      `DENSOR_REPLAY: ${binary} is not built; npm run sanitize, test:neon and test:tiles build it`,
    );
  }
  return { name: `replay ${binary}`, open: async (threads) => createReplayEngine(variant, threads, binary) };
}

const asked = process.env.DENSOR_REPLAY;

/** WebGPU by Dawn. Machines without a graphics card have SwiftShader, which computes on the processor. */
const WEBGPU: EngineCase = {
  name: 'webgpu',
  open: async () => createWebgpuEngine({ device: await openDevice({ gpu: await nodeGpu() }) }),
};

/**
 * All float32 engines and instruction sets of this machine; each must agree with `reference`. `DENSOR_REPLAY`: a
 * comma-separated list of builds of the replay program that are tested instead (tools/sanitize.ts).
 */
export const ENGINES: readonly EngineCase[] = process.env.DENSOR_WEBGPU
  ? [WEBGPU]
  : asked
    ? asked.split(',').map(replay)
    : [...WASM, ...NATIVE];

/** The engine and instruction set that trains where nobody says: the fastest of this machine. */
export const BEST: string = (ENGINES.find(({ name }) => name.startsWith('native')) ?? ENGINES[0]!).name;

export const REFERENCE: EngineCase = { name: 'reference', open: async () => createReferenceEngine() };
