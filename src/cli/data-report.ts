import type { SkippedFile } from '../data/dataset.ts';
import { counted } from '../tensor/counted.ts';
import { listed } from '../tensor/listed.ts';
import { label } from '../tensor/printable.ts';
import type { TrainEvent } from '../train/events.ts';
import { inFlags } from './errors.ts';
import { formatTable } from './format.ts';
import { say } from './terminal.ts';

/** Maximum number of rows of the table. */
const MOST_ROWS = 20;
const FEW_IMAGES = 20;
const NAMED_FILES = 5;

/** Prints the number of images per class, and skipped files, on stderr. */
export function showDataReport({ classes, skipped }: Extract<TrainEvent, { kind: 'data' }>): void {
  showSkipped(skipped, true);
  if (classes.length <= MOST_ROWS) {
    const sets = (['train', 'validation', 'test'] as const).filter((set) => classes[0]?.[set] !== undefined);
    const rows = classes.map((each) => [each.name, ...sets.map((set) => `${each[set]}`)]);
    say(formatTable([['class', ...sets], ...rows]));
  } else {
    const counts = classes.map(({ train }) => train);
    say(
      `${classes.length} classes with ${Math.min(...counts)} to ${Math.max(...counts)} training images each`,
    );
  }
  const few = classes
    .filter(({ train }) => train < FEW_IMAGES)
    .map(({ name, train }) => `${label(name)} (${train})`);
  if (few.length > 0)
    say(`warning: few training images of ${listed(few, NAMED_FILES)}: expect low accuracy for these classes`);
  const untested = classes.filter(({ test }) => test === 0).map(({ name }) => label(name));
  if (untested.length > 0) say(`warning: no test image of ${listed(untested, NAMED_FILES)}`);
}

/** Prints skipped files on stderr. @param isLogged whether the log of the run lists all of them. */
export function showSkipped(skipped: readonly SkippedFile[], isLogged = false): void {
  if (skipped.length === 0) return;
  for (const { file, reason } of skipped.slice(0, NAMED_FILES)) say(`skipped: ${file} ${inFlags(reason)}`);
  const more = skipped.length - NAMED_FILES;
  if (more > 0)
    say(`skipped: ${counted(more, 'more file')}${isLogged ? '; log.jsonl of the run lists all' : ''}`);
}
