import { markdownTable } from '../../src/cli/format.ts';
import { median } from '../../src/cli/median.ts';
import { isPeer } from '../common/contender.ts';
import { cannotRow, doubtParagraph, type ReportHead, whenAndWhere } from '../common/report.ts';
import { type Convolution, describeConvolution, flopsOf, PASSES, type Pass, type PassTimes } from './case.ts';

/** The result of one run of bench/kernels, stored as FILE.json. */
export interface KernelReport extends ReportHead {
  readonly rounds: number;
  readonly threads: number;
  readonly convolutions: readonly Convolution[];
  /** The times of every convolution in each turn. */
  readonly results: readonly { readonly name: string; readonly turns: readonly (readonly PassTimes[])[] }[];
  /** Peers that failed, with their errors. */
  readonly failures?: Readonly<Record<string, string>>;
}

/**
 * A row per pass and convolution, and one per pass of all convolutions: GFLOP/s of every contender, by the median
 * of its turns, and the speedup of the first contender over each peer.
 */
export function kernelTable({ convolutions, results, failures = {} }: KernelReport): string[][] {
  const [first] = results;
  const peers = results.filter((each) => isPeer(each.name) && each !== first);
  const header = [
    'convolution',
    'pass',
    ...results.map(({ name }) => `${name}, GFLOP/s`),
    ...peers.map(({ name }) => `${first!.name} × ${name}`),
  ];
  const msOf = ({ turns }: (typeof results)[number], of: readonly number[], pass: Pass) =>
    median(turns.map((turn) => of.reduce((sum, i) => sum + turn[i]![pass], 0)));
  const row = (title: string, of: readonly number[], pass: Pass) => {
    const flops = of.reduce((sum, i) => sum + flopsOf(convolutions[i]!), 0);
    return [
      title,
      pass,
      ...results.map((each) => (flops / msOf(each, of, pass) / 1e6).toFixed(1)),
      ...peers.map((peer) => (msOf(peer, of, pass) / msOf(first!, of, pass)).toFixed(2)),
    ];
  };
  const all = convolutions.map((_, i) => i);
  const rows = [
    ...all.flatMap((i) => PASSES.map((pass) => row(describeConvolution(convolutions[i]!), [i], pass))),
    ...PASSES.map((pass) => row('all', all, pass)),
  ];
  const cannot = Object.entries(failures).map(([name, text]) => cannotRow([name], text, header.length));
  return [header, ...rows, ...cannot];
}

/** A report as Markdown, with warnings first. */
export function kernelMarkdown(report: KernelReport): string {
  const { command, machine, rounds, threads, convolutions } = report;
  return [
    doubtParagraph(machine),
    `# Single convolutions, float32, ${convolutions[0]?.images} images\n\n`,
    `${whenAndWhere(report)}.\n\n`,
    "The last 3×3 convolution of each dense block of the notes' network, and its transitions' 1×1, without bias, batch ",
    `norm or ReLU; ${threads} threads each. The contenders alternate for ${rounds} rounds. In each round they run all `,
    'convolutions twice, and the second time counts; the table has medians. Operations are those of direct convolution, 2 per ',
    'multiply-add, for every algorithm (Winograd needs fewer). In `inference` the weights are constant; in `forward`, as in a ',
    'training step, Densor packs them every time.\n\n',
    `Command: \`${command}\`\n\n`,
    `${markdownTable(kernelTable(report), 2)}\n`,
  ].join('');
}
