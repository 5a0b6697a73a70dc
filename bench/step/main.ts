import { join } from 'node:path';
import { Command, Option } from 'commander';
import { CAP_MS, isPytorch } from '../common/contender.ts';
import { writeInput } from '../common/input.ts';
import { CASES, type StepCase } from '../common/network.ts';
import { reportHead, showTable, writeReport } from '../common/report.ts';
import { failuresField, inTurns } from '../common/turns.ts';
import { markdownOf, measure, type StepReport, tableOf } from './report.ts';
import { defaultContenders, start } from './start.ts';

/**
 * Measures training steps of Densor's engines and of peers in one run. Every contender is a separate warm process;
 * they alternate after each step, so that disturbances of the machine affect all equally.
 */

interface BenchOptions extends Partial<Omit<StepCase, 'blocks'>> {
  readonly case: string;
  readonly contenders?: string;
  readonly rounds: number;
  readonly cap: number;
  readonly blocks?: string;
  readonly out?: string;
}

const WARM_UP = 2;

async function main(): Promise<void> {
  const command = new Command('bench-step')
    .description('training steps of several engines, which alternate')
    .addOption(
      new Option('--case <name>', 'network and image size').choices(Object.keys(CASES)).default('notes'),
    )
    .option(
      '--contenders <names>',
      'separated by commas, also tfjs:wasm, tfjs:cpu and jax-js (default: the best of each engine here, and PyTorch)',
    )
    .option('--rounds <n>', 'rounds, in which the contenders alternate', Number, 7)
    .option('--cap <seconds>', 'skip peers that take longer', Number, CAP_MS / 1000)
    .option('--size <pixels>', "image size, instead of the case's", Number)
    .option('--batch <images>', 'images per step', Number)
    .option('--blocks <list>', 'layers per block')
    .option('--growth <k>', 'growth rate', Number)
    .option('--stem <channels>', 'stem channels', Number)
    .option('--bottleneck', 'dense layers with a bottleneck')
    .option('--threads <n>', 'threads of each contender', Number)
    .option('--out <file>', 'writes FILE.json and FILE.md')
    .parse();
  const { case: named, contenders, rounds, cap, out, blocks, ...numbers } = command.opts<BenchOptions>();
  const step = { ...CASES[named]!, ...numbers, ...(blocks && { blocks: blocks.split(',').map(Number) }) };
  const names = contenders?.split(',') ?? defaultContenders();
  const head = await reportHead('bench');
  const prepare = (folder: string) => {
    const input = join(folder, 'input.safetensors');
    if (names.some(isPytorch)) writeInput(input, step);
    return (name: string) => start(name, step, input, 1000 * cap);
  };
  const turns = await inTurns(names, prepare, { warmUp: WARM_UP, rounds });
  const report: StepReport = {
    ...head,
    step,
    warmUp: WARM_UP,
    rounds,
    results: [...turns.answers].map(([name, given]) => measure(name, given, step.batch)),
    ...failuresField(turns),
  };
  showTable(tableOf(report), head.machine);
  if (out) writeReport(out, markdownOf(report), report);
}

await main();
