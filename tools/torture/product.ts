import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { decodeSafetensors } from '../../src/io/safetensors.ts';
import { LOCK_FILE, LockedError, lockFolder } from '../../src/node/folder-lock.ts';
import { runFiles } from '../../src/run/run-folder.ts';
import { decodeCheckpoint, isCheckpoint, type LoadedCheckpoint } from '../../src/train/checkpoint.ts';

/** All that the torture knows of the product: where its parts lie, how its files are named and read. */
export { LOCK_FILE, LockedError };

/** The repository, whether this runs from the sources or from dist/. */
export const ROOT = rootOf(dirname(fileURLToPath(import.meta.url)));

/** The built command line. */
export const MAIN = join(ROOT, 'dist', 'src', 'cli', 'main.js');

export const LOG_FILE = basename(runFiles('').log);
export const LAST_FILE = basename(runFiles('').last);

/** Pictures that a run does without: where one cannot be drawn, it warns and goes on. */
const PICTURES: readonly string[] = [runFiles('').curvesSvg, runFiles('').curvesPng].map((file) =>
  basename(file),
);

export function isPicture(file: string): boolean {
  return PICTURES.includes(basename(file));
}

/** Takes a folder. @returns how to give it back. @throws LockedError */
export function takeLock(folder: string): () => void {
  const { release } = lockFolder(folder);
  return release;
}

type Program = (words: readonly string[]) => Promise<number>;

/** The command line as a function. @param other a module that has another one. */
export async function loadProgram(other?: string): Promise<Program> {
  if (other !== undefined) return ((await import(other)) as { readonly runProgram: Program }).runProgram;
  return (await import('../../src/cli/program.ts')).runProgram;
}

/** The fastest engine that this machine has. */
export function engineName(): 'native' | 'wasm' {
  return nativeIsas().length > 0 ? 'native' : 'wasm';
}

/** A built program of this folder, to be forked. */
export function builtTool(name: string): string {
  return join(ROOT, 'dist', 'tools', 'torture', name);
}

export function isTemporary(name: string): boolean {
  return name.endsWith('.partial');
}

/** A text without the parts of temporary names that differ between runs: `last.safetensors.partial`. */
export function withoutRandom(text: string): string {
  return text.replace(/\.(?:[0-9a-f]{16}|\d+)(?=\.partial)/g, '');
}

/** @returns undefined for a valid safetensors file that is no checkpoint. @throws for a file that is damaged. */
export function readCheckpoint(bytes: Uint8Array, path: string): LoadedCheckpoint | undefined {
  const { metadata } = decodeSafetensors(bytes, path);
  return isCheckpoint(metadata) ? decodeCheckpoint(bytes, path) : undefined;
}

/**
 * What a checkpoint says of its run, without what differs between two equal runs: times, and the length of a log that
 * holds times.
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
