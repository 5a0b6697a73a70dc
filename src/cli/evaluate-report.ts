import { basename, join } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { imageReader } from '../data/pixels.ts';
import { encodePng } from '../node/data/image-file.ts';
import { newDocument } from '../node/document.ts';
import { makeFolder, writeFileAtomic } from '../node/files.ts';
import { pngOf } from '../node/png.ts';
import { confusionSvg } from '../plot/confusion.ts';
import { pictureSheetSvg } from '../plot/picture-sheet.ts';
import { counted } from '../tensor/counted.ts';
import { label } from '../tensor/printable.ts';
import type { ClassScore, Mistake, Scorecard } from '../train/scorecard.ts';
import { csv } from './csv.ts';
import { formatTable } from './format.ts';

/** Minimum longer side of thumbnails, in pixels. */
const THUMBNAIL = 192;
const MOST_ROWS = 30;
const LONGEST_TITLE = 44;

/**
 * Writes the report of an evaluation: `confusion.csv`, `.svg`, `.png`, `classes.csv`, `mistakes.svg`, `.png`.
 * @returns the paths of the files.
 */
export async function writeReport(
  folder: string,
  title: string,
  scores: Scorecard,
  dataset: Dataset,
): Promise<readonly string[]> {
  const percent = `${counted(dataset.count, 'image')}, top-1 ${share(scores.accuracy)}, top-5 ${share(scores.topFiveAccuracy)}`;
  const { classNames, confusion, classes, mistakes } = scores;
  const short = label(title, LONGEST_TITLE);
  const confusionPicture = confusionSvg(newDocument(), classNames, confusion, short, percent);
  const pictures = await Promise.all(mistakes.map((mistake) => pictureOf(mistake, dataset, classNames)));
  const subtitle =
    mistakes.length === 0
      ? 'no mistakes'
      : `the ${counted(mistakes.length, 'most confident mistake')}: ✗ predicted class, ✓ true class, with probabilities`;
  const sheet = pictureSheetSvg(newDocument(), pictures, short, subtitle);
  const files: readonly (readonly [string, string | Uint8Array[]])[] = [
    ['confusion.csv', confusionCsv(classNames, confusion)],
    ['classes.csv', classesCsv(classes)],
    ['confusion.svg', confusionPicture],
    ['confusion.png', [pngOf(confusionPicture)]],
    ['mistakes.svg', sheet],
    ['mistakes.png', [pngOf(sheet)]],
  ];
  makeFolder(folder);
  return files.map(([name, content]) => {
    const path = join(folder, name);
    writeFileAtomic(path, content);
    return path;
  });
}

/** A table of precision, recall, F1 and support per class; if there are many classes, those with the lowest F1. */
export function scoreTable(classes: readonly ClassScore[]): readonly string[] {
  const shown =
    classes.length <= MOST_ROWS ? classes : [...classes].sort((a, b) => a.f1 - b.f1).slice(0, MOST_ROWS);
  const rows = shown.map(({ name, precision, recall, f1, support }) => [
    name,
    ...[precision, recall, f1].map((value) => value.toFixed(3)),
    `${support}`,
  ]);
  const table = formatTable([['class', 'precision', 'recall', 'F1', 'support'], ...rows]);
  return shown.length === classes.length
    ? table
    : [...table, `(the ${MOST_ROWS} of ${classes.length} classes with the lowest F1)`];
}

async function pictureOf(mistake: Mistake, dataset: Dataset, classNames: readonly string[]) {
  const { height, width, channels } = dataset;
  const pixels = imageReader(dataset)(mistake.index);
  const png = await encodePng({ height, width, channels: channels === 1 ? 1 : 3, pixels }, THUMBNAIL);
  return {
    href: `data:image/png;base64,${Buffer.from(png).toString('base64')}`,
    lines: [
      `✗ ${share(mistake.confidence)} ${classNames[mistake.predicted]}`,
      `✓ ${share(mistake.truth)} ${classNames[mistake.label]}`,
      dataset.files ? basename(dataset.files[mistake.index]!) : `image ${mistake.index}`,
    ],
  } as const;
}

/** A row per true class, a column per predicted class. */
function confusionCsv(classNames: readonly string[], confusion: Uint32Array): string {
  const classes = classNames.length;
  const rows = classNames.map((name, label) => [
    name,
    ...confusion.subarray(label * classes, (label + 1) * classes),
  ]);
  return csv([['true \\ predicted', ...classNames], ...rows]);
}

function classesCsv(classes: readonly ClassScore[]): string {
  const rows = classes.map(({ name, precision, recall, f1, support }) => [
    name,
    precision,
    recall,
    f1,
    support,
  ]);
  return csv([['class', 'precision', 'recall', 'f1', 'support'], ...rows]);
}

function share(part: number): string {
  return `${(100 * part).toFixed(1)}%`;
}
