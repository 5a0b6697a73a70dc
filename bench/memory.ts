import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatBytes, markdownTable } from '../src/cli/format.ts';
import { parseMemorySize } from '../src/cli/memory-size.ts';
import { compile } from '../src/compile.ts';
import { modelByName } from '../src/model/zoo.ts';
import { openDataset } from '../src/node/data/open-dataset.ts';
import { writeFileAtomic } from '../src/node/files.ts';
import { dataNeeds, limitFor, networkNeeds, type ProcessNeeds } from '../src/run/process-memory.ts';
import { describeMachine } from './machine.ts';
import { showTable, whenAndWhere, writeReport } from './markdown.ts';
import { MEMORY_CASES, type MemoryCase } from './memory-cases.ts';

/**
 * Compares planned bytes with the resident peak of the process, for every case and limit. Each is a separate
 * process of the command line. --extra adds options to all.
 */

interface MemoryResult {
  readonly name: string;
  readonly command: string;
  readonly limitBytes?: number;
  readonly plannedBytes: number;
  /** Predicted memory of the process, as computed for `--memory-limit`: plan and other memory. */
  readonly foretoldBytes: number;
  readonly peakBytes: number;
  /** The messages about choices made to fit the limit. */
  readonly said: readonly string[];
}

const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
/** Code that writes the resident peak of a process to a file at exit. */
const HOOK = `process.on('exit', () => require('fs').writeFileSync(process.env.DENSOR_PEAK, String(process.resourceUsage().maxRSS * 1024)))`;

async function run(
  of: MemoryCase,
  limit: string | undefined,
  extra: readonly string[],
): Promise<MemoryResult> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-memory-'));
  try {
    const words = [
      ...of.args.split(' '),
      ...(limit === undefined ? [] : ['--memory-limit', limit]),
      ...extra,
    ];
    const log = join(folder, 'run/log.jsonl');
    const isTraining = words[0] === 'train';
    const args = [...words, ...(isTraining ? ['--out', join(folder, 'run')] : ['--steps', '1']), '--json'];
    const [hook, peak] = [join(folder, 'hook.cjs'), join(folder, 'peak')];
    writeFileAtomic(hook, HOOK);
    const child = spawn(process.execPath, ['--require', hook, MAIN, ...args], {
      env: { ...process.env, DENSOR_PEAK: peak },
    });
    const said = { out: '', err: '' };
    child.stdout.on('data', (text) => (said.out += text));
    child.stderr.on('data', (text) => (said.err += text));
    const watch = setInterval(() => {
      if (of.stopAfter === undefined || stepsIn(log) < of.stopAfter) return;
      clearInterval(watch);
      child.kill('SIGINT');
    }, 100);
    const status = await new Promise((resolve) => child.on('close', resolve));
    clearInterval(watch);
    const isInterrupted = of.stopAfter !== undefined && status === 1; // It saved a checkpoint.
    if (status !== 0 && !isInterrupted) throw new Error(`densor ${args.join(' ')}: ${said.err}`);
    const about = JSON.parse(isTraining ? readFileSync(log, 'utf8').split('\n')[0]! : said.out) as {
      readonly plannedPeakBytes: number;
      readonly engine: string;
      readonly threads: number;
    };
    const lines = said.err.split('\n').filter((line) => line.startsWith('memory: '));
    return {
      name: of.name,
      command: `densor ${words.join(' ')}`,
      ...(limit !== undefined && { limitBytes: parseMemorySize(limit) }),
      plannedBytes: about.plannedPeakBytes,
      foretoldBytes: await foretold(words, about, lines),
      peakBytes: Number(readFileSync(peak, 'utf8')),
      said: lines.map((line) => line.slice('memory: '.length)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Predicts the memory of a process, as for `--memory-limit`. */
async function foretold(
  words: readonly string[],
  {
    engine,
    threads,
    plannedPeakBytes,
  }: Pick<ProcessNeeds, 'engine' | 'threads'> & { readonly plannedPeakBytes: number },
  lines: readonly string[],
): Promise<number> {
  const option = (name: string) => words[words.indexOf(name) + 1]!;
  const model = modelByName(words.includes('--model') ? option('--model') : 'notes');
  const [size, batch] = [Number(option('--size')), Number(option('--batch'))];
  const { network } = compile(model, [size, size], { train: { batch, mode: 'train' } });
  const all = { engine, threads, ...networkNeeds(network) };
  if (words[0] !== 'train') {
    return limitFor(plannedPeakBytes, { ...all, loaderBytes: batch * size ** 2 * model.channels });
  }
  const data = dataNeeds(
    await openDataset(option('--data'), undefined, { note: () => {}, bytes: () => {} }),
    {
      size,
      batch,
    },
  );
  const isFrugal = lines.some((line) => line.includes('temporary file'));
  return limitFor(plannedPeakBytes, {
    ...all,
    ...data,
    ...(isFrugal ? { dataBytes: 0, charts: 'afterwards' } : { charts: 'meanwhile' }),
  });
}

function stepsIn(log: string): number {
  return existsSync(log) ? readFileSync(log, 'utf8').split('"kind":"step"').length - 1 : 0;
}

/** The smallest possible limit, from the message of a command. */
function smallestLimit({ args }: MemoryCase, extra: readonly string[]): string {
  const words = [...args.split(' '), ...extra, '--memory-limit', '1MiB'];
  const { stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });
  const limit = /the smallest limit that works is (\d+MiB)/.exec(stderr)?.[1];
  if (limit === undefined) throw new Error(`densor ${words.join(' ')} names no limit: ${stderr}`);
  return limit;
}

const known = MEMORY_CASES.map(({ name }) => name);
const { cases, extra, out } = new Command('bench-memory')
  .option('--cases <names>', `of ${known.join(', ')}`, known.join(','))
  .option('--extra <options>', 'given to every case as well', '')
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse()
  .opts<{ cases: string; extra: string; out?: string }>();
const results: MemoryResult[] = [];
for (const name of cases.split(',')) {
  const of = MEMORY_CASES.find((one) => one.name === name);
  if (!of) throw new Error(`no case ${name}: known are ${known.join(', ')}`);
  const added = extra.split(' ').filter(Boolean);
  for (const limit of of.limits) {
    results.push(await run(of, limit === 'smallest' ? smallestLimit(of, added) : limit, added));
    process.stderr.write(`${results.at(-1)!.command}: ${formatBytes(results.at(-1)!.peakBytes)}\n`);
  }
}
const percent = (part: number) => `${part < 0 ? '−' : '+'}${(100 * Math.abs(part)).toFixed(1)}%`;
const rows = results.map(({ command, limitBytes, plannedBytes, foretoldBytes, peakBytes }) => [
  command.replace('densor ', '').replace(/ --memory-limit \S+/, ''),
  limitBytes === undefined ? '' : formatBytes(limitBytes),
  formatBytes(plannedBytes),
  formatBytes(foretoldBytes - plannedBytes),
  formatBytes(foretoldBytes),
  formatBytes(peakBytes),
  percent(peakBytes / foretoldBytes - 1),
]);
const header = ['densor', 'limit', 'planned', '+ beside', '= foretold', 'peak resident', 'off by'];
const table = [header, ...rows];
showTable(table);
if (out !== undefined) {
  const machine = await describeMachine();
  const date = new Date().toISOString();
  const about =
    `${whenAndWhere(date, machine)}. ` +
    'Made by `npm run bench:memory`. `beside` is what src/run/process-memory.ts adds to a plan: Node and the kernels, ' +
    'workers and their stacks, images, a batch, copies of state, and in training what draws curves.';
  const made = results.flatMap(({ command, said }) =>
    said.length === 0 ? [] : [`- \`${command}\`\n${said.map((text) => `  - ${text}`).join('\n')}`],
  );
  const what = made.length === 0 ? '' : `\nWhat the limits did:\n\n${made.join('\n')}\n`;
  writeReport(out, `# Planned and resident memory\n\n${about}\n\n${markdownTable(table)}\n${what}`, {
    date,
    machine,
    results,
  });
}
