import { basename, join } from 'node:path';
import { Command } from 'commander';
import { formatDuration, markdownTable } from '../../src/cli/format.ts';
import { RECIPE_NAMES } from '../../src/train/recipes.ts';
import { inTemporaryFolder, runDensor } from '../common/programs.ts';
import { Progress } from '../common/progress.ts';
import {
  doubtParagraph,
  reportHead,
  showTable,
  whenAndWhere,
  writePictures,
  writeReport,
} from '../common/report.ts';
import { readRunLog } from '../common/run-log.ts';
import { accuracyOverTimeSvg, type Reading } from './picture.ts';

/**
 * Trains with the command line, and measures the time from the start of the process (including reading data and
 * planning) to the end of the first evaluation on all test images that reaches the target accuracy. A run ends
 * then, or at the end of its recipe.
 */

/** The test accuracy in the notes. */
const NOTES_ACCURACY = 0.914;

const given = new Command('bench-time-to-accuracy')
  .description('time until a test accuracy is first reached on Fashion-MNIST')
  .option('--target <accuracy>', 'test accuracy, 0 to 1', Number, NOTES_ACCURACY)
  .option(
    '--recipes <names>',
    `${RECIPE_NAMES.join(', ')}; with :bf16 in bfloat16`,
    (text) => text.split(','),
    ['quick'],
  )
  .option('--seeds <list>', 'seeds, one run for each recipe', (text) => text.split(','), ['0', '1', '2'])
  .option('--out <file>', 'writes FILE.json, FILE.md, FILE.svg and FILE.png')
  .parse()
  .opts<{ target: number; recipes: string[]; seeds: string[]; out?: string }>();

interface TimedRun {
  /** Such as `quick` or `quick:bf16`. */
  readonly recipe: string;
  readonly seed: string;
  readonly command: string;
  /** After each epoch. */
  readonly readings: readonly Reading[];
  /** Undefined if the target was not reached. */
  readonly seconds: number | undefined;
}

/** The accuracy after each epoch, and when it was logged. */
function readingsOf(run: string, startedMs: number): readonly Reading[] {
  return readRunLog(run).flatMap((event) => {
    if (event.kind !== 'epoch' || event.testAccuracy === undefined) return [];
    const seconds = (Date.parse(event.time) - startedMs) / 1000;
    return [{ epoch: event.epoch + 1, seconds, testAccuracy: event.testAccuracy }];
  });
}

async function timeRun(recipe: string, seed: string, target: number): Promise<TimedRun> {
  const [name, precision] = recipe.split(':') as [string, string?];
  const typed = precision === undefined ? [] : ['--precision', precision];
  const args = ['train', '--recipe', name, ...typed, '--data', 'fashion-mnist', '--seed', seed];
  const reached = (readings: readonly Reading[]) =>
    readings.find(({ testAccuracy }) => testAccuracy >= target)?.seconds;
  return inTemporaryFolder(async (folder) => {
    const run = join(folder, 'run');
    const startedMs = Date.now();
    const watch = () => reached(readingsOf(run, startedMs)) !== undefined;
    await runDensor([...args, '--out', run], { watch });
    const readings = readingsOf(run, startedMs);
    return { recipe, seed, command: `densor ${args.join(' ')}`, readings, seconds: reached(readings) };
  });
}

function rowOf({ recipe, seed, readings, seconds }: TimedRun): string[] {
  const best = readings.reduce((most, reading) =>
    reading.testAccuracy > most.testAccuracy ? reading : most,
  );
  const time = seconds === undefined ? 'not reached' : formatDuration(1000 * seconds);
  return [`${recipe}, seed ${seed}`, time, `${readings.length}`, best.testAccuracy.toFixed(4)];
}

const { target, recipes, seeds, out } = given;
const head = await reportHead('bench:time-to-accuracy');
const runs: TimedRun[] = [];
const progress = new Progress('run', recipes.length * seeds.length);
for (const recipe of recipes) {
  for (const seed of seeds) {
    runs.push(await timeRun(recipe, seed, target));
    progress.advance(`${recipe}, seed ${seed}`);
  }
}
const header = ['run', `time to ${target}`, 'epochs', 'best test accuracy'];
const rows = runs.map(rowOf);
const table = [header, ...rows];
showTable(table);
if (out !== undefined) {
  const commands = [...new Set(runs.map(({ command }) => command.replace(/ --seed \d+$/, ' --seed N')))];
  const about =
    `${whenAndWhere(head)}; all of Fashion-MNIST. Made by \`npm run bench:time-to-accuracy\`, which runs\n\n` +
    `${commands.map((command) => `    ${command}`).join('\n')}\n\nand measures the time from the start of the process to ` +
    `the first evaluation on all test images that reaches ${target}.`;
  const picture = `![Test accuracy against time](${basename(out)}.svg)`;
  const title = `${doubtParagraph(head.machine)}# Time to a test accuracy of ${target}`;
  writeReport(out, `${title}\n\n${about}\n\n${markdownTable(table)}\n\n${picture}\n`, {
    ...head,
    target,
    runs,
  });
  writePictures(out, accuracyOverTimeSvg(runs, target));
}
