import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Contender, KEEP_HEAP, startProcess } from '../common/contender.ts';
import { peerScript } from '../common/programs.ts';
import type { GpuCase, PeerVariant } from './cases.ts';
import type { Entrant, StepAnswer } from './rounds.ts';

/** Processes of bench/gpu: Densor's contenders, PyTorch, and programs that run once. */

/** How long an answer measures, if a step is shorter. */
const MEASURE_MS = 250;
const START_MS = 60_000;

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** A process of Densor's that stays warm, for one case. @param name `webgpu:f32`, `native:avx512:bf16`. */
export function densorEntrant(name: string, step: GpuCase, threads: number): Entrant & { end(): void } {
  const args = [script('contender'), name, JSON.stringify(step), `${threads}`, `${MEASURE_MS}`];
  const { step: measure, end } = startProcess<StepAnswer>(name, process.execPath, args);
  return { name, measure: (capMs) => measure(undefined, capMs), end };
}

/** What PyTorch says of itself. */
export interface PeerAbout {
  readonly python: string;
  readonly version: string;
  readonly device: string;
  readonly threads: number;
}

/** A Python with PyTorch. @throws Error if there is none. */
export function findPython(): string {
  const names = ['python3', 'python', '/usr/bin/python3', '/opt/conda/bin/python', '/usr/local/bin/python3'];
  const candidates = process.env.DENSOR_PYTHON ? [process.env.DENSOR_PYTHON] : names;
  const found = candidates.find(
    (python) =>
      spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore', timeout: START_MS }).status === 0,
  );
  if (found) return found;
  throw new Error(`no Python with PyTorch: tried ${candidates.join(', ')}`);
}

/** PyTorch in one process for all cases and variants. It is started again if it ended. */
export class Peer {
  readonly #start: () => Contender<StepAnswer>;
  readonly #device: string;
  readonly #python: string;
  #process: Contender<StepAnswer> | undefined;

  constructor(python: string, device: 'cuda' | 'cpu', threads: number) {
    const args = [peerScript('pytorch_device.py'), device, `${threads}`];
    const environment = device === 'cpu' ? KEEP_HEAP : {};
    this.#python = python;
    this.#device = device;
    this.#start = () => startProcess(`pytorch:${device}`, python, args, { environment });
  }

  /** Starts it, unless it runs. @throws Error if PyTorch or its device is absent. */
  async about(capMs: number): Promise<PeerAbout> {
    this.end();
    this.#process = this.#start();
    const said = (await this.#process.step(undefined, Math.min(START_MS, capMs))) as unknown as Omit<
      PeerAbout,
      'python'
    >;
    return { python: this.#python, ...said };
  }

  entrants(step: GpuCase, variants: Readonly<Record<string, PeerVariant>>): readonly Entrant[] {
    return Object.entries(variants).map(([name, variant]) => ({
      name: `pytorch:${this.#device}:${name}`,
      measure: async (capMs) => {
        if (!this.#process) await this.about(capMs);
        const request = { case: step, variant: { ...variant, measureMs: MEASURE_MS } };
        try {
          return await this.#process!.step(request, capMs);
        } catch (error) {
          if (/^no answer|ended without/.test((error as Error).message)) this.end();
          throw error;
        }
      },
    }));
  }

  end(): void {
    this.#process?.end();
    this.#process = undefined;
  }
}

/**
 * Runs a program with a timeout. @returns its standard output. @param accepted exit statuses. @throws Error with its
 * last lines of errors.
 */
export async function output(
  program: string,
  args: readonly string[],
  capMs: number,
  accepted: readonly number[] = [0],
): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: Math.ceil(capMs) });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => (said.out += text));
  child.stderr.on('data', (text) => (said.err += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve).on('error', reject);
  });
  if (status !== null && accepted.includes(status) && said.out !== '') return said.out;
  const why = status === null ? `no answer within ${Math.round(capMs / 1000)} s` : `status ${status}`;
  throw new Error(`${why}: ${(said.err || said.out).trim().split('\n').slice(-5).join('\n')}`);
}

/** The JSON that a script of this folder prints. */
export async function scriptOutput(name: string, args: readonly string[], capMs: number): Promise<object> {
  return JSON.parse(await output(process.execPath, [script(name), ...args], capMs)) as object;
}
