import { basename } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { writeFileAtomic } from '../node/files.ts';
import { counted } from '../tensor/counted.ts';
import type { ConfigurationResult, Measure, PairedDifference, Spread } from '../train/compare.ts';
import { hasValidation, type RunConfig } from '../train/config.ts';
import type { Experiment } from '../train/experiment.ts';
import { comparisonFiles } from './compare-folder.ts';
import { describeEngine } from './engines.ts';
import { formatBytes, formatCount, formatDuration, formatTable, markdownTable } from './format.ts';
import type { RunCost } from './time-left.ts';

/** Properties of a configuration that are known before it runs. */
export interface ComparedNetwork extends RunCost {
  readonly config: RunConfig;
  readonly parameters: number;
  readonly plannedPeakBytes: number;
}

export interface ComparedConfiguration extends ComparedNetwork, ConfigurationResult {}

export interface Comparison {
  readonly name: string;
  readonly folder: string;
  readonly experiment: Experiment;
  readonly engine: Engine;
  readonly configurations: readonly ComparedConfiguration[];
  readonly differences: readonly PairedDifference[];
}

/** The comparison as one JSON object, without the points of the curves, which are in the logs of the runs. */
export function comparisonJson({
  name,
  folder,
  experiment,
  engine,
  configurations,
  differences,
}: Comparison) {
  return {
    name,
    out: folder,
    finished: true,
    experiment,
    engine: engine.name,
    isa: engine.isa,
    threads: engine.threads,
    configurations: configurations.map(
      ({ name: configuration, parameters, macs, plannedPeakBytes, over, runs, diverged }) => ({
        name: configuration,
        parameters,
        macs,
        plannedPeakBytes,
        ...over,
        runs: runs.map(({ history, kind, ...run }) => run),
        diverged: diverged.map(({ kind, ...run }) => run),
      }),
    ),
    testAccuracyDifferences: differences.map(({ over, ...difference }) => ({ ...difference, ...over })),
  };
}

/** The rows of the table, one column per configuration. */
const ROWS: readonly (readonly [title: string, text: (of: ComparedConfiguration) => string])[] = [
  ['parameters', ({ parameters }) => formatCount(parameters)],
  ['multiplications per image', ({ macs }) => formatCount(macs)],
  ['planned memory', ({ plannedPeakBytes }) => formatBytes(plannedPeakBytes)],
  [
    'epochs',
    ({ over: { epochs } }) => formatSpread(epochs?.sd === 0 ? { mean: epochs.mean } : epochs, rounded),
  ],
  ['train loss', measured('trainLoss', (loss) => loss.toFixed(4))],
  ['train accuracy', measured('trainAccuracy', (accuracy) => accuracy.toFixed(4))],
  ['test accuracy, last epoch', measured('testAccuracy', (accuracy) => accuracy.toFixed(4))],
  ['test accuracy, best epoch', measured('bestTestAccuracy', (accuracy) => accuracy.toFixed(4))],
  ['examples/s', measured('examplesPerSecond', (rate) => rate.toFixed(1))],
  ['training time', measured('trainMs', formatDuration)],
];

const rounded = (value: number) => `${Number(value.toFixed(1))}`;

function measured(measure: Measure, format: (value: number) => string) {
  return ({ over }: ComparedConfiguration) => formatSpread(over[measure], format);
}

/** `0.8731 ± 0.0042`; without ± for one value. */
function formatSpread(spread: Spread | undefined, format: (value: number) => string): string {
  if (!spread) return '–';
  const { mean, sd } = spread;
  return sd === undefined ? format(mean) : `${format(mean)} ± ${format(sd)}`;
}

/** The number of runs that ended with NaN or infinity: `1 of 3`. */
function divergedText({ runs, diverged }: ComparedConfiguration): string {
  return diverged.length === 0 ? 'none' : `${diverged.length} of ${runs.length + diverged.length}`;
}

function tableOf(configurations: readonly ComparedConfiguration[]): readonly (readonly string[])[] {
  const anyDiverged = configurations.some(({ diverged }) => diverged.length > 0);
  return [
    ['', ...configurations.map(({ name }) => name)],
    ...ROWS.map(([title, text]) => [title, ...configurations.map(text)]),
    ...(anyDiverged ? [['diverged', ...configurations.map(divergedText)]] : []),
  ];
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`;

function differenceText({ of, minus, perSeed, over: { mean, sd } }: PairedDifference): string {
  const spread = sd === undefined ? signed(mean) : `${signed(mean)} ± ${sd.toFixed(4)}`;
  const each = perSeed.map(({ seed, difference }) => `${signed(difference)} with seed ${seed}`);
  return `test accuracy of ${of} minus ${minus}: ${spread} (${each.join(', ')})`;
}

/** The output without --json. */
export function comparisonText({ configurations, differences }: Comparison): readonly string[] {
  const table = formatTable(tableOf(configurations));
  return [...table, ...(differences.length > 0 ? [''] : []), ...differences.map(differenceText)];
}

/** The settings shared by all configurations: `fashion-mnist`, `96×96`, `batch 256`, … */
function sharedBy(configurations: readonly ComparedConfiguration[]): readonly string[] {
  const parts: readonly ((of: ComparedConfiguration) => string)[] = [
    ({ config }) => `${config.data}`,
    ({ config }) => `${config.size}×${config.size}`,
    ({ config }) => `batch ${config.batch}`,
    ({ config }) => `lr ${config.lr}`,
    ({ config, trainImages }) => `${counted(config.epochs, 'epoch')} of ${counted(trainImages, 'image')}`,
  ];
  return parts.flatMap((part) => {
    const texts = new Set(configurations.map(part));
    return texts.size === 1 ? [...texts] : [];
  });
}

function markdownOf(comparison: Comparison): string {
  const { name, folder, experiment, engine, configurations, differences } = comparison;
  const { about, seeds } = experiment;
  const runs = configurations.flatMap((configuration) => [
    ...configuration.runs.map((run) => [
      `${configuration.name}, seed ${run.seed}`,
      run.trainLoss.toFixed(4),
      run.trainAccuracy.toFixed(4),
      run.testAccuracy.toFixed(4),
      run.bestTestAccuracy.toFixed(4),
      run.examplesPerSecond.toFixed(1),
      formatDuration(run.trainMs),
    ]),
    ...configuration.diverged.map(({ seed }) => [
      `${configuration.name}, seed ${seed}: diverged`,
      ...Array<string>(6).fill('–'),
    ]),
  ]);
  const isValidated = configurations.every(({ config }) => hasValidation(config));
  const budget = [
    ...sharedBy(configurations),
    `${seeds.length === 1 ? 'seed' : 'seeds'} ${seeds.join(', ')}`,
    describeEngine(engine),
  ];
  const spread = 'Mean ± sample standard deviation over seeds.';
  const best = isValidated
    ? 'The best epoch is chosen on the validation images.'
    : 'The best epoch is chosen on the test images, so its accuracy is optimistic: compare the last epoch.';
  const head = [
    'run',
    'train loss',
    'train accuracy',
    'test accuracy',
    'best',
    'examples/s',
    'training time',
  ];
  return `${[
    `# ${name}`,
    ...(about ? [about] : []),
    `${budget.join(', ')}. ${spread} ${best}`,
    markdownTable(tableOf(configurations)),
    ...differences.map((difference) => `${differenceText(difference)}.`),
    `![Test accuracy and training loss of all runs](${basename(comparisonFiles(folder).svg)})`,
    markdownTable([head, ...runs]),
  ].join('\n\n')}\n`;
}

/** Writes report and plot. */
export async function writeComparison(comparison: Comparison): Promise<void> {
  const { name, folder, configurations } = comparison;
  const files = comparisonFiles(folder);
  const { comparisonSvg } = await import('../plot/comparison.ts'); // Lazy: loading takes 0.5 s.
  const { newDocument } = await import('../node/document.ts');
  const { pngOf } = await import('../node/png.ts');
  const compared = configurations.map(({ name: configuration, runs, over }) => ({
    label: `${configuration}: test accuracy ${formatSpread(over.testAccuracy, (accuracy) => accuracy.toFixed(4))}`,
    runs: runs.map(({ history }) => history),
  }));
  const epochs = Math.max(...configurations.map(({ config }) => config.epochs));
  const title = [name, ...sharedBy(configurations)].join(', ');
  const svg = comparisonSvg(newDocument(), compared, epochs, title);
  writeFileAtomic(files.svg, svg);
  writeFileAtomic(files.png, [pngOf(svg)]);
  writeFileAtomic(files.markdown, markdownOf(comparison));
  writeFileAtomic(files.report, `${JSON.stringify(comparisonJson(comparison), undefined, 2)}\n`);
}
