import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { markdownTable } from '../../src/cli/format.ts';
import { type Contender, startProcess } from '../common/contender.ts';
import { CASES, describeCase, type StepCase } from '../common/network.ts';
import { ROOT } from '../common/programs.ts';
import { Progress } from '../common/progress.ts';
import { reportHead, whenAndWhere, writeReport } from '../common/report.ts';
import { orderOf } from '../common/turns.ts';
import type { Answer } from '../step/start.ts';

/**
 * Compares the training step of this version with that of another, built clone: `npm run bench:versions --
 * --before DIR
 * --cases notes,deep`. Three warm processes alternate after each step: this version, the other one, and the other
 * one again as a control. "No slower" holds if the 95% interval of the ratio contains a value of at most 1.01.
 * Losses must be bit-identical.
 */

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    cases: { type: 'string', default: 'notes,deep,densenet121' },
    pairs: { type: 'string', default: '24' },
    contender: { type: 'string', default: 'native' },
    out: { type: 'string' },
  },
});
const WARM_UP = 2;
/** The 97.5% quantile of the normal distribution, for 95% intervals. */
const SPREAD = 1.96;

/** Path of the contender process in a clone; older versions have it in the second place. */
const CONTENDERS = ['dist/bench/step/contender.js', 'dist/bench/contender.js'];

function startVersion(clone: string, step: StepCase): Contender<Answer> {
  const program = CONTENDERS.map((each) => join(clone, each)).find((path) => existsSync(path));
  if (program === undefined) throw new Error(`${clone} is not built`);
  return startProcess(values.contender, process.execPath, [program, values.contender, JSON.stringify(step)]);
}

interface Ratio {
  readonly median: number;
  readonly interval: readonly [number, number];
}

/** The median ratio of pairs of times, and the 95% interval of the geometric mean. */
function ratioOf(pairs: readonly (readonly [number, number])[]): Ratio {
  const logs = pairs.map(([a, b]) => Math.log(a / b)).sort((a, b) => a - b);
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
  const half = SPREAD * Math.sqrt(variance / logs.length);
  return {
    median: Math.exp(logs[Math.floor(logs.length / 2)]!),
    interval: [Math.exp(mean - half), Math.exp(mean + half)],
  };
}

async function compare(name: string, pairs: number, progress: Progress) {
  const step = CASES[name];
  if (!step || values.before === undefined)
    throw new RangeError(`expected --before DIR and cases of ${Object.keys(CASES)}`);
  const versions = [ROOT, values.before, values.before].map((clone) => startVersion(clone, step));
  try {
    for (const each of versions) for (let i = 0; i < WARM_UP; i++) await each.step();
    const rounds: Answer[][] = [];
    for (let round = 0; round < pairs; round++) {
      const answers = new Map<Contender<Answer>, Answer>();
      for (const each of orderOf(round, versions)) answers.set(each, await each.step());
      rounds.push(versions.map((each) => answers.get(each)!));
      progress.advance(name);
    }
    const [now, before] = rounds.at(-1) as [Answer, Answer];
    return {
      case: name,
      step,
      pairs,
      ratio: ratioOf(rounds.map(([a, b]) => [a!.ms, b!.ms])),
      ofBefore: ratioOf(rounds.map(([, b, c]) => [c!.ms, b!.ms])),
      sameLosses: rounds.every(([a, b]) => a!.loss === b!.loss),
      plannedPeakBytes: [before.plannedPeakBytes, now.plannedPeakBytes],
      peakRssBytes: [before.peakRssBytes, now.peakRssBytes],
    };
  } finally {
    for (const each of versions) each.end();
  }
}

const head = await reportHead('bench:versions');
const [names, pairs] = [values.cases.split(','), Number(values.pairs)];
const progress = new Progress('pair', names.length * pairs);
const results = [];
for (const name of names) results.push(await compare(name, pairs, progress));
const show = ({ median, interval: [low, high] }: Ratio) =>
  `${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
const mebibytes = (bytes: readonly (number | undefined)[]) =>
  bytes.map((each) => (each === undefined ? '–' : (each / 2 ** 20).toFixed(1))).join(' → ');
const table = markdownTable([
  [
    'step',
    'time, now / before',
    'control: before / before',
    'bit-identical losses',
    'planned MiB',
    'peak MiB of the process',
  ],
  ...results.map(({ step, ratio, ofBefore, sameLosses, plannedPeakBytes, peakRssBytes }) => [
    describeCase(step),
    show(ratio),
    show(ofBefore),
    sameLosses ? 'yes' : 'no',
    mebibytes(plannedPeakBytes),
    mebibytes(peakRssBytes),
  ]),
]);
const report = { ...head, results };
process.stdout.write(`${table}\n`);
if (values.out) {
  const text = [
    '# This version compared with an earlier one',
    `${whenAndWhere(report)}. \`${report.command}\``,
    `Median over ${values.pairs} pairs of alternating steps, and the 95% interval of the geometric mean.`,
    table,
  ];
  writeReport(values.out, `${text.join('\n\n')}\n`, report);
}
