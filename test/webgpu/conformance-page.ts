import type { Engine } from '../../src/engine/engine.ts';
import { openDevice, pageGpu } from '../../src/engine/webgpu/device.ts';
import { createWebgpuEngine } from '../../src/engine/webgpu/engine.ts';
import { CASES } from '../conformance/cases.ts';
import { moduleCase, runModuleCase } from '../support/module-run.ts';

/** The bits of every result of a conformance case, as one number (FNV-1a). */
async function hashOf(engine: Engine, index: number): Promise<number> {
  const each = CASES[index]!;
  const results = await runModuleCase(engine, moduleCase(each.module, each.input, 1000 + index, each));
  let hash = 0x811c9dc5;
  for (const name of [...results.keys()].sort()) {
    const { buffer, byteOffset, byteLength } = results.get(name)!;
    for (const word of new Uint32Array(buffer, byteOffset, byteLength / 4))
      hash = Math.imul(hash ^ word, 0x01000193);
  }
  return hash >>> 0;
}

/** The hashes of all cases by name. */
export async function hashes(engine: Engine): Promise<Record<string, number>> {
  const all: Record<string, number> = {};
  for (const [i, { name }] of CASES.entries()) all[name] = await hashOf(engine, i);
  return all;
}

/** The same in a page, on its own WebGPU. */
export async function hashesInPage(): Promise<Record<string, number>> {
  const engine = createWebgpuEngine({ device: await openDevice({ gpu: pageGpu() }) });
  const all = await hashes(engine);
  await engine.close();
  return all;
}
