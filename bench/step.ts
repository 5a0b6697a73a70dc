import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { formatTable } from '../src/cli/format.ts';
import { writeInput } from './input.ts';
import { describeMachine, doubt, spinText } from './machine.ts';
import { CASES, type StepCase } from './network.ts';
import { type Answer, type Contender, defaultContenders, isPytorch, start } from './process.ts';
import { markdownOf, measure, type StepReport, tableOf } from './report.ts';
import { takeTurns } from './turns.ts';

/**
 * Times training steps of Densor's engines and of PyTorch in one run: every contender is a process of its own that
 * stays warm, and they take turns step by step, so that a slow minute of the machine hits all alike.
 */

interface BenchOptions extends Partial<Omit<StepCase, 'blocks'>> {
  readonly case: string;
  readonly contenders?: string;
  readonly rounds: number;
  readonly blocks?: string;
  readonly out?: string;
}

const WARM_UP = 2;

async function main(): Promise<void> {
  const command = new Command('bench-step')
    .description('training steps of several engines, in turns')
    .addOption(new Option('--case <name>', 'what is trained').choices(Object.keys(CASES)).default('notes'))
    .option('--contenders <names>', 'comma separated (default: the best of each engine here, and PyTorch)')
    .option('--rounds <n>', 'steps of each', Number, 7)
    .option('--size <pixels>', "image size, instead of the case's", Number)
    .option('--batch <images>', 'images per step', Number)
    .option('--blocks <list>', 'layers per block')
    .option('--growth <k>', 'growth rate', Number)
    .option('--stem <channels>', 'stem channels', Number)
    .option('--threads <n>', 'of each contender', Number)
    .option('--out <file>', 'writes FILE.json and FILE.md')
    .parse();
  const { case: named, contenders, rounds, out, blocks, ...numbers } = command.opts<BenchOptions>();
  const step = { ...CASES[named]!, ...numbers, ...(blocks && { blocks: blocks.split(',').map(Number) }) };
  const names = contenders?.split(',') ?? defaultContenders();
  const machine = await describeMachine();
  process.stderr.write(`${spinText(machine)}\n`);
  const answers = await stepsOf(names, step, rounds);
  const report: StepReport = {
    date: new Date().toISOString(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    step,
    machine,
    warmUp: WARM_UP,
    rounds,
    results: names.map((name) => measure(name, answers.get(name)!, step.batch)),
  };
  const warning = doubt(machine);
  process.stdout.write(`${warning ? `${warning}\n` : ''}${formatTable(tableOf(report))}\n`);
  if (!out) return;
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(`${out}.md`, markdownOf(report));
  writeFileSync(`${out}.json`, `${JSON.stringify(report, undefined, 1)}\n`);
}

/** Every contender's steps after warm-up. */
async function stepsOf(
  names: readonly string[],
  step: StepCase,
  rounds: number,
): Promise<ReadonlyMap<string, Answer[]>> {
  const folder = mkdtempSync(join(tmpdir(), 'densor-bench-'));
  const input = join(folder, 'input.safetensors');
  const contenders: Contender[] = [];
  try {
    if (names.some(isPytorch)) writeInput(input, step);
    for (const name of names) contenders.push(start(name, step, input));
    return await takeTurns(contenders, WARM_UP, rounds);
  } finally {
    for (const contender of contenders) contender.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
