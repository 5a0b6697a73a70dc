import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatBytes, formatTable } from '../src/cli/format.ts';
import { writeFileAtomic } from '../src/io/atomic-file.ts';

/**
 * Planned bytes against the resident peak of the whole process, case by case; each is the command line in a process
 * of its own. A case is its arguments: options that limit memory can be added with --extra.
 */
const TRAIN = '--data fashion-mnist --limit 320 --epochs 1 --json';
const CASES: Readonly<Record<string, string>> = {
  'notes-96': 'bench --size 96 --batch 256',
  'notes-224': 'bench --size 224 --batch 256',
  'cifar-32': 'bench --model densenet-bc-100-12 --size 32 --batch 64',
  'densenet121-224': 'bench --model densenet121 --size 224 --batch 32',
  'densenet264-224': 'bench --model densenet264 --size 224 --batch 8',
  'resnet18-96': 'bench --model resnet18 --size 96 --batch 64',
  'train-native': `train ${TRAIN} --size 48 --batch 64 --engine native`,
  'train-wasm': `train ${TRAIN} --size 48 --batch 64 --engine wasm`,
};

interface MemoryResult {
  readonly name: string;
  readonly command: string;
  readonly plannedBytes: number;
  readonly peakBytes: number;
}

/** Writes the peak of a process to a file as it ends. */
const HOOK = `process.on('exit', () => require('fs').writeFileSync(process.env.DENSOR_PEAK, String(process.resourceUsage().maxRSS * 1024)))`;

function run(name: string, extra: readonly string[]): MemoryResult {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'densor-memory-'));
  try {
    const words = [...CASES[name]!.split(' '), ...extra];
    const isTraining = words[0] === 'train';
    const args = isTraining ? [...words, '--out', join(folder, 'run')] : [...words, '--steps', '1', '--json'];
    const [hook, peak] = [join(folder, 'hook.cjs'), join(folder, 'peak')];
    writeFileAtomic(hook, HOOK);
    const child = spawnSync(process.execPath, ['--require', hook, main, ...args], {
      encoding: 'utf8',
      env: { ...process.env, DENSOR_PEAK: peak },
    });
    if (child.status !== 0) throw new Error(`densor ${args.join(' ')}: ${child.stderr}`);
    const planned = isTraining
      ? (JSON.parse(readFileSync(join(folder, 'run/log.jsonl'), 'utf8').split('\n')[0]!) as object)
      : (JSON.parse(child.stdout) as object);
    const { plannedPeakBytes } = planned as { readonly plannedPeakBytes: number };
    return {
      name,
      command: `densor ${words.join(' ')}`,
      plannedBytes: plannedPeakBytes,
      peakBytes: Number(readFileSync(peak, 'utf8')),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const command = new Command('bench-memory')
  .option('--cases <names>', `of ${Object.keys(CASES).join(', ')}`, Object.keys(CASES).join(','))
  .option('--extra <options>', 'given to every case as well', '')
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse();
const { cases, extra, out } = command.opts<{ cases: string; extra: string; out?: string }>();
const results = cases.split(',').map((name) => {
  if (!Object.hasOwn(CASES, name))
    throw new Error(`no case ${name}: known are ${Object.keys(CASES).join(', ')}`);
  return run(name, extra.split(' ').filter(Boolean));
});
const rows = results.map(({ name, command: of, plannedBytes, peakBytes }) => [
  name,
  of,
  formatBytes(plannedBytes),
  formatBytes(peakBytes),
  formatBytes(peakBytes - plannedBytes),
  `${((100 * (peakBytes - plannedBytes)) / plannedBytes).toFixed(1)}%`,
]);
const header = ['case', 'command', 'planned', 'peak resident', 'beside the plan', 'of the plan'];
process.stdout.write(`${formatTable([header, ...rows])}\n`);
if (out !== undefined) {
  mkdirSync(dirname(out), { recursive: true });
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const about = `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, Node ${process.version}. Made by \`npm run bench:memory\`.`;
  const table = [line(header), line(header.map((_, i) => (i < 2 ? '---' : '---:'))), ...rows.map(line)];
  writeFileAtomic(`${out}.md`, `# Planned and resident memory\n\n${about}\n\n${table.join('\n')}\n`);
  writeFileAtomic(
    `${out}.json`,
    `${JSON.stringify({ date: new Date().toISOString(), node: process.version, results }, undefined, 1)}\n`,
  );
}
