import { DataError, type Dataset, listed, requireChannels } from '../data/dataset.ts';
import { imageFolderOf } from '../data/dataset-names.ts';
import { sha256Of, sha256OfDataset } from '../node/data/fingerprint.ts';
import { openDataset, openTestSet } from '../node/data/open-dataset.ts';
import { openRun } from '../run/open-run.ts';
import { counted } from '../tensor/counted.ts';
import { evaluationBatch, hasValidation } from '../train/config.ts';
import { testTransforms } from '../train/data-config.ts';
import { evaluate } from '../train/evaluate.ts';
import { evaluateMirrored } from '../train/evaluate-mirrored.ts';
import { accuracy, meanLoss } from '../train/metrics.ts';
import { dataOf } from '../train/run-data.ts';
import { Scorecard } from '../train/scorecard.ts';
import { openTrained, type Trained } from '../train/trained.ts';
import { folderOptions, openOwnData, requireFolderOptions } from './data-options.ts';
import { showSkipped } from './data-report.ts';
import { type EngineName, openEngine } from './engines.ts';
import { UsageError } from './errors.ts';
import { showData, showTesting } from './progress.ts';
import { print, printJson, say } from './terminal.ts';

interface EvaluateOptions {
  readonly checkpoint: 'last' | 'best';
  readonly data?: string;
  readonly dataDir?: string;
  readonly strict?: boolean;
  readonly followLinks?: true;
  readonly mirror?: boolean;
  readonly validation?: boolean;
  /** The former name of `validation` was given. */
  readonly heldOut?: boolean;
  readonly out?: string;
  readonly engine: EngineName;
  readonly threads: number;
  readonly json?: boolean;
}

/** Number of misclassified images in the report. */
const SHOWN_MISTAKES = 24;

export async function runEvaluate(place: string, given: EvaluateOptions): Promise<void> {
  const run = openRun(place, given.checkpoint);
  const { config, classNames } = run;
  const test = await openTestImages(run, given);
  const engine = await openEngine(given.engine, given.threads);
  try {
    const size = [config.size, config.size] as const;
    const batch = evaluationBatch(config);
    const session = await openTrained(run, engine, { count: test.count, batch });
    const scores = new Scorecard(classNames, SHOWN_MISTAKES);
    const started = performance.now();
    const sums = await (given.mirror ? evaluateMirrored : evaluate)(
      session,
      test,
      {
        size,
        batch,
        ...testTransforms(config),
        onBatch: (first, labels, logits) => scores.add(first, labels, logits),
      },
      showTesting(),
    );
    const seconds = (performance.now() - started) / 1000;
    const { scoreTable, writeReport } = await import('./evaluate-report.ts'); // Half a second of modules.
    const kind = given.validation ? 'validation' : 'test';
    const title = `${config.model} on ${given.validation ? 'validation images of ' : ''}${given.data ?? config.data}`;
    const files = await writeReport(given.out ?? run.folder, title, scores, test);
    const result = {
      ...(given.validation
        ? { validationLoss: meanLoss(sums), validationAccuracy: accuracy(sums) }
        : { testLoss: meanLoss(sums), testAccuracy: accuracy(sums) }),
      ...(given.heldOut && { heldOutLoss: meanLoss(sums), heldOutAccuracy: accuracy(sums) }),
      topFiveAccuracy: scores.topFiveAccuracy,
      images: sums.count,
      examplesPerSecond: sums.count / seconds,
      engine: engine.name,
      isa: engine.isa,
    };
    if (given.json) {
      const mistakes = scores.mistakes.map(({ label, predicted, index, ...mistake }) => {
        const image = test.files?.[index] ?? index;
        return { image, true: classNames[label], predicted: classNames[predicted], ...mistake };
      });
      printJson({ ...result, classes: scores.classes, mistakes, files });
      return;
    }
    print([
      `${kind} loss ${meanLoss(sums).toFixed(3)}, ${kind} acc ${accuracy(sums).toFixed(4)} ` +
        `(top-5 ${result.topFiveAccuracy.toFixed(4)}) on ${counted(sums.count, 'image')} ` +
        `(${result.examplesPerSecond.toFixed(1)} examples/sec)`,
      ...scoreTable(scores.classes),
      files.join(' '),
    ]);
  } finally {
    await engine.close();
  }
}

/** The test or validation images of the run, or another data set mapped to the run's labels. @throws DataError */
async function openTestImages(run: Trained, given: EvaluateOptions): Promise<Dataset> {
  if (given.validation) return openValidationImages(run, given);
  const {
    config,
    model: { channels },
  } = run;
  const name = given.data ?? config.data;
  if (name === undefined) {
    throw new UsageError('these weights were imported without data: choose test data with --data');
  }
  const { strict, followLinks } = given;
  requireFolderOptions({ strict, followLinks }, name);
  const own = await ownTestImages(run, given, name);
  if (own) return own;
  const isOther = given.data !== undefined;
  const images = {
    ...folderOptions(given, config, channels),
    ...(isOther && { followLinks: followLinks === true, whole: true }),
  };
  const open = () => openTestSet(name, given.dataDir, showData(), images);
  const { test, skipped = [] } = await (given.data === undefined ? openOwnData(name, open) : open());
  showSkipped(skipped);
  requireChannels(test, channels, name);
  if (given.data === undefined) {
    if (config.testSha256 === undefined || sha256OfDataset(test) === config.testSha256) return test;
    say('warning: these are not the test images of the run: some may be among its training images');
  }
  return withLabelsOf(run, test, name);
}

/**
 * If `--data` is the (possibly moved) folder that the run was split from: the images that it was not trained on.
 */
async function ownTestImages(
  { config, model: { channels } }: Trained,
  given: EvaluateOptions,
  name: string,
): Promise<Dataset | undefined> {
  const { testShare, testSha256 } = config;
  if (given.data === undefined || testShare === undefined || imageFolderOf(name) === undefined)
    return undefined;
  try {
    const silent = { note: () => {}, bytes: () => {} };
    const images = folderOptions(given, config, channels);
    const { test, skipped = [] } = await openTestSet(name, given.dataDir, silent, images);
    if (sha256OfDataset(test) !== testSha256) return undefined;
    say(`${name} is the data of this run: testing only on its test images`);
    showSkipped(skipped);
    return test;
  } catch (error) {
    if (error instanceof DataError) return undefined; // A different folder, which cannot be split in the same way.
    throw error;
  }
}

/** The validation images of the run. @throws UsageError if it has none; DataError if the images have changed. */
async function openValidationImages(
  { config, model: { channels } }: Trained,
  given: EvaluateOptions,
): Promise<Dataset> {
  if (given.data !== undefined) throw new UsageError('--validation uses the images of the run: omit --data');
  const { data, dataSha256 } = config;
  if (data === undefined || !hasValidation(config)) {
    throw new UsageError(
      'this run has no validation images: --validation requires a run that was trained with --validate or on a folder with validation images',
    );
  }
  const all = await openOwnData(data, () =>
    openDataset(data, given.dataDir, showData(), folderOptions(given, config, channels)),
  );
  if (sha256Of(all) !== dataSha256) {
    throw new DataError(`${data}: these are not the images of the run, so its validation images are unknown`);
  }
  return dataOf(config, all).validation!;
}

/** Maps classes by name. If one side has only numbers, both must have the same number of classes. */
function withLabelsOf({ classNames }: Trained, test: Dataset, data: string): Dataset {
  const areNumbers = (names: readonly string[]) => names.every((name, i) => name === `${i}`);
  const isNumbered =
    test.classNames.length === classNames.length && (areNumbers(test.classNames) || areNumbers(classNames));
  const known = classNames.map((name) => name.normalize('NFC'));
  const labelOf = test.classNames.map((name, label) => {
    const named = known.indexOf(name.normalize('NFC'));
    const found = named < 0 && isNumbered ? label : named;
    if (found >= 0) return found;
    throw new DataError(`${data}: class ${name} is not a class of the run: ${listed(classNames)}`);
  });
  const missing = classNames.filter((_, label) => !labelOf.includes(label));
  if (missing.length > 0) say(`${data} has no images of ${listed(missing)}: these classes are not tested`);
  const labels = classNames.length <= 256 ? new Uint8Array(test.count) : new Uint16Array(test.count);
  test.labels.forEach((label, i) => {
    labels[i] = labelOf[label]!;
  });
  return { ...test, labels, classNames };
}
