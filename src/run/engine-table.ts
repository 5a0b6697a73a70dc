import type { Engine } from '../engine/engine.ts';
import type { Target } from '../plan/target.ts';

/** Is told how many kernels of all are compiled. */
export type CompileListener = (done: number, total: number) => void;

/** An entry of the table of engines. */
export interface EngineEntry {
  /**
   * @param onCompile is told how many kernels are compiled, by engines that compile them when a network is opened.
   * @throws EngineError if it is not available on this machine or in this build.
   */
  open(threads: number, onCompile?: CompileListener): Promise<Engine>;
  /** The compilation target of the engine, without opening it. @throws EngineError */
  target(): Target | Promise<Target>;
}

const added = new Map<string, EngineEntry>();

/**
 * Registers an engine for `--engine NAME`. @returns a function that removes it. @throws RangeError if the name
 * exists.
 */
export function registerEngine(name: string, entry: EngineEntry): () => void {
  if (added.has(name)) throw new RangeError(`an engine ${name} already exists`);
  added.set(name, entry);
  return () => void added.delete(name);
}

/** The registered engine with this name, if any. */
export function registeredEngine(name: string): EngineEntry | undefined {
  return added.get(name);
}
