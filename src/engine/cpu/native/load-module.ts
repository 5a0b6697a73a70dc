import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { interfaceVersion } from '../../../target/cpu/interface.ts';
import { EngineError } from '../../engine.ts';
import type { NativeIsa, NativeModule } from './module.ts';

/** Folders of prebuilt modules (prebuildify's layout), relative to the built file and to its source. */
const FOLDERS = ['../../../../../prebuilds/', '../../../../prebuilds/'];
const require = createRequire(import.meta.url);

/** Instruction sets that are built and that this processor supports, the fastest first. Empty: no native engine. */
export function nativeIsas(): readonly NativeIsa[] {
  const path = modulePath('isas');
  if (!path) return [];
  const { isas } = require(path) as { isas(): NativeIsa[] };
  return isas().filter((isa) => modulePath(isa) !== undefined);
}

/**
 * The kernels for the best instruction set of this processor, or for the requested one; the environment variable
 * `DENSOR_ISA` can request one, so that tests can force a lower one.
 * @throws EngineError when they are not built, or the processor cannot run them.
 */
export function loadNativeModule(isa = process.env.DENSOR_ISA): {
  readonly isa: NativeIsa;
  readonly module: NativeModule;
} {
  const isas = nativeIsas();
  if (isas.length === 0) {
    throw new EngineError(
      'the native kernels are not built: install g++ 12 or clang 15 (or later), then run `npm run build`; or use `engine` wasm',
    );
  }
  const chosen = isa === undefined ? isas[0] : isas.find((each) => each === isa);
  if (!chosen) {
    throw new EngineError(`no native kernels for ${isa} on this machine: it has ${isas.join(', ')}`);
  }
  const module = require(modulePath(chosen)!) as NativeModule;
  requireInterface(module);
  return { isa: chosen, module };
}

/** @throws EngineError if the module would misread this version's plans. */
export function requireInterface({ interfaceVersion: version }: NativeModule): void {
  if (version === interfaceVersion()) return;
  throw new EngineError(
    'the native kernels were compiled from other sources than this version: run `npm run build`; or use `engine` wasm',
  );
}

function modulePath(isa: NativeIsa | 'isas'): string | undefined {
  const paths = FOLDERS.map((folder) =>
    fileURLToPath(
      new URL(`${folder}${process.platform}-${process.arch}/densor-${isa}.node`, import.meta.url),
    ),
  );
  return paths.find((path) => existsSync(path));
}
