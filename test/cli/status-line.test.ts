import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { showData, showTraining } from '../../src/cli/progress.ts';
import { type Field, fitLine, openStatusLine } from '../../src/cli/status-line.ts';
import { closeStatus, say } from '../../src/cli/terminal.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { Screen } from '../support/screen.ts';

const WIDTHS = Array.from({ length: 281 }, (_, i) => 20 + i);

const STEP = {
  kind: 'step',
  epoch: 11,
  step: 123,
  stepsPerEpoch: 391,
  trainLoss: 1.234,
  trainAccuracy: 0.567,
  learningRate: 0.1,
  examplesPerSecond: 412.3,
  etaMs: 4_354_000,
  rssBytes: 2 ** 30,
} as Extract<TrainEvent, { kind: 'step' }>;
const START = {
  kind: 'start',
  config: { recipe: 'notes', optimizer: 'sgd', lr: 0.1, schedule: 'constant', precision: 'f32', batch: 4 },
  model: 'notes',
  parameters: 1,
  trainImages: 1,
  epochs: 1,
  stepsPerEpoch: 1,
  engine: 'native',
  isa: 'avx2',
  threads: 1,
  plannedPeakBytes: 1,
  resumedAtStep: 0,
} as TrainEvent;
const EPOCH = {
  kind: 'epoch',
  epoch: 11,
  trainLoss: 1.2,
  trainAccuracy: 0.5,
  testAccuracy: 0.4,
  durationMs: 1000,
} as TrainEvent;

let screen: Screen;
const { isTTY, columns } = process.stderr;
/** Replaces stderr by a terminal of this width. */
function terminalOf(width: number): void {
  screen = new Screen(width);
  process.stderr.columns = width;
}
beforeEach(() => {
  process.stderr.isTTY = true;
  terminalOf(80);
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    screen.write(String(text).replaceAll('\n', '\r\n'));
    return true;
  });
});
afterEach(() => {
  closeStatus();
  vi.restoreAllMocks();
  process.stderr.isTTY = isTTY;
  process.stderr.columns = columns;
});

describe('a line fitted to a width', () => {
  const worth = fc.integer({ min: 1, max: 8 });
  const texts = fc.uniqueArray(fc.record({ text: fc.stringMatching(/^[a-z]{1,30}$/), worth }), {
    maxLength: 9,
    selector: ({ text }) => text,
  });
  const bar = fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), worth });

  test('is shorter than the terminal is wide, and drops fields in order of worth', () => {
    const widths = fc.integer({ min: 20, max: 300 });
    fc.assert(
      fc.property(texts, fc.option(bar), fc.nat(9), widths, (others, inserted, at, width) => {
        const fields: Field[] = [...others];
        if (inserted) fields.splice(at, 0, inserted);
        const line = fitLine(fields, width);
        expect(line.length).toBeLessThan(width);
        const parts = line === '' ? [] : line.split('  ');
        const kept = [...fields].sort((a, b) => a.worth - b.worth).slice(0, parts.length);
        const inOrder = fields.filter((field) => kept.includes(field));
        for (const [i, part] of parts.entries()) {
          const field = inOrder[i]!;
          if ('share' in field) expect(part).toMatch(/^\[=*-*\]$/);
          else expect(parts.length === 1 ? field.text.slice(0, width - 1) : field.text).toBe(part);
        }
      }),
    );
  });

  test('is truncated if not even its first field fits', () => {
    expect(fitLine([{ text: 'a-file-with-a-long-name.gz', worth: 1 }], 20)).toBe('a-file-with-a-long-');
  });

  test('has short forms if the essential fields do not fit', () => {
    const fields = [
      { text: 'epoch 1/2', worth: 1 },
      { text: 'step 3/4', short: '3/4', worth: 1 },
      { text: 'loss 2', worth: 1 },
    ];
    expect(fitLine(fields, 28)).toBe('epoch 1/2  step 3/4  loss 2');
    expect(fitLine(fields, 27)).toBe('epoch 1/2  3/4  loss 2');
  });

  test('shrinks its bar before it drops a field', () => {
    const fields = [
      { text: 'a', worth: 1 },
      { share: 0.5, worth: 2 },
      { text: 'b', worth: 3 },
    ];
    expect([40, 20, 14, 13].map((width) => fitLine(fields, width))).toEqual([
      'a  [==========----------]  b',
      'a  [======-----]  b',
      'a  [===--]  b',
      'a  [====---]',
    ]);
  });
});

describe('on a terminal', () => {
  test('a training step takes one row at any width, and keeps the most important fields', () => {
    for (const width of WIDTHS) {
      terminalOf(width);
      const show = showTraining(() => (width % 2 ? 'run 1/6, total ETA 10:20:30' : undefined));
      show({ ...START, epochs: 100 } as TrainEvent);
      closeStatus();
      terminalOf(width);
      show(STEP);
      const [row, ...others] = screen.rows();
      expect(others, row).toEqual([]);
      expect(row!.length).toBeLessThan(width);
      expect(row).toMatch(/^epoch 12\/100/);
      if (width >= 51) expect(row).toMatch(/123\/391 .*loss 1\.234 .*ETA 1:12:34/);
      if (width >= 80) expect(row).toMatch(/train acc 0\.567|total ETA/);
      if (width >= 200) expect(row).toMatch(/ \[={6}-{14}\] .*lr 0\.1 {2}412\.3 examples\/s .*1\.00 GiB/);
    }
  });

  test('lines are printed completely above the status line', () => {
    openStatusLine(0, 10, () => [{ text: 'epoch 1/2  step 3/4  loss 2.345  train acc 0.194', worth: 1 }]);
    say('finishing this step');
    say('saved; continue with: densor train --resume run');
    expect(screen.lines()).toEqual([
      'finishing this step',
      'saved; continue with: densor train --resume run',
      expect.stringMatching(/^epoch 1/),
    ]);
    closeStatus();
    expect(screen.lines()).toHaveLength(2);
  });

  test('the ^C that the terminal echoes does not stay in front of a line', () => {
    screen.write('^C');
    say('finishing this step');
    expect(screen.lines()).toEqual(['finishing this step']);
  });

  test('an epoch, an evaluation and the end of a run leave only lines', () => {
    const show = showTraining();
    show({ ...START, epochs: 100 } as TrainEvent);
    show(STEP);
    show({ kind: 'evaluating', epoch: 11, done: 1, total: 3 });
    show(EPOCH);
    show(STEP);
    show({ kind: 'stopped', reason: 'nonFinite', globalStep: 3, message: '' });
    expect(screen.lines().at(-1)).toMatch(/^epoch 12\/100: loss 1\.200, .*, 1 s$/);
  });

  test('a program that fails with a status line leaves one line', async () => {
    openStatusLine(0, 10, () => [{ text: 'x'.repeat(79), worth: 1 }]);
    expect(await runProgram(['trainn'])).toBe(2);
    expect(screen.lines()).toEqual([expect.stringMatching(/^densor: .*trainn.*[^x]$/)]);
  });

  test('one status line is live at a time', () => {
    const first = openStatusLine(0, 10, () => [{ text: 'first', worth: 1 }]);
    openStatusLine(0, 10, () => [{ text: 'second', worth: 1 }]);
    first.update(3, 10);
    first.close();
    expect(screen.lines()).toEqual(['second']);
  });

  test('downloads and the reading of images take one row', () => {
    for (const width of WIDTHS) {
      terminalOf(width);
      const { bytes, images, note } = showData();
      bytes('train-images-idx3-ubyte.gz', 1_000_000, 26_421_880);
      expect(screen.rows()[0]!.length).toBeLessThan(width);
      if (width >= 80) expect(screen.rows()[0]).toMatch(/^train-images-idx3-ubyte\.gz {2}\[=-+\] {2}3%$/);
      note('no download');
      images!(1, 2000);
      expect(screen.rows().at(-1)!.length).toBeLessThan(width);
      if (width >= 80)
        expect(screen.rows()).toEqual(['no download', expect.stringMatching(/^reading images .* 1\/2000/)]);
      images!(2000, 2000);
      expect(screen.rows()).toEqual(['no download']);
    }
  });

  test('a terminal that became narrower without notice wraps nothing', () => {
    screen = new Screen(40);
    openStatusLine(0, 10, () => [{ text: 'x'.repeat(79), worth: 1 }]);
    expect(screen.rows()).toHaveLength(1);
    process.stderr.columns = 40;
    say('a line');
    expect(screen.rows()).toEqual(['a line', 'x'.repeat(39)]);
  });

  test('a closed terminal causes no error', () => {
    vi.mocked(process.stderr.write).mockImplementation(() => {
      throw Object.assign(new Error('write EIO'), { code: 'EIO' });
    });
    const show = showTraining();
    for (const event of [START, STEP, EPOCH]) show(event);
    say('a line');
    closeStatus();
  });
});

test('one is singular', () => {
  showTraining()(START);
  expect(screen.lines()[0]).toMatch(
    /^notes: 1 parameter, 1 image, 1 epoch of 1 step, native avx2 on 1 thread, 1 B/,
  );
});
