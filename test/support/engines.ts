import { existsSync } from 'node:fs';
import { createNativeEngine } from '../../src/engine/cpu/native/engine.ts';
import { loadNativeModule, nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { createWasmEngine, WASM_ISAS } from '../../src/engine/cpu/wasm/engine.ts';
import { loadWasmModule } from '../../src/engine/cpu/wasm/load-module.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createReferenceEngine } from '../../src/engine/reference/engine.ts';
import { NEON, replayPath, SANITIZED, TILES } from '../../tools/replay.ts';
import { createReplayEngine } from './replay-engine.ts';

/** An engine under test, opened only when its turn comes. */
export interface EngineCase {
  readonly name: string;
  open(threads?: number): Promise<Engine>;
}

export const WASM: readonly EngineCase[] = WASM_ISAS.map((isa) => ({
  name: `wasm ${isa}`,
  open: async (threads = 2) => createWasmEngine({ threads, ...(await loadWasmModule(isa)) }),
}));

/** What a processor of this kind may have and this machine has not, or has not built: shown as skipped. */
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

/** `asan-avx2`, or `asan-avx2=NAME` for a build of it under another name. */
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

/**
 * Every float32 engine and instruction set of this machine: each must agree with `reference`. `DENSOR_REPLAY` names
 * builds of the replay program, with commas between, that are tested in their stead (tools/sanitize.ts).
 */
export const ENGINES: readonly EngineCase[] = asked ? asked.split(',').map(replay) : [...WASM, ...NATIVE];

/** The engine and instruction set that trains where nobody says: the fastest of this machine. */
export const BEST: string = (ENGINES.find(({ name }) => name.startsWith('native')) ?? ENGINES[0]!).name;

export const REFERENCE: EngineCase = { name: 'reference', open: async () => createReferenceEngine() };
