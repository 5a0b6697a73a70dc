import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatDuration, markdownTable } from '../src/cli/format.ts';
import { RECIPE_NAMES } from '../src/train/recipes.ts';
import { accuracyOverTimeSvg, type Reading } from './accuracy-over-time.ts';
import { describeMachine } from './machine.ts';
import { doubtParagraph, showTable, whenAndWhere, writePictures, writeReport } from './markdown.ts';

/**
 * Trains with the command line, and measures the time from the start of the process (including reading data and
 * planning) to the end of the first evaluation on all test images that reaches the target accuracy. A run ends
 * then, or at the end of its recipe.
 */

/** The test accuracy in the notes. */
const NOTES_ACCURACY = 0.914;
const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

const given = new Command('bench-time-to-accuracy')
  .description('seconds until a test accuracy is first reached on Fashion-MNIST')
  .option('--target <accuracy>', 'a part of 1', Number, NOTES_ACCURACY)
  .option(
    '--recipes <names>',
    `${RECIPE_NAMES.join(', ')}; with :bf16 in bfloat16`,
    (text) => text.split(','),
    ['quick'],
  )
  .option('--seeds <list>', 'runs of each recipe', (text) => text.split(','), ['0', '1', '2'])
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

/** The accuracies in the complete lines of a log. */
function readingsOf(log: string, startedMs: number): readonly Reading[] {
  if (!existsSync(log)) return [];
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.flatMap((line) => {
    const event = JSON.parse(line) as { kind: string; time: string; epoch: number; testAccuracy?: number };
    if (event.kind !== 'epoch' || event.testAccuracy === undefined) return [];
    const seconds = (Date.parse(event.time) - startedMs) / 1000;
    return [{ epoch: event.epoch + 1, seconds, testAccuracy: event.testAccuracy }];
  });
}

async function timeRun(recipe: string, seed: string, target: number): Promise<TimedRun> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-time-'));
  const [name, precision] = recipe.split(':') as [string, string?];
  const typed = precision === undefined ? [] : ['--precision', precision];
  const args = ['train', '--recipe', name, ...typed, '--data', 'fashion-mnist', '--seed', seed];
  const log = join(folder, 'run/log.jsonl');
  const reached = (readings: readonly Reading[]) =>
    readings.find(({ testAccuracy }) => testAccuracy >= target)?.seconds;
  try {
    const startedMs = Date.now();
    const child = spawn(process.execPath, [MAIN, ...args, '--out', join(folder, 'run')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const watch = setInterval(() => {
      if (reached(readingsOf(log, startedMs)) === undefined) return;
      clearInterval(watch);
      child.kill('SIGINT');
    }, 200);
    const status = await new Promise((resolve) => child.on('close', resolve));
    clearInterval(watch);
    const readings = readingsOf(log, startedMs);
    const seconds = reached(readings);
    // The exit status after an interrupt is 1.
    if (status !== 0 && seconds === undefined) throw new Error(`densor ${args.join(' ')}: status ${status}`);
    return { recipe, seed, command: `densor ${args.join(' ')}`, readings, seconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowOf({ recipe, seed, readings, seconds }: TimedRun): string[] {
  const best = readings.reduce((most, reading) =>
    reading.testAccuracy > most.testAccuracy ? reading : most,
  );
  const time = seconds === undefined ? 'not reached' : formatDuration(1000 * seconds);
  return [`${recipe}, seed ${seed}`, time, `${readings.length}`, best.testAccuracy.toFixed(4)];
}

const { target, recipes, seeds, out } = given;
const machine = await describeMachine();
const runs: TimedRun[] = [];
for (const recipe of recipes) for (const seed of seeds) runs.push(await timeRun(recipe, seed, target));
const header = [`until ${target}`, 'time', 'epochs', 'best test accuracy'];
const rows = runs.map(rowOf);
const table = [header, ...rows];
showTable(table);
if (out !== undefined) {
  const date = new Date().toISOString();
  const commands = [...new Set(runs.map(({ command }) => command.replace(/ --seed \d+$/, ' --seed N')))];
  const about =
    `${whenAndWhere(date, machine)}; all of Fashion-MNIST. Made by \`npm run bench:time-to-accuracy\`, which runs\n\n` +
    `${commands.map((command) => `    ${command}`).join('\n')}\n\nand takes the time from the start of the process to ` +
    `the first evaluation on all test images that reaches ${target}.`;
  const picture = `![Test accuracy against time](${basename(out)}.svg)`;
  const title = `${doubtParagraph(machine)}# Time to a test accuracy of ${target}`;
  writeReport(out, `${title}\n\n${about}\n\n${markdownTable(table)}\n\n${picture}\n`, {
    date,
    machine,
    target,
    runs,
  });
  writePictures(out, accuracyOverTimeSvg(runs, target));
}
