import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interfaceHeader } from './generate-header.ts';

/** The root folder of the package, whether this runs from `dist/tools` or from the sources. */
export const root = ['../../', '../']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(join(path, 'kernels/run.h')))!;

/** All C++ sources, including the generated header: path relative to the root → text. */
export function kernelSources(): Map<string, string> {
  const entries = readdirSync(join(root, 'kernels'), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const files = paths
    .sort()
    .map((path) => [relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')] as const);
  return new Map(files).set('kernels/base/interface.h', interfaceHeader());
}

/** The translation units of the kernels, one per family (kernels/base/entry.h), without the bindings. */
export function kernelUnits(files: ReadonlyMap<string, string>): readonly string[] {
  return [...files.keys()].filter((path) => path.endsWith('.cpp') && !path.startsWith('kernels/bindings/'));
}

/** A file, and all sources that it includes directly or indirectly. */
export function includedBy(files: ReadonlyMap<string, string>, path: string): readonly string[] {
  const found = new Set<string>();
  const visit = (each: string) => {
    const text = files.get(each);
    if (text === undefined || found.has(each)) return;
    found.add(each);
    for (const [, name] of text.matchAll(/^\s*#include "([^"]+)"/gm)) visit(`kernels/${name}`);
  };
  visit(path);
  return [...found].sort();
}

const STAMP = 'sources.sha256';
const hashOf = (inputs: unknown) => createHash('sha256').update(JSON.stringify(inputs)).digest('hex');

/** Whether a folder was built from these inputs. */
export function isUnchanged(folder: string, inputs: unknown): boolean {
  try {
    return readFileSync(join(folder, STAMP), 'utf8') === hashOf(inputs);
  } catch {
    return false;
  }
}

/** Records the inputs that a folder was built from. */
export function stamp(folder: string, inputs: unknown): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, STAMP), hashOf(inputs));
}
