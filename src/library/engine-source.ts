import type { Engine } from '../engine/engine.ts';
import { ConfigError } from '../train/config.ts';
import { ENGINE_NAMES, type EngineName } from '../train/settings/other-settings.ts';
import type { EngineSource } from './predictor.ts';
import { said } from './said.ts';

/** Selects the engine. */
export interface EngineOptions {
  /**
   * A name, or an open engine (`createWasmEngine`, …), which is not closed. `auto` selects `native` if its kernels
   * are built, otherwise `wasm`. Default: `auto`.
   */
  readonly engine?: EngineName | Engine | undefined;
  /** Number of threads. Results do not depend on it. Default: all processors. */
  readonly threads?: number | undefined;
}

/** Opens an engine by name. */
export type OpenEngine = (name: EngineName, threads: number | undefined) => Promise<Engine>;

/** The engine of these options, opened on first use. @throws ConfigError for unknown names. */
export function engineSource(
  { engine = 'auto', threads }: EngineOptions,
  openEngine: OpenEngine,
): EngineSource {
  if (typeof engine === 'object' && engine !== null && typeof engine.open === 'function') {
    return { open: async () => engine, close: async () => {} };
  }
  const name = ENGINE_NAMES.find((each) => each === engine);
  if (!name) {
    throw new ConfigError(
      `\`engine\` is ${said(engine)}: expected ${ENGINE_NAMES.join(', ')} or an engine that was made`,
    );
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0 && threads <= 256)) {
    throw new ConfigError(`\`threads\` is ${said(threads)}: expected a whole number from 1 to 256`);
  }
  let opened: Promise<Engine> | undefined;
  return {
    open() {
      opened ??= openEngine(name, threads).catch((error: unknown) => {
        opened = undefined; // The next call tries again.
        throw error;
      });
      return opened;
    },
    close: async () => (await opened)?.close(),
  };
}
