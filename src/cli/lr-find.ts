import { dirname, join } from 'node:path';
import { requireLabels } from '../data/dataset.ts';
import { openDataset } from '../node/data/open-dataset.ts';
import { makeFolder, writeFileAtomic } from '../node/files.ts';
import { RANGE_TEST_TEXT } from '../plot/range-test-text.ts';
import { counted } from '../tensor/counted.ts';
import { compileRun } from '../train/compile-run.ts';
import type { RunConfig } from '../train/config.ts';
import { findLearningRate, type RangePoint, type RangeTest } from '../train/lr-find.ts';
import type { DataOptions } from '../train/new-run.ts';
import { type Overrides, resolveRecipe } from '../train/recipes.ts';
import { modelOf } from '../train/run-model.ts';
import { folderOptions, requireFolderOptions } from './data-options.ts';
import { announce, describeEngine, type EngineName, openEngine } from './engines.ts';
import { UsageError } from './errors.ts';
import { formatRate } from './format.ts';
import { showData } from './progress.ts';
import { completeRecipe } from './run-config.ts';
import { print, printJson, say } from './terminal.ts';

interface LrFindOptions
  extends Overrides,
    Pick<DataOptions, 'channels' | 'testShare' | 'strict' | 'followLinks'> {
  readonly dataDir?: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly steps: number;
  readonly from: number;
  readonly to: number;
  readonly out?: string;
  readonly json?: boolean;
}

const LINE_EVERY_MS = 10_000;

export async function runLrFind(given: LrFindOptions): Promise<void> {
  const { steps, from, to } = given;
  if (from >= to) throw new UsageError(`--from ${from} is not below --to ${to}`);
  const recipe = resolveRecipe(given);
  requireFolderOptions(given, recipe.data);
  const data = await openDataset(recipe.data, given.dataDir, showData(), folderOptions(given, recipe));
  const config = completeRecipe(recipe, data);
  requireLabels(data.train, config.classes);
  const model = modelOf(config, data.train.channels);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const compiled = compileRun(config, model, data, { target: engine.target });
    const session = await engine.open(compiled.network);
    announce(given.engine, engine);
    const onStep = showSteps(steps);
    const test = await findLearningRate({
      ...{ config, compiled, session, train: data.train, from, to, steps },
      onStep,
    });
    const files = await write(given.out ?? defaultPath(config), test, config);
    const { name, isa, threads } = engine;
    if (given.json) printJson({ ...test, files, engine: name, isa, threads });
    else print([`${verdict(test, steps)} (${describeEngine(engine)})`, RANGE_TEST_TEXT, files.join(', ')]);
  } finally {
    await engine.close();
  }
}

function showSteps(steps: number): (done: number, point: RangePoint) => void {
  let lineAt = performance.now();
  return (done, { learningRate, smoothedLoss }) => {
    if (performance.now() - lineAt <= LINE_EVERY_MS) return;
    lineAt = performance.now();
    say(`step ${done}/${steps}  lr ${formatRate(learningRate)}  loss ${smoothedLoss.toFixed(3)}`);
  };
}

function verdict({ suggestion, points, exploded }: RangeTest, steps: number): string {
  const end = exploded
    ? `the loss diverged after ${counted(points.length, 'step')}${points.length > 0 ? ` at ${formatRate(points.at(-1)!.learningRate)}` : ''}`
    : `the loss did not diverge in ${counted(steps, 'step')}`;
  return suggestion === undefined
    ? `no suggestion: the loss did not fall; ${end}`
    : `suggested --lr ${Number(suggestion.toPrecision(2))}, where the loss falls fastest; ${end}`;
}

function defaultPath({ model, data = 'unknown' }: RunConfig): string {
  return join('runs', `lr-find-${model}-${data.replace(/[^\w-]+/g, '-')}.csv`);
}

/** Writes the table and, if there are enough points, its plot. @returns the names of the files. */
async function write(csv: string, { points, suggestion }: RangeTest, config: RunConfig): Promise<string[]> {
  makeFolder(dirname(csv));
  const rows = points.map((point) => [point.learningRate, point.loss, point.smoothedLoss].join(','));
  writeFileAtomic(csv, `${['learning_rate,loss,smoothed_loss', ...rows].join('\n')}\n`);
  if (points.length < 2) return [csv];
  const { model, data, size, batch, optimizer } = config;
  const title = `${model} on ${data}, ${size}×${size}, batch ${batch}, ${optimizer}: range test`;
  const { rangeTestSvg } = await import('../plot/range-test.ts');
  const { newDocument } = await import('../node/document.ts');
  const { pngOf } = await import('../node/png.ts');
  const svg = rangeTestSvg(newDocument(), points, suggestion, title);
  const [svgFile, pngFile] = [csv.replace(/csv$/, 'svg'), csv.replace(/csv$/, 'png')];
  writeFileAtomic(svgFile, svg);
  writeFileAtomic(pngFile, [pngOf(svg)]);
  return [csv, svgFile, pngFile];
}
