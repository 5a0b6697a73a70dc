import { join } from 'node:path';
import { Command } from 'commander';
import { markdownTable } from '../../src/cli/format.ts';
import { openDataset } from '../../src/node/data/open-dataset.ts';
import { inTemporaryFolder, PYTHON, peerScript, runDensor, runProgram } from '../common/programs.ts';
import { Progress } from '../common/progress.ts';
import { doubtParagraph, reportHead, showTable, whenAndWhere, writeReport } from '../common/report.ts';
import { SMALL_SETS, type SmallSet, writeSmallSet } from './folders.ts';

/**
 * Trains on small folders of images with the defaults of the command line, with the notes' recipe (the earlier
 * default), and with PyTorch and a standard recipe in the same time; compares accuracies.
 */
const given = new Command('bench-small-sets')
  .option(
    '--sets <names>',
    'data sets to measure',
    (text) => text.split(','),
    SMALL_SETS.map(({ name }) => name),
  )
  .option('--seeds <list>', 'seeds, one run for each', (text) => text.split(','), ['0', '1', '2'])
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse()
  .opts<{ sets: string[]; seeds: string[]; out?: string }>();

interface Trained {
  readonly testAccuracy: number;
  readonly seconds: number;
}

/** The duration of a program, and the test accuracy in its last line of JSON. */
async function timed(run: () => Promise<{ readonly out: string }>): Promise<Trained> {
  const started = performance.now();
  const { out } = await run();
  const seconds = (performance.now() - started) / 1000;
  const { testAccuracy } = JSON.parse(out.trim().split('\n').at(-1)!) as { testAccuracy: number };
  return { testAccuracy, seconds };
}

function densor(images: string, seed: string, ...options: readonly string[]): Promise<Trained> {
  return inTemporaryFolder((folder) => {
    const args = ['train', images, '--seed', seed, '--json', '--out', join(folder, 'run'), ...options];
    return timed(() => runDensor(args));
  });
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
const head = await reportHead('bench:small-sets');
const chosen = SMALL_SETS.filter(({ name }) => given.sets.includes(name));
const progress = new Progress('run', chosen.length * given.seeds.length);
const rows: Row[] = [];
await inTemporaryFolder(async (scratch) => {
  for (const set of chosen) {
    const folder = join(scratch, set.name);
    await writeSmallSet(folder, train, set);
    for (const seed of given.seeds) {
      const before = seed === given.seeds[0] ? await densor(folder, seed, '--recipe', 'notes') : undefined;
      const after = await densor(folder, seed);
      const peer = [peerScript('pytorch_small_set.py'), folder, `${after.seconds}`, seed];
      const pytorch = await timed(() => runProgram(PYTHON, peer));
      rows.push({ set: set.name, seed, before, after, pytorch });
      progress.advance(
        `${set.name}, seed ${seed}: ${before ? `${before.testAccuracy.toFixed(3)} → ` : ''}` +
          `${after.testAccuracy.toFixed(3)} in ${after.seconds.toFixed(0)} s; PyTorch ${pytorch.testAccuracy.toFixed(3)}`,
      );
    }
  }
});

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
  ['data set', '`notes`', 'default', 'longest time', 'PyTorch', 'longest time'],
  ...chosen.map(tableRow),
];
showTable(table, head.machine);
if (given.out !== undefined) {
  const about =
    `${whenAndWhere(head)}; \`${head.command}\`. Images of Fashion-MNIST's training set as PNG files in folders: the first ` +
    'images of each class for training, the next 50 for testing. Color images are tinted, on textured backgrounds of 40×40, ' +
    'at random positions. Test accuracy is the mean over the seeds (minimum–maximum); for `notes`, the default before there ' +
    'was a recipe for photos, it is that of the first seed. *default* is `densor train FOLDER`; its recipe `photos` was tuned ' +
    "on other images than these. Times are those of the whole process. PyTorch trains the notes' network at the same size " +
    "with AdamW (rate 0.001, PyTorch's other defaults), batches of 32, padded crops and flips, for as many epochs as fit into " +
    'the time that Densor took.';
  writeReport(
    given.out,
    `${doubtParagraph(head.machine)}# Small data sets\n\n${about}\n\n${markdownTable(table)}\n`,
    { ...head, rows },
  );
}
