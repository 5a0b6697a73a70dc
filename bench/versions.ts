import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { markdownTable } from '../src/cli/format.ts';
import { describeMachine } from './machine.ts';
import { commandLine, whenAndWhere, writeReport } from './markdown.ts';
import { CASES, describeCase } from './network.ts';
import type { Answer } from './process.ts';

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
const here = fileURLToPath(new URL('../..', import.meta.url));
const WARM_UP = 2;
/** The 97.5% quantile of the normal distribution, for 95% intervals. */
const SPREAD = 1.96;

/** A process of bench/contender.ts in a clone: reads a line, runs one step, prints JSON. */
class Stepper {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(clone: string, step: object) {
    const program = join(clone, 'dist/bench/contender.js');
    this.#process = spawn(process.execPath, [program, values.contender, JSON.stringify(step)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  async step(): Promise<Answer> {
    this.#process.stdin!.write('step\n');
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('a version ended: is it built?');
    return JSON.parse(value) as Answer;
  }

  end(): void {
    this.#process.kill();
  }
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

async function compare(name: string, pairs: number) {
  const step = CASES[name];
  if (!step || values.before === undefined)
    throw new RangeError(`expected --before DIR and cases of ${Object.keys(CASES)}`);
  const steppers = [here, values.before, values.before].map((clone) => new Stepper(clone, step));
  try {
    for (const each of steppers) for (let i = 0; i < WARM_UP; i++) await each.step();
    const rounds: Answer[][] = [];
    for (let round = 0; round < pairs; round++) {
      const answers: Answer[] = [];
      for (let k = 0; k < steppers.length; k++) {
        const at = (k + round) % steppers.length; // The first contender rotates.
        answers[at] = await steppers[at]!.step();
      }
      rounds.push(answers);
      process.stderr.write(`${name}: pair ${round + 1}/${pairs}\n`);
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
    for (const each of steppers) each.end();
  }
}

const machine = await describeMachine();
const results = [];
for (const name of values.cases.split(',')) results.push(await compare(name, Number(values.pairs)));
const show = ({ median, interval: [low, high] }: Ratio) =>
  `${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
const mebibytes = (bytes: readonly (number | undefined)[]) =>
  bytes.map((each) => (each === undefined ? '–' : (each / 2 ** 20).toFixed(1))).join(' → ');
const table = markdownTable([
  ['step', 'time, now / before', 'before / before', 'same losses', 'planned MiB', 'peak MiB of the process'],
  ...results.map(({ step, ratio, ofBefore, sameLosses, plannedPeakBytes, peakRssBytes }) => [
    describeCase(step),
    show(ratio),
    show(ofBefore),
    sameLosses ? 'to the bit' : 'NO',
    mebibytes(plannedPeakBytes),
    mebibytes(peakRssBytes),
  ]),
]);
const report = { date: new Date().toISOString(), command: commandLine('bench:versions'), machine, results };
process.stdout.write(`${table}\n`);
if (values.out) {
  const text = [
    '# This version beside the one before',
    `${whenAndWhere(report.date, machine)}. \`${report.command}\``,
    `Median of ${values.pairs} pairs of steps in turns, and the 95% interval of their mean.`,
    table,
  ];
  writeReport(values.out, `${text.join('\n\n')}\n`, report);
}
