import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { markdownTable } from '../src/cli/format.ts';
import { openDataset } from '../src/node/data/open-dataset.ts';
import { describeMachine } from './machine.ts';
import { commandLine, doubtParagraph, showTable, whenAndWhere, writeReport } from './markdown.ts';
import { PYTHON } from './process.ts';
import { SMALL_SETS, type SmallSet, writeSmallSet } from './small-sets/folders.ts';

/**
 * Trains on small folders of images with the defaults of the command line, with the notes' recipe (the earlier
 * default), and with PyTorch and a standard recipe in the same time; compares accuracies.
 */
const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const PEER = fileURLToPath(new URL('../../bench/peers/pytorch_small_set.py', import.meta.url));

const given = new Command('bench-small-sets')
  .option(
    '--sets <names>',
    'of them',
    (text) => text.split(','),
    SMALL_SETS.map(({ name }) => name),
  )
  .option('--seeds <list>', 'runs of each', (text) => text.split(','), ['0', '1', '2'])
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse()
  .opts<{ sets: string[]; seeds: string[]; out?: string }>();

interface Trained {
  readonly testAccuracy: number;
  readonly seconds: number;
}

/** Runs a process; returns its line of JSON and its duration. */
function timed(command: string, args: readonly string[]): Trained {
  const started = performance.now();
  const { stdout, status, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const seconds = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${status}\n${stderr}`);
  const { testAccuracy } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { testAccuracy: number };
  return { testAccuracy, seconds };
}

function densor(folder: string, seed: string, ...options: readonly string[]): Trained {
  const out = mkdtempSync(join(tmpdir(), 'densor-small-run-'));
  const words = ['train', join(folder), '--seed', seed, '--json', '--out', join(out, 'run'), ...options];
  try {
    return timed(process.execPath, [MAIN, ...words]);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

interface Row {
  readonly set: string;
  readonly seed: string;
  /** Only for the first seed, because its accuracy is that of guessing. */
  readonly before: Trained | undefined;
  readonly after: Trained;
  readonly pytorch: Trained;
}

const { train } = await openDataset('fashion-mnist', undefined, { note: () => {}, bytes: () => {} });
const machine = await describeMachine();
const scratch = mkdtempSync(join(tmpdir(), 'densor-small-sets-'));
const rows: Row[] = [];
try {
  const chosen = SMALL_SETS.filter(({ name }) => given.sets.includes(name));
  for (const [i, set] of chosen.entries()) {
    const folder = join(scratch, set.name);
    await writeSmallSet(folder, train, set);
    for (const seed of given.seeds) {
      const before = seed === given.seeds[0] ? densor(folder, seed, '--recipe', 'notes') : undefined;
      const after = densor(folder, seed);
      const pytorch = timed(PYTHON, [PEER, folder, `${after.seconds}`, seed]);
      rows.push({ set: set.name, seed, before, after, pytorch });
      process.stderr.write(
        `${i + 1}/${chosen.length} ${set.name}, seed ${seed}: ${before ? `${before.testAccuracy.toFixed(3)} → ` : ''}` +
          `${after.testAccuracy.toFixed(3)} in ${after.seconds.toFixed(0)} s; PyTorch ${pytorch.testAccuracy.toFixed(3)}\n`,
      );
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Mean, minimum and maximum: `0.981 (0.975–0.985)`. */
function accuracyText(runs: readonly Trained[]): string {
  const values = runs.map(({ testAccuracy }) => testAccuracy);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(3);
  return `${mean.toFixed(3)} (${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)})`;
}

function secondsText(runs: readonly Trained[]): string {
  return `${Math.round(Math.max(...runs.map(({ seconds }) => seconds)))} s`;
}

function tableRow({ name, what }: SmallSet): readonly string[] {
  const of = rows.filter(({ set }) => set === name);
  const pick = (which: 'before' | 'after' | 'pytorch') => of.flatMap((row) => row[which] ?? []);
  const [before, after, pytorch] = [pick('before'), pick('after'), pick('pytorch')];
  return [
    what,
    accuracyText(before),
    accuracyText(after),
    secondsText(after),
    accuracyText(pytorch),
    secondsText(pytorch),
  ];
}

const table = [
  ['small set', '`notes`', 'default', 'at most', 'PyTorch', 'at most'],
  ...SMALL_SETS.filter(({ name }) => given.sets.includes(name)).map(tableRow),
];
showTable(table, machine);
if (given.out !== undefined) {
  const date = new Date().toISOString();
  const about =
    `${whenAndWhere(date, machine)}; \`${commandLine('bench:small-sets')}\`. Pictures of Fashion-MNIST's training half as PNG ` +
    'files in folders: the first of each class to train on, the next 50 to test on; in colour: tinted, on textured ' +
    'backgrounds of 40×40, at random places. Test accuracy: mean of the seeds (least–greatest); of `notes`, the default before there was a recipe for pictures, the first seed alone. *default* is `densor train ' +
    'FOLDER`, whose recipe `photos` was chosen on other images than these. Time is of the whole process. PyTorch is the ' +
    "notes' network at the same size with AdamW (rate 0.001, PyTorch's other defaults), batches of 32, padded crops and " +
    'flips, as many epochs as fit into the time that Densor took.';
  writeReport(
    given.out,
    `${doubtParagraph(machine)}# Small sets of pictures\n\n${about}\n\n${markdownTable(table)}\n`,
    { date, machine, rows },
  );
}
