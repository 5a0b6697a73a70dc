import { parseArgs } from 'node:util';
import { TortureUsageError } from './torture/options.ts';
import { formatReport, KINDS, type Kind } from './torture/report.ts';
import { torture } from './torture/run.ts';

/**
 * Injects faults: failing system calls, killed processes, races for locks, closed terminals and power losses;
 * checks that nothing is lost, damaged, duplicated or hangs. Generates hostile files and checks that they are read
 * or rejected. `npm run torture -- --minutes 10 --seed 1 --only faults,kills`; `--only files --count 100000`:
 * number of files per format, without time limit; `--json`: machine-readable output. To repeat a reported fault,
 * use the same seed and `--reproduce faults:train-fresh:ENOSPC:123`; without the last number, every call of the
 * scenario fails in turn. `--reproduce files:png` tests only this format.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true, default: [] },
    reproduce: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const count = values.count === undefined ? undefined : Number(values.count);
const minutes = Number(values.minutes ?? (count === undefined ? 10 : Number.POSITIVE_INFINITY));
const seed = Number(values.seed);
const asked = values.only.flatMap((list) => list.split(','));
const unknown = asked.find((name) => !KINDS.some((kind) => kind === name));
const isWhole = (value: number) => Number.isSafeInteger(value) && value >= 0;
if (!(minutes > 0) || !isWhole(seed) || !isWhole(count ?? 1) || unknown !== undefined) {
  process.stderr.write(
    `torture: expected --minutes above 0, --seed and --count whole numbers, and --only ${KINDS.join(', ')}\n`,
  );
  process.exitCode = 2;
} else {
  process.stderr.write(`seed ${seed}\n`);
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  try {
    const report = await torture({
      ...{ seed, minutes, reproduce: values.reproduce, signal: controller.signal },
      ...(count !== undefined && { attempts: Object.fromEntries(KINDS.map((kind) => [kind, count])) }),
      only: asked.length > 0 ? (asked as Kind[]) : KINDS,
      tell: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : formatReport(report));
    if (report.faults.length > 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof TortureUsageError)) throw error;
    process.stderr.write(`torture: ${error.message}\n`);
    process.exitCode = 2;
  }
}
