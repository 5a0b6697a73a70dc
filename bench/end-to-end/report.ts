import { markdownTable } from '../../src/cli/format.ts';
import { median } from '../../src/cli/median.ts';
import { isPeer } from '../common/contender.ts';
import { doubtParagraph, type ReportHead, whenAndWhere } from '../common/report.ts';
import { type EpochCase, type EpochRun, partsOf } from './run.ts';

/** The result of one run of bench/end-to-end, stored as FILE.json. */
export interface EpochReport extends ReportHead {
  /** The command of Densor's processes. */
  readonly densor: string;
  readonly case: EpochCase;
  readonly rounds: number;
  readonly results: readonly { readonly name: string; readonly runs: readonly EpochRun[] }[];
}

/** Header and a row per contender: medians of its runs in seconds, and its speedup over every peer. */
export function epochTable({ results }: EpochReport): string[][] {
  const measured = results.map(({ name, runs }) => {
    const parts = runs.map(partsOf);
    const of = (part: keyof (typeof parts)[number]) => median(parts.map((each) => each[part]));
    return { name, runs, of, totals: parts.map(({ total }) => total) };
  });
  const peers = measured.filter(({ name }) => isPeer(name));
  const seconds = (value: number) => value.toFixed(value < 10 ? 2 : 1);
  const header = [
    'contender',
    'seconds',
    'fastest – slowest',
    ...peers.map(({ name }) => `× ${name}`),
    'start',
    'training',
    'evaluation',
    'end',
    'train loss',
    'test accuracy',
  ];
  const rows = measured.map(({ name, runs, of, totals }) => {
    const { version, trainLoss, testAccuracy } = runs.at(-1)!;
    return [
      version === undefined ? name : `${name} (${version})`,
      seconds(of('total')),
      `${seconds(Math.min(...totals))} – ${seconds(Math.max(...totals))}`,
      ...peers.map((peer) => (peer.name === name ? '' : (peer.of('total') / of('total')).toFixed(2))),
      ...(['start', 'training', 'evaluation', 'end'] as const).map((part) => seconds(of(part))),
      trainLoss.toFixed(3),
      testAccuracy.toFixed(4),
    ];
  });
  return [header, ...rows];
}

/** A report as Markdown, with warnings first. */
export function epochMarkdown(report: EpochReport): string {
  const { command, densor, machine, rounds } = report;
  const { limit, size, batch, threads, learningRate } = report.case;
  return [
    doubtParagraph(machine),
    `# End to end: an epoch on ${limit} images of Fashion-MNIST\n\n`,
    `${whenAndWhere(report)}.\n\n`,
    `The notes' network, ${size}×${size}, batch ${batch}, SGD ${learningRate}, ${threads} threads: the four files are `,
    'read, images shuffled and resized, the network is trained and then evaluated on all 10,000 test images. Each of ',
    `${rounds} runs is a new process, and the contenders alternate. The table has medians, in seconds from the start to the `,
    'end of the process. `start` is the time before the first step: loading libraries, reading files and, for Densor, planning ',
    'the step and writing a checkpoint. `end` is the time after the evaluation. Densor also writes checkpoints, a log and ',
    'curves; PyTorch writes nothing. PyTorch resizes a whole batch at once. Contenders use different random numbers, so losses ',
    'and accuracies agree only to within the variation between seeds.\n\n',
    `Command: \`${command}\`, where Densor's processes are \`${densor}\`\n\n`,
    `${markdownTable(epochTable(report))}\n`,
  ].join('');
}
