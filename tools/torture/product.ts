import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { LOCK_FILE, LockedError, lockFolder } from '../../src/node/folder-lock.ts';
import { runFiles } from '../../src/run/run-folder.ts';
import { decodeCheckpoint, isCheckpoint, type LoadedCheckpoint } from '../../src/train/checkpoint.ts';

/** The interface to Densor: paths, file names, and functions that read its files. */
export { LOCK_FILE, LockedError };

/** The root folder, whether this runs from the sources or from dist/. */
export const ROOT = rootOf(dirname(fileURLToPath(import.meta.url)));

/** The built command line. */
export const MAIN = join(ROOT, 'dist', 'src', 'cli', 'main.js');

export const LOG_FILE = basename(runFiles('').log);
export const LAST_FILE = basename(runFiles('').last);

/** Optional plots: if one cannot be written, the run warns and continues. */
const PICTURES: readonly string[] = [runFiles('').curvesSvg, runFiles('').curvesPng].map((file) =>
  basename(file),
);

export function isPicture(file: string): boolean {
  return PICTURES.includes(basename(file));
}

/** Locks a folder. @returns a function that releases it. @throws LockedError */
export function takeLock(folder: string): () => void {
  const { release } = lockFolder(folder);
  return release;
}

type Program = (words: readonly string[]) => Promise<number>;

/** Loads the command line as a function. @param other a module with a replacement. */
export async function loadProgram(other?: string): Promise<Program> {
  if (other !== undefined) return ((await import(other)) as { readonly runProgram: Program }).runProgram;
  return (await import('../../src/cli/program.ts')).runProgram;
}

/** The fastest available engine. */
export function engineName(): 'native' | 'wasm' {
  return nativeIsas().length > 0 ? 'native' : 'wasm';
}

/** The path of a built program of this folder, for fork. */
export function builtTool(name: string): string {
  return join(ROOT, 'dist', 'tools', 'torture', name);
}

export function isTemporary(name: string): boolean {
  return name.endsWith('.partial');
}

/** Removes the random part of temporary names: `last.safetensors.partial`. */
export function withoutRandom(text: string): string {
  return text.replace(/\.(?:[0-9a-f]{16}|\d+)(?=\.partial)/g, '');
}

/** Reads a checkpoint; undefined for other safetensors files. @throws for damaged files. */
export function readCheckpoint(bytes: Uint8Array, path: string): LoadedCheckpoint | undefined {
  const { metadata } = decodeSafetensors(bytes, path);
  return isCheckpoint(metadata) ? decodeCheckpoint(bytes, path) : undefined;
}

/**
 * The state of the run in a checkpoint, without properties that differ between equal runs: times, and the size of
 * the log, which contains times.
 */
export function lastingState({ run }: LoadedCheckpoint): unknown {
  const { progress, ...rest } = run;
  const isLasting = ([key]: [string, unknown]) => key !== 'trainMs' && !/^log/.test(key);
  return Object.fromEntries(
    Object.entries({
      ...rest,
      progress: Object.fromEntries(Object.entries(progress).filter(isLasting)),
    }).filter(isLasting),
  );
}

function rootOf(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at;
    if (at === dirname(at)) throw new Error(`${folder} is in no package`);
  }
}
