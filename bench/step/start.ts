import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { type Contender, isPytorch, KEPT_HEAP, pytorchOf, startProcess } from '../common/contender.ts';
import type { StepCase } from '../common/network.ts';
import { PYTHON, peerScript } from '../common/programs.ts';
import { installPeer, npmPeerOf } from '../peers/packages.ts';

/** The output of a contender after each step. */
export interface Answer {
  readonly ms: number;
  readonly loss: number;
  readonly peakRssBytes: number;
  readonly plannedPeakBytes?: number;
  readonly version?: string;
}

/** Starts a contender. @param input file written by `writeInput`, for peers in other languages. */
export function start(name: string, step: StepCase, input: string, capMs?: number): Contender<Answer> {
  const [program, args] = commandOf(name, step, input);
  const environment = isPytorch(name) ? pytorchOf(name).environment : {};
  return startProcess<Answer>(name, program, args, { environment, capMs });
}

function commandOf(name: string, step: StepCase, input: string): [string, string[]] {
  if (!isPytorch(name)) {
    const contender = fileURLToPath(new URL('./contender.js', import.meta.url));
    const peer = npmPeerOf(name);
    return [process.execPath, [contender, name, JSON.stringify(step), ...(peer ? [installPeer(peer)] : [])]];
  }
  if (!PYTORCH.includes(name)) throw new Error(`there is no ${name}; there are ${PYTORCH.join(', ')}`);
  return [PYTHON, [peerScript('pytorch_step.py'), pytorchOf(name).format, JSON.stringify(step), input]];
}

const PYTORCH = ['default', 'channels_last', 'autocast_bf16'].flatMap((layout) => [
  `pytorch:${layout}`,
  `pytorch:${layout}${KEPT_HEAP}`,
]);

/**
 * The best instruction set of each engine, also in bfloat16; AVX2 in addition to AVX-512; PyTorch if it is
 * installed.
 */
export function defaultContenders(): string[] {
  const isas = nativeIsas();
  const native = isas.filter((isa, i) => i === 0 || isa === 'avx2');
  const torch = spawnSync(PYTHON, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0;
  const half = native.slice(0, 1).map((isa) => `native:${isa}:bf16`);
  return [...native.map((isa) => `native:${isa}`), ...half, 'wasm:relaxed-simd', ...(torch ? PYTORCH : [])];
}
