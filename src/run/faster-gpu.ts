import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';
import { mayHaveDriver } from '../engine/webgpu/node-gpu.ts';
import { cacheFolder, makeWritable, SET_CACHE_HOME } from '../node/cache-folder.ts';
import { writeFileAtomic } from '../node/files.ts';
import { VERSION } from '../version.ts';

/** A measurement is repeated after this time if it found no GPU: a driver may have been installed. */
const NO_GPU_MS = 24 * 3600 * 1000;
/** Drivers may hang. */
const TIMEOUT_MS = 60_000;
/** What a probe has measured: training steps of the notes' network, in images per second. */
export const probeSchema = z.object({
  /** Name of the GPU; absent: there is none, or only one in software. */
  adapter: z.string().optional(),
  gpu: z.number().default(0),
  cpu: z.number().default(0),
});
export type GpuProbe = z.infer<typeof probeSchema>;

const keptSchema = probeSchema.extend({ version: z.string(), engine: z.string(), at: z.number() });

const probes = new Map<string, Promise<GpuProbe>>();

/**
 * Measures once whether the GPU is faster than an engine on the processor, in a process of its own, since drivers print
 * and crash. The result is stored in the cache for this version.
 * @param engine `native` or `wasm`.
 */
export function probeGpu(engine: string): Promise<GpuProbe> {
  const known =
    probes.get(engine) ?? (mayHaveGpu() ? storedProbe(engine) : Promise.resolve({ gpu: 0, cpu: 0 }));
  probes.set(engine, known);
  return known;
}

/** True if the probe found a GPU that is faster. */
export function isFaster({ adapter, gpu, cpu }: GpuProbe): boolean {
  return adapter !== undefined && gpu > cpu;
}

/** False without starting anything: the package or a driver is missing. */
function mayHaveGpu(): boolean {
  try {
    createRequire(import.meta.url).resolve('webgpu');
    return mayHaveDriver();
  } catch {
    return false;
  }
}

async function storedProbe(engine: string): Promise<GpuProbe> {
  const file = join(cacheFolder(), 'gpu.json');
  const kept = readKept(file);
  const isCurrent = kept?.version === VERSION && kept.engine === engine;
  if (isCurrent && (kept.adapter !== undefined || Date.now() - kept.at < NO_GPU_MS)) return kept;
  const probe = await runProbe(engine);
  try {
    makeWritable(cacheFolder(), SET_CACHE_HOME);
    writeFileAtomic(file, JSON.stringify({ ...probe, version: VERSION, engine, at: Date.now() }));
  } catch {
    // Without a cache it is measured in each process.
  }
  return probe;
}

function readKept(file: string): z.infer<typeof keptSchema> | undefined {
  try {
    return keptSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function runProbe(engine: string): Promise<GpuProbe> {
  try {
    const program = fileURLToPath(new URL('./gpu-probe.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, engine], {
      timeout: TIMEOUT_MS,
    });
    return probeSchema.parse(JSON.parse(stdout));
  } catch {
    return { gpu: 0, cpu: 0 };
  }
}
