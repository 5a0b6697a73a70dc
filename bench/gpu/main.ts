import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { formatDuration } from '../../src/cli/format.ts';
import { nativeIsas } from '../../src/engine/cpu/native/load-module.ts';
import { writeFileAtomic } from '../../src/node/files.ts';
import { describeMachine } from '../common/machine.ts';
import { DENSOR, ROOT } from '../common/programs.ts';
import {
  CASES,
  CPU_VARIANTS,
  CUDA_VARIANTS,
  cpuCase,
  GOLDEN,
  type GpuCase,
  nameOf,
  TINY_CASES,
  TINY_GOLDEN,
} from './cases.ts';
import { densorEntrant, findPython, output, Peer, scriptOutput } from './processes.ts';
import { linesOf } from './report.ts';
import { measureInRounds, type RoundOptions } from './rounds.ts';

/**
 * Measures Densor on a GPU and CPU beside PyTorch, the most important first, within a number of minutes. A part that
 * fails is recorded, and the others go on; the JSON file is written after each measurement.
 */

interface GpuBenchOptions {
  readonly minutes: number;
  readonly rounds: number;
  readonly out: string;
  readonly tiny?: boolean;
  readonly threads: number;
}

/** Each part gets at most this fraction of the time that is left. */
const SHARE = 0.5;
const PROFILED_STEPS = 10;

const {
  minutes,
  rounds,
  out,
  tiny = false,
  threads,
} = new Command('bench-gpu')
  .description('Densor on a GPU and CPU, beside PyTorch')
  .option('--minutes <n>', 'time for everything', Number, 8)
  .option('--rounds <n>', 'rounds of each case, while there is time', Number, 7)
  .option('--threads <n>', 'on the CPU', Number, availableParallelism())
  .option('--out <file>', 'JSON', 'densor-gpu.json')
  .option('--tiny', 'small networks, for an adapter in software')
  .parse()
  .opts<GpuBenchOptions>();

const started = performance.now();
const end = started + 60_000 * minutes;
const parts: Record<string, unknown> = {};
const errors: Record<string, string> = {};
const report = { date: new Date().toISOString(), minutes, isTiny: tiny, parts, errors };

function save(): void {
  writeFileAtomic(out, `${JSON.stringify(report, undefined, 1)}\n`);
}

/** Runs a part; its result, or its error, is in the file. @param run is given the milliseconds that it may take. */
async function part(name: string, run: (capMs: number) => Promise<unknown>): Promise<void> {
  const leftMs = end - performance.now();
  process.stdout.write(`\n${name} (${formatDuration(Math.max(0, leftMs))} left)\n`);
  try {
    if (leftMs <= 0) throw new Error('no time was left');
    parts[name] = await run(SHARE * leftMs);
    for (const line of linesOf(parts[name])) process.stdout.write(`  ${line}\n`);
  } catch (error) {
    errors[name] = (error as Error).message;
    process.stdout.write(`  failed: ${errors[name]}\n`);
  }
  save();
}

/** Rounds of a case; the results so far are in the file. */
function inRounds(name: string, step: GpuCase, capMs: number): RoundOptions {
  const onResults: RoundOptions['onResults'] = (results) => {
    parts[name] = { case: step, results };
    save();
  };
  return { rounds, batch: step.batch, deadline: performance.now() + capMs, onResults };
}

async function besidePeer(
  name: string,
  own: readonly string[],
  {
    step,
    peer,
    variants,
    capMs,
  }: { step: GpuCase; peer: Peer | undefined; variants: typeof CUDA_VARIANTS; capMs: number },
): Promise<unknown> {
  const options = inRounds(name, step, capMs);
  const contenders = own.map((each) => densorEntrant(each, step, threads));
  try {
    const others = peer?.entrants(step, variants) ?? [];
    return { case: step, results: await measureInRounds([...contenders, ...others], options) };
  } finally {
    for (const contender of contenders) contender.end();
  }
}

const golden = (tiny ? TINY_GOLDEN : GOLDEN).map((name) =>
  join(ROOT, `test/golden/data/${name}.safetensors`),
);
const cases = tiny ? TINY_CASES : CASES;
const peers: { cuda?: Peer; cpu?: Peer } = {};

await part('machine', () => describeMachine());
await part('nvidia-smi', async (capMs) => {
  const fields = 'name,driver_version,memory.total,clocks.max.sm,clocks.sm,power.limit';
  return (await output('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv'], capMs)).trim().split('\n');
});
await part('verify', async (capMs) => {
  const args = [DENSOR, 'verify', ...golden, '--engine', 'webgpu', '--json'];
  return JSON.parse(await output(process.execPath, args, capMs, [0, 1])); // 1: numbers are wrong, and listed.
});
await part('PyTorch on CUDA', async (capMs) => {
  const peer = new Peer(findPython(), 'cuda', threads);
  const about = await peer.about(capMs);
  peers.cuda = peer;
  return about;
});
for (const [i, step] of cases.entries()) {
  const name = nameOf(step);
  await part(name, (capMs) =>
    besidePeer(name, ['webgpu:f32', 'webgpu:bf16'], {
      step,
      peer: peers.cuda,
      variants: CUDA_VARIANTS,
      capMs,
    }),
  );
  if (i > 0) continue;
  for (const precision of ['f32', 'bf16']) {
    const args = [JSON.stringify(step), precision, `${tiny ? 1 : PROFILED_STEPS}`];
    await part(`profile, ${name}, ${precision}`, (capMs) => scriptOutput('profile', args, capMs));
  }
}
peers.cuda?.end();
await part('PyTorch on the CPU', async (capMs) => {
  const peer = new Peer(findPython(), 'cpu', threads);
  const about = await peer.about(capMs);
  peers.cpu = peer;
  return about;
});
const onCpu = `CPU, ${nameOf(cpuCase(tiny))}`;
await part(onCpu, (capMs) => {
  const [isa] = nativeIsas();
  if (!isa) throw new Error('the native kernels do not run here');
  const own = [`native:${isa}`, `native:${isa}:bf16`];
  // PyTorch is known: the last part may take all of the time.
  return besidePeer(onCpu, own, {
    step: cpuCase(tiny),
    peer: peers.cpu,
    variants: CPU_VARIANTS,
    capMs: capMs / SHARE,
  });
});
peers.cpu?.end();
process.stdout.write(`\n${out}, after ${formatDuration(performance.now() - started)}\n`);
process.exit(0);
