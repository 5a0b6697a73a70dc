import type { Engine } from '../engine/engine.ts';
import type { Target } from '../plan/target.ts';

/** How the command line opens an engine. */
export interface EngineEntry {
  /** @throws EngineError when this machine or this build does not have it. */
  open(threads: number): Promise<Engine>;
  /** What networks are compiled for that the engine runs: its `target`, without opening it. @throws EngineError */
  target(): Target | Promise<Target>;
}

const added = new Map<string, EngineEntry>();

/** Adds an engine that `--engine NAME` then opens. @returns what removes it. @throws RangeError when the name is taken. */
export function registerEngine(name: string, entry: EngineEntry): () => void {
  if (added.has(name)) throw new RangeError(`an engine ${name} already exists`);
  added.set(name, entry);
  return () => void added.delete(name);
}

/** An engine that was added. */
export function registeredEngine(name: string): EngineEntry | undefined {
  return added.get(name);
}
