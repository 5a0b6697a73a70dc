import { join } from 'node:path';
import { Command } from 'commander';
import { formatBytes, markdownTable } from '../../src/cli/format.ts';
import { inTemporaryFolder, runDensor } from '../common/programs.ts';
import { Progress } from '../common/progress.ts';
import { reportHead, showTable, whenAndWhere, writeReport } from '../common/report.ts';
import { readRunLog, stepsOf } from '../common/run-log.ts';

/**
 * Checks that memory stays constant during training: runs a thousand steps of a small network with the command
 * line, and compares the resident memory in the log with the maximum of the first hundred steps, in which Node's
 * heap grows.
 */
const [STEPS, EVERY, BATCH, SIZE] = [1000, 100, 32, 32];
/** A leak of one batch per step would be 28 MiB in 900 steps as bytes, 113 MiB as floats. */
const BOUND_BYTES = 16 * 2 ** 20;

const { out, engine } = new Command('bench-flat')
  .description('fails when the resident memory of a training run grows')
  .option('--engine <engine>', 'auto, native or wasm', 'auto')
  .option('--out <file>', 'writes FILE.json and FILE.md')
  .parse()
  .opts<{ out?: string; engine: string }>();
const args =
  `train --recipe notes --data fashion-mnist --limit ${STEPS * BATCH} --size ${SIZE} --batch ${BATCH} --epochs 1 --engine ${engine}`.split(
    ' ',
  );
const progress = new Progress('step', STEPS);
let shown = 0;
const events = await inTemporaryFolder(async (folder) => {
  const run = join(folder, 'run');
  const watch = () => {
    const steps = stepsOf(readRunLog(run));
    if (steps >= shown + EVERY) {
      shown = steps;
      progress.advance('', steps);
    }
    return false;
  };
  await runDensor([...args, '--out', run, '--json'], { watch });
  return readRunLog(run);
});
const rss = events.flatMap((event) => (event.kind === 'step' ? [event.rssBytes!] : []));
const start = events.find((event) => event.kind === 'start')!;
/** The maximum of each hundred steps. */
const highest = Array.from({ length: STEPS / EVERY }, (_, i) =>
  Math.max(...rss.slice(i * EVERY, (i + 1) * EVERY)),
);
const growth = Math.max(...highest.slice(1)) - highest[0]!;
const isFlat = growth <= BOUND_BYTES;
const rows = highest.map((bytes, i) => {
  const step = (i + 1) * EVERY;
  return [`${step}`, formatBytes(rss[step - 1]!), formatBytes(bytes)];
});
const table = [['step', 'resident', `maximum of these ${EVERY} steps`], ...rows];
const signed = (bytes: number) => `${bytes < 0 ? '−' : ''}${formatBytes(Math.abs(bytes))}`;
const verdict = `${isFlat ? 'Flat' : 'NOT flat'}: after step ${EVERY} resident memory is at most ${signed(growth)} above its earlier maximum; the limit is ${formatBytes(BOUND_BYTES)}.`;
showTable(table);
process.stdout.write(`${verdict}\n`);
if (out !== undefined) {
  const head = await reportHead('bench:flat');
  const command = `densor ${args.join(' ')}`;
  const about =
    `${whenAndWhere(head)}; ${start.engine} ${start.isa}. Made by \`npm run bench:flat\`, which runs\n\n` +
    `    ${command}\n\n${formatBytes(start.plannedPeakBytes)} are planned; the rest is Node, 70,000 images, and the ` +
    'drawing of curves.';
  writeReport(
    out,
    `# Resident memory over a thousand steps\n\n${about}\n\n${markdownTable(table, 0)}\n\n${verdict}\n`,
    { ...head, command, boundBytes: BOUND_BYTES, growthBytes: growth, rssBytes: rss },
  );
}
if (!isFlat) process.exitCode = 1;
