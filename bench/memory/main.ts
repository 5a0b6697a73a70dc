import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { formatBytes, markdownTable } from '../../src/cli/format.ts';
import { parseMemorySize } from '../../src/cli/memory-size.ts';
import { compile } from '../../src/compile.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { openDataset } from '../../src/node/data/open-dataset.ts';
import { writeFileAtomic } from '../../src/node/files.ts';
import { dataNeeds, limitFor, networkNeeds, type ProcessNeeds } from '../../src/run/process-memory.ts';
import { DENSOR, inTemporaryFolder, runProgram } from '../common/programs.ts';
import { Progress } from '../common/progress.ts';
import { reportHead, showTable, whenAndWhere, writeReport } from '../common/report.ts';
import { readRunLog, stepsOf } from '../common/run-log.ts';
import { MEMORY_CASES, type MemoryCase } from './cases.ts';

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
  readonly predictedBytes: number;
  readonly peakBytes: number;
  /** The messages about choices made to fit the limit. */
  readonly said: readonly string[];
}

/** Code that writes the resident peak of a process to a file at exit. */
const HOOK = `process.on('exit', () => require('fs').writeFileSync(process.env.DENSOR_PEAK, String(process.resourceUsage().maxRSS * 1024)))`;

async function run(
  of: MemoryCase,
  limit: string | undefined,
  extra: readonly string[],
): Promise<MemoryResult> {
  const words = [...of.args.split(' '), ...(limit === undefined ? [] : ['--memory-limit', limit]), ...extra];
  const isTraining = words[0] === 'train';
  return inTemporaryFolder(async (folder) => {
    const [hook, peak, out] = [join(folder, 'hook.cjs'), join(folder, 'peak'), join(folder, 'run')];
    writeFileAtomic(hook, HOOK);
    const args = [...words, ...(isTraining ? ['--out', out] : ['--steps', '1']), '--json'];
    const said = await runProgram(process.execPath, ['--require', hook, DENSOR, ...args], {
      environment: { DENSOR_PEAK: peak },
      watch: () => of.stopAfter !== undefined && stepsOf(readRunLog(out)) >= of.stopAfter,
    });
    const about = (isTraining ? readRunLog(out)[0] : JSON.parse(said.out)) as {
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
      predictedBytes: await predict(words, about, lines),
      peakBytes: Number(readFileSync(peak, 'utf8')),
      said: lines.map((line) => line.slice('memory: '.length)),
    };
  });
}

/** Predicts the memory of a process, as for `--memory-limit`. */
async function predict(
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

/** The smallest possible limit, from the message of a command. */
function smallestLimit({ args }: MemoryCase, extra: readonly string[]): string {
  const words = [...args.split(' '), ...extra, '--memory-limit', '1MiB'];
  const { stderr } = spawnSync(process.execPath, [DENSOR, ...words], { encoding: 'utf8' });
  const limit = /the smallest limit that works is (\d+MiB)/.exec(stderr)?.[1];
  if (limit === undefined) throw new Error(`densor ${words.join(' ')} names no limit: ${stderr}`);
  return limit;
}

const known = MEMORY_CASES.map(({ name }) => name);
const { cases, extra, out } = new Command('bench-memory')
  .option('--cases <names>', `cases: ${known.join(', ')}`, known.join(','))
  .option('--extra <options>', 'additional options for every case', '')
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse()
  .opts<{ cases: string; extra: string; out?: string }>();
const chosen = cases.split(',').map((name) => {
  const of = MEMORY_CASES.find((one) => one.name === name);
  if (!of) throw new Error(`no case ${name}: known are ${known.join(', ')}`);
  return of;
});
const added = extra.split(' ').filter(Boolean);
const results: MemoryResult[] = [];
const progress = new Progress('run', chosen.flatMap(({ limits }) => limits).length);
for (const of of chosen) {
  for (const limit of of.limits) {
    const result = await run(of, limit === 'smallest' ? smallestLimit(of, added) : limit, added);
    results.push(result);
    progress.advance(`${result.command}: ${formatBytes(result.peakBytes)}`);
  }
}
const percent = (part: number) => `${part < 0 ? '−' : '+'}${(100 * Math.abs(part)).toFixed(1)}%`;
const rows = results.map(({ command, limitBytes, plannedBytes, predictedBytes, peakBytes }) => [
  command.replace('densor ', '').replace(/ --memory-limit \S+/, ''),
  limitBytes === undefined ? '' : formatBytes(limitBytes),
  formatBytes(plannedBytes),
  formatBytes(predictedBytes - plannedBytes),
  formatBytes(predictedBytes),
  formatBytes(peakBytes),
  percent(peakBytes / predictedBytes - 1),
]);
const header = ['densor', 'limit', 'planned', '+ other', '= predicted', 'peak resident', 'error'];
const table = [header, ...rows];
showTable(table);
if (out !== undefined) {
  const head = await reportHead('bench:memory');
  const about =
    `${whenAndWhere(head)}. ` +
    'Made by `npm run bench:memory`. `other` is the memory that src/run/process-memory.ts adds to the plan: Node and the ' +
    'kernels, workers and their stacks, images, a batch, copies of state and, in training, the drawing of curves.';
  const made = results.flatMap(({ command, said }) =>
    said.length === 0 ? [] : [`- \`${command}\`\n${said.map((text) => `  - ${text}`).join('\n')}`],
  );
  const what = made.length === 0 ? '' : `\nEffects of the limits:\n\n${made.join('\n')}\n`;
  writeReport(out, `# Planned and resident memory\n\n${about}\n\n${markdownTable(table)}\n${what}`, {
    ...head,
    results,
  });
}
