import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatBytes, formatTable } from '../src/cli/format.ts';
import { NOTES_STEP, type StepCase } from './network.ts';

/**
 * Times training steps of Densor's engines and of PyTorch in one run: every contender is a process of its own that
 * stays warm, and they take turns step by step, so that a slow minute of the machine hits all alike.
 */

interface Answer {
  readonly ms: number;
  readonly loss: number;
  readonly peakRssBytes: number;
  readonly plannedPeakBytes?: number;
  readonly version?: string;
}

interface Contender {
  readonly name: string;
  readonly child: ChildProcess;
  readonly answers: Answer[];
  step(): Promise<Answer>;
}

interface BenchOptions extends Omit<StepCase, 'blocks'> {
  readonly contenders: string;
  readonly rounds: number;
  readonly blocks: string;
  readonly out?: string;
}

const PAUSE_MS = 200;

function start(name: string, step: StepCase): Contender {
  const [program, args] = commandOf(name, step);
  const env = { ...process.env, OMP_WAIT_POLICY: 'passive' };
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    name,
    child,
    answers: [],
    async step() {
      child.stdin!.write('\n');
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended without an answer`);
      return JSON.parse(value) as Answer;
    },
  };
}

function commandOf(name: string, step: StepCase): [string, string[]] {
  const [engine, variant] = name.split(':') as [string, string];
  if (engine !== 'pytorch') {
    const contender = fileURLToPath(new URL('./contender.js', import.meta.url));
    return [process.execPath, [contender, name, JSON.stringify(step)]];
  }
  const script = fileURLToPath(new URL('../../bench/peers/pytorch_step.py', import.meta.url));
  const { size, batch, blocks, growth, stem, threads } = step;
  const args = [variant, size, batch, blocks.join(','), growth, stem, threads].map(String);
  return ['/usr/bin/python3', [script, ...args]];
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

async function main(): Promise<void> {
  const command = new Command('bench-step')
    .description('training steps of several engines, in turns')
    .option(
      '--contenders <names>',
      'comma separated',
      'wasm:relaxed-simd,wasm:simd128,pytorch:default,pytorch:channels_last',
    )
    .option('--rounds <n>', 'steps of each', Number, 7)
    .option('--size <pixels>', 'image size', Number, NOTES_STEP.size)
    .option('--batch <images>', 'images per step', Number, NOTES_STEP.batch)
    .option('--blocks <list>', 'layers per block', NOTES_STEP.blocks.join(','))
    .option('--growth <k>', 'growth rate', Number, NOTES_STEP.growth)
    .option('--stem <channels>', 'stem channels', Number, NOTES_STEP.stem)
    .option('--threads <n>', 'of each contender', Number, NOTES_STEP.threads)
    .option('--out <file>', 'writes FILE.json and FILE.md')
    .parse();
  const { contenders: names, rounds, out, blocks, ...numbers } = command.opts<BenchOptions>();
  const step: StepCase = { ...numbers, blocks: blocks.split(',').map(Number) };
  const contenders = names.split(',').map((name) => start(name, step));
  for (const contender of contenders) for (let k = 0; k < 2; k++) await contender.step();
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(turn + round) % contenders.length]!;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      contender.answers.push(await contender.step());
    }
    process.stderr.write(`round ${round + 1}/${rounds}\n`);
  }
  for (const { child } of contenders) child.stdin!.end();
  report(step, rounds, contenders, out);
}

function report(step: StepCase, rounds: number, contenders: readonly Contender[], out?: string): void {
  const results = contenders.map(({ name, answers }) => {
    const times = answers.map(({ ms }) => ms);
    const { peakRssBytes, plannedPeakBytes, version } = answers.at(-1)!;
    return {
      name: version ? `${name} (${version})` : name,
      medianMs: median(times),
      bestMs: Math.min(...times),
      worstMs: Math.max(...times),
      examplesPerSecond: (1000 * step.batch) / median(times),
      peakRssBytes,
      plannedPeakBytes,
      stepMs: times,
    };
  });
  const peers = results.filter(({ name }) => name.startsWith('pytorch'));
  const shortName = (name: string) => name.split(' ')[0]!.split(':')[1];
  const rows = results.map((r) => [
    r.name,
    r.examplesPerSecond.toFixed(1),
    r.medianMs.toFixed(0),
    `${r.bestMs.toFixed(0)}–${r.worstMs.toFixed(0)}`,
    ...peers.map(
      (peer) => `${(peer.medianMs / r.medianMs).toFixed(2)} (best ${(peer.bestMs / r.bestMs).toFixed(2)})`,
    ),
    r.plannedPeakBytes === undefined ? '' : formatBytes(r.plannedPeakBytes),
    formatBytes(r.peakRssBytes),
  ]);
  const header = [
    'contender',
    'examples/s',
    'median ms',
    'range ms',
    ...peers.map(({ name }) => `× PyTorch ${shortName(name)}`),
    'planned',
    'peak RSS',
  ];
  process.stdout.write(`${formatTable([header, ...rows])}\n`);
  if (!out) return;
  const { blocks, size, batch, growth, stem, threads } = step;
  const machine = `${cpus()[0]!.model}, ${cpus().length} processors, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const page = [
    `# Training step, ${size}×${size}, batch ${batch}, blocks ${blocks.join('-')}, growth ${growth}, stem ${stem}`,
    '',
    `${date}; ${machine}; ${threads} threads each; ${rounds} rounds in turns after two warm-up steps; medians.`,
    `Command: \`npm run bench -- ${process.argv.slice(2).join(' ')}\``,
    '',
    line(header),
    line(header.map((_, i) => (i === 0 ? '---' : '---:'))),
    ...rows.map(line),
    '',
  ].join('\n');
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.md`, page);
  writeFileSync(`${out}.json`, `${JSON.stringify({ date, machine, step, rounds, results }, undefined, 1)}\n`);
}

await main();
