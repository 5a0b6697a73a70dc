import { basename } from 'node:path';
import { Command } from 'commander';
import { markdownTable } from '../../src/cli/format.ts';
import { median } from '../../src/cli/median.ts';
import { compile } from '../../src/compile.ts';
import { countMacs } from '../../src/graph/count-macs.ts';
import { modelByName } from '../../src/model/zoo.ts';
import { runDensor } from '../common/programs.ts';
import { Progress } from '../common/progress.ts';
import {
  doubtParagraph,
  reportHead,
  showTable,
  whenAndWhere,
  writePictures,
  writeReport,
} from '../common/report.ts';
import { type ScalingPanel, scalingSvg } from './picture.ts';

/**
 * Measures how the time of a training step scales with batch size, image size, depth and growth rate, one at a
 * time, compared with its multiply-adds. Each step is measured by `densor bench` in a separate process. Every
 * round has all cases, so that disturbances do not affect only one axis; the median over rounds counts.
 */

interface Case {
  readonly model: string;
  readonly size: number;
  readonly batch: number;
}

/** The DenseNet for CIFAR of the paper, without bottlenecks: three blocks of 12 layers. */
const BASE: Case = { model: 'densenet-40-12', size: 32, batch: 32 };

const AXES: readonly {
  readonly axis: string;
  readonly values: readonly number[];
  of(value: number): Case;
}[] = [
  { axis: 'batch (images)', values: [8, 16, 32, 64, 128], of: (batch) => ({ ...BASE, batch }) },
  { axis: 'image size (pixels a side)', values: [16, 24, 32, 48, 64], of: (size) => ({ ...BASE, size }) },
  {
    axis: 'depth (layers)',
    values: [22, 31, 40, 58, 76],
    of: (depth) => ({ ...BASE, model: `densenet-${depth}-12` }),
  },
  {
    axis: 'growth rate (channels)',
    values: [8, 12, 16, 24, 32],
    of: (growth) => ({ ...BASE, model: `densenet-40-${growth}` }),
  },
];

const { rounds, threads, out } = new Command('bench-scaling')
  .description('cost of a training step over batch, image size, depth and growth rate')
  .option('--rounds <n>', 'measurements of each case', Number, 3)
  .option('--threads <n>', 'threads of each process', '2')
  .option('--out <file>', 'writes FILE.json, FILE.md, FILE.svg and FILE.png')
  .parse()
  .opts<{ rounds: number; threads: string; out?: string }>();

/** Median milliseconds of a training step. */
async function stepMs({ model, size, batch }: Case): Promise<number> {
  const args =
    `bench --model ${model} --size ${size} --batch ${batch} --steps 9 --threads ${threads} --json`.split(' ');
  const { out: json } = await runDensor(args);
  return median((JSON.parse(json) as { readonly stepMs: readonly number[] }).stepMs);
}

/** Multiply-adds of a step, forward and backward: three times those of an evaluation. */
function stepMacs({ model, size, batch }: Case): number {
  const { network } = compile(modelByName(model), [size, size], { it: { batch, mode: 'evaluate' } });
  return 3 * countMacs(network.programs.get('it')!.graph);
}

const head = await reportHead('bench:scaling');
const keyOf = ({ model, size, batch }: Case) => `${model} ${size} ${batch}`;
const cases = new Map(AXES.flatMap(({ values, of }) => values.map(of)).map((each) => [keyOf(each), each]));
const times = new Map<string, number[]>([...cases.keys()].map((key) => [key, []]));
const progress = new Progress('case', rounds * cases.size);
for (let round = 0; round < rounds; round++) {
  for (const [key, each] of cases) {
    times.get(key)!.push(await stepMs(each));
    progress.advance(key);
  }
}
const panels = AXES.map(({ axis, values, of }): ScalingPanel => {
  const points = values.map((value) => {
    const each = of(value);
    return { value, ms: median(times.get(keyOf(each))!), macs: stepMacs(each) };
  });
  return { axis, points };
});
const header = ['', 'step', 'multiplications', 'per second'];
const rows = panels.flatMap(({ axis, points }) =>
  points.map(({ value, ms, macs }) => [
    `${axis} ${value}`,
    `${ms.toFixed(1)} ms`,
    `${(macs / 1e9).toFixed(2)} · 10⁹`,
    `${(macs / ms / 1e6).toFixed(0)} · 10⁹`,
  ]),
);
const table = [header, ...rows];
showTable(table);
if (out !== undefined) {
  const about =
    `${whenAndWhere(head)}, ${threads} threads. Made by \`npm run bench:scaling\`: the median of ${rounds} ` +
    `processes of \`densor bench\` for each case. Everything that a row does not name is as in ${BASE.model}, ` +
    `${BASE.size}×${BASE.size}, batch ${BASE.batch}.`;
  const picture = `![Milliseconds of a step against batch, size, depth and growth](${basename(out)}.svg)`;
  const title = `${doubtParagraph(head.machine)}# What a training step costs`;
  writeReport(out, `${title}\n\n${about}\n\n${picture}\n\n${markdownTable(table)}\n`, {
    ...head,
    rounds,
    threads,
    panels,
  });
  writePictures(out, scalingSvg(panels));
}
