import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/run/checkpoint-file.ts';
import { readerOf } from '../../src/train/checkpoint.ts';
import { densorIn, densorProcess } from '../support/cli.ts';
import { bitsOfAll } from '../support/floats.ts';
import { bomb, picture, writeColours, writeFiles } from '../support/images.ts';

let folder: string;
const densor = (...args: readonly string[]) => densorIn(folder, ...args);
const TINY = '--recipe notes --size 32 --batch 5 --lr 0.02 --threads 1'.split(' ');
/** All settings except the learning rate. */
const SAME = '--recipe notes --size 32 --batch 5 --threads 1'.split(' ');
const AUGMENTED = ['--augment', 'flip,crop,erase,resized-crop', '--normalize', 'measured'];
const checkpointOf = (run: string) => loadCheckpoint(join(folder, run, 'last.safetensors'));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  await writeColours(join(folder, 'data'), 12);
  writeFiles(folder, {
    'data/red/notes.txt': 'no image',
    'blue.png': await picture({ colour: [10, 10, 190] }),
  });
  const trained = await densor(
    'train',
    '--data',
    'folder:data',
    ...TINY,
    ...AUGMENTED,
    '--epochs',
    '2',
    '--out',
    'run',
  );
  expect(trained.status, trained.stderr).toBe(0);
  expect(trained.stderr).toMatch(/^data: 36 RGB images of 3 classes, 32×32: 1 MiB in memory$/m);
  expect(trained.stderr).toMatch(/^class +train +test\nblue +10 +2\ngreen +10 +2\nred +9 +3$/m);
  expect(trained.stderr).toMatch(/^warning: few training images of blue \(10\), green \(10\), red \(9\)/m);
  expect(trained.stderr).toMatch(/^skipped: red\/notes\.txt is neither JPEG, PNG nor WebP$/m);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run on a folder of images', () => {
  test('stores class names, transforms and the measured normalization, and logs skipped files', () => {
    const { config } = checkpointOf('run').run;
    expect(config).toMatchObject({
      data: 'folder:data',
      classNames: ['blue', 'green', 'red'],
      testShare: 0.2,
      transforms: { augment: ['resized-crop', 'crop', 'flip', 'erase'], normalize: 'measured' },
    });
    const { mean, std } = config.transforms!.normalization!;
    for (const c of [0, 1, 2]) {
      expect(mean[c]).toBeCloseTo((20 + 20 + 190) / 3 / 255 + 30 / 255, 1);
      expect(std[c]).toBeCloseTo(Math.sqrt((2 / 9) * (170 / 255) ** 2), 1);
    }
    const [event] = readFileSync(join(folder, 'run/log.jsonl'), 'utf8').split('\n');
    expect(JSON.parse(event!)).toMatchObject({
      kind: 'data',
      skipped: [{ file: 'red/notes.txt', reason: 'is neither JPEG, PNG nor WebP' }],
    });
  });

  test('is evaluated on its test split wherever the folder is, and on all of another folder', async () => {
    cpSync(join(folder, 'data'), join(folder, 'moved'), { recursive: true });
    const own = JSON.parse((await densor('evaluate', 'run', '--json', '--out', 'own')).stdout);
    const moved = await densor('evaluate', 'run', '--data', 'folder:moved', '--json', '--out', 'own');
    expect(moved.stderr).toMatch(/^folder:moved is the data of this run: testing only on its test images$/m);
    const { images, testLoss } = JSON.parse(moved.stdout);
    expect({ images, testLoss }).toEqual({ images: own.images, testLoss: own.testLoss });
    // The run's folder has a new class now, which would shift all labels because it is first.
    cpSync(join(folder, 'moved'), join(folder, 'elsewhere/data'), { recursive: true });
    cpSync(join(folder, 'moved/red'), join(folder, 'elsewhere/data/amber'), { recursive: true });
    const unknown = await densorIn(join(folder, 'elsewhere'), 'evaluate', '../run', '--out', 'own');
    expect([unknown.status, unknown.lastLine]).toEqual([
      2,
      expect.stringContaining('class amber is not a class of the run'),
    ]);
    rmSync(join(folder, 'moved/red'), { recursive: true });
    const other = await densor('evaluate', 'run', '--data', 'folder:moved', '--json', '--out', 'own');
    expect(JSON.parse(other.stdout).images).toBe(24);
    expect(other.stderr).toMatch(/^folder:moved has no images of red: these classes are not tested$/m);
    // Numbers replace names only if their count is the same.
    renameSync(join(folder, 'moved/blue'), join(folder, 'moved/0'));
    renameSync(join(folder, 'moved/green'), join(folder, 'moved/1'));
    const numbered = await densor('evaluate', 'run', '--data', 'folder:moved', '--out', 'own');
    expect([numbered.status, numbered.lastLine]).toEqual([
      2,
      expect.stringContaining('class 0 is not a class of the run: blue, green, red'),
    ]);
  });

  test('is used for lr-find as for training', async () => {
    const found = await densor(
      'lr-find',
      '--data',
      'folder:data',
      ...SAME,
      ...AUGMENTED,
      '--steps',
      '3',
      '--json',
    );
    expect(found.status, found.stderr).toBe(0);
    const [first] = JSON.parse(found.stdout).points;
    const [, step] = readFileSync(join(folder, 'run/log.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => /"kind":"(start|step)"/.test(line));
    expect(first.loss).toBe(JSON.parse(step!).loss);
  });

  test('that is interrupted resumes bit-identically, with augmentation', async () => {
    await densor('train', '--data', 'folder:data', ...TINY, ...AUGMENTED, '--epochs', '1', '--out', 'short');
    // A run of two epochs that stopped after the first.
    const path = join(folder, 'short/last.safetensors');
    const { run, state, shapes } = checkpointOf('short');
    const tensors = new Map([...shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]));
    await saveCheckpoint(
      path,
      { run: { ...run, config: { ...run.config, epochs: 2 } }, state: readerOf(state) },
      tensors,
    );
    expect((await densor('train', '--resume', 'short')).status).toBe(0);
    expect(bitsOfAll(checkpointOf('short').state)).toEqual(bitsOfAll(checkpointOf('run').state));
  });

  test.each([
    ['--augment', 'flip'],
    ['--channels', '1'],
  ])('does not resume with another %s', async (option, value) => {
    const { status, lastLine } = await densor('train', '--resume', 'run', option, value);
    expect([status, lastLine]).toEqual([
      2,
      expect.stringContaining(`${option} ${value} contradicts the run in run`),
    ]);
  });
});

describe('densor evaluate', () => {
  test('writes tables and plots to the folder of the run, and prints the scores of each class', async () => {
    const before = readdirSync(join(folder, 'run'));
    const { status, stdout, stderr } = await densor('evaluate', 'run');
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^test loss [\d.]+, test acc [\d.]+ \(top-5 1\.0000\) on 7 images/);
    expect(stdout).toMatch(/^class +precision +recall +F1 +support\nblue +[\d.]+ +[\d.]+ +[\d.]+ +2$/m);
    const written = readdirSync(join(folder, 'run')).filter((name) => !before.includes(name));
    expect(written.sort()).toEqual([
      'classes.csv',
      'confusion.csv',
      'confusion.png',
      'confusion.svg',
      'mistakes.png',
      'mistakes.svg',
    ]);
    expect(stderr).not.toMatch(/warning/);
  });

  test('on other data uses the labels of its folders, and shows the errors', async () => {
    // Red images in the folder of blue ones: two errors, if the network has learned anything.
    const red = { colour: [190, 20, 20] } as const;
    writeFiles(folder, {
      'other/blue/1.png': await picture(red),
      'other/blue/2.png': await picture({ ...red, seed: 4 }),
      'other/red/3.png': await picture({ ...red, seed: 5 }),
    });
    const args = ['evaluate', 'run', '--data', 'folder:other', '--out', 'report'];
    const { status, stdout, stderr } = densorProcess(folder, ...args, '--json');
    expect(status, stderr).toBe(0);
    const { images, testAccuracy, classes, mistakes, files } = JSON.parse(stdout);
    expect([images, testAccuracy]).toEqual([3, 1 / 3]);
    expect(classes).toMatchObject([
      { name: 'blue', support: 2, recall: 0 },
      { name: 'green', support: 0 },
      { name: 'red', support: 1, recall: 1, precision: 1 / 3, f1: 0.5 },
    ]);
    expect(mistakes.map(({ image }: { image: string }) => image).sort()).toEqual([
      'blue/1.png',
      'blue/2.png',
    ]);
    expect(mistakes[0]).toMatchObject({ true: 'blue', predicted: 'red' });
    const said = JSON.parse(
      (await densor('predict', 'run', join('other', mistakes[0].image), '--json')).stdout,
    );
    expect(said.predictions[0].top[0]).toEqual({
      class: 'red',
      probability: expect.closeTo(mistakes[0].confidence, 5),
    });
    expect(files).toEqual(expect.arrayContaining(['report/confusion.csv', 'report/mistakes.png']));
    const rows = readFileSync(join(folder, 'report/confusion.csv'), 'utf8').trim().split('\r\n');
    expect(rows.slice(1)).toEqual(['blue,0,0,2', 'green,0,0,0', 'red,0,0,1']);
    expect(readFileSync(join(folder, 'report/classes.csv'), 'utf8')).toMatch(
      /\r\nred,0\.3333\d*,1,0\.5,1\r\n/,
    );
    const sheet = readFileSync(join(folder, 'report/mistakes.svg'), 'utf8');
    expect(sheet.match(/data:image\/png;base64/g)?.length).toBe(2);
    expect(sheet).toMatch(/✓ [\d.]+% blue/);
    expect(readFileSync(join(folder, 'report/mistakes.png')).subarray(1, 4).toString()).toBe('PNG');
  });

  test('warns if the test images have changed', async () => {
    cpSync(join(folder, 'run'), join(folder, 'changed'), { recursive: true });
    const { run, state, shapes } = checkpointOf('changed');
    const tensors = new Map([...shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]));
    const config = { ...run.config, testSha256: '0'.repeat(64) };
    await saveCheckpoint(
      join(folder, 'changed/last.safetensors'),
      { run: { ...run, config }, state: readerOf(state) },
      tensors,
    );
    expect((await densor('evaluate', 'changed')).stderr).toMatch(
      /^warning: these are not the test images of the run/m,
    );
  });

  test.each([
    [['--data', 'sample'], /sample has images of 1 channel, the network reads 3/],
    [['--data', 'folder:strange'], /folder:strange: class amber is not a class of the run: blue, green, red/],
  ])('refuses %j', async (args, message) => {
    const bytes = await picture();
    writeFiles(folder, { 'strange/red/1.png': bytes, 'strange/amber/1.png': bytes });
    const { status, lastLine } = await densor('evaluate', 'run', ...args, '--out', 'none');
    expect([status, lastLine]).toEqual([2, expect.stringMatching(message)]);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

describe('densor predict', () => {
  test('prints the most probable classes of several files', () => {
    const files = ['blue.png', 'data/red/0.jpeg', 'data/green/2.webp'];
    const { status, stdout, stderr } = densorProcess(folder, 'predict', 'run', ...files);
    expect(status, stderr).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.length).toBe(3 * 4);
    expect(lines.filter((_, i) => i % 4 === 0)).toEqual(files);
    expect(lines.filter((_, i) => i % 4 === 1)).toEqual([
      expect.stringMatching(/^ {2}blue +[\d.]+%$/),
      expect.stringMatching(/^ {2}red +[\d.]+%$/),
      expect.stringMatching(/^ {2}green +[\d.]+%$/),
    ]);
  });

  test('predicts the same for an image alone and in a batch', async () => {
    const top = async (...files: string[]) =>
      JSON.parse((await densor('predict', 'run', '--json', '--top', '2', ...files)).stdout).predictions;
    const [alone] = await top('blue.png');
    expect(alone).toMatchObject({ file: 'blue.png', top: [{ class: 'blue' }, {}] });
    expect((await top('data/red/0.jpeg', 'blue.png'))[1]).toEqual(alone);
  });

  test('reports a file that is not an image, predicts the others, and ends with status 1', async () => {
    const args = ['predict', 'run', 'data/red/notes.txt', 'blue.png', 'nowhere.png'];
    const { status, stdout, stderr } = await densor(...args, '--json');
    expect(status).toBe(1);
    const { predictions, failed } = JSON.parse(stdout);
    expect(predictions.length).toBe(1);
    expect(failed).toEqual([
      { file: 'data/red/notes.txt', reason: 'is neither JPEG, PNG nor WebP' },
      { file: 'nowhere.png', reason: 'does not exist' },
    ]);
    expect(stderr).toMatch(/^densor: nowhere\.png does not exist$/m);
  });

  test.each([
    [['run', 'data/red/notes.txt'], /notes\.txt is neither JPEG, PNG nor WebP: expected/],
    [['run', 'data', 'nowhere.png'], /data is a folder, and none of the 2 files is an image/],
    [['nowhere', 'blue.png'], /nowhere does not exist: expected the folder of a run/],
  ])('refuses %j', async (args, message) => {
    const { status, stdout, stderr } = await densor('predict', ...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n').length).toBe(1);
  });

  test('of a run from before class names were stored uses those of its data set', async () => {
    await densor('train', '--data', 'sample', ...TINY, '--epochs', '1', '--limit', '5', '--out', 'old');
    const { run, state, shapes } = checkpointOf('old');
    const { classNames, ...config } = run.config;
    expect(classNames![9]).toBe('ankle boot');
    expect(config).not.toHaveProperty('transforms');
    const tensors = new Map([...shapes].map(([name, shape]) => [name, { role: 'buffer' as const, shape }]));
    await saveCheckpoint(
      join(folder, 'old/last.safetensors'),
      { run: { ...run, config }, state: readerOf(state) },
      tensors,
    );
    const { stdout } = await densor('predict', 'old', 'blue.png', '--top', '10', '--json');
    const names = JSON.parse(stdout).predictions[0].top.map((each: { class: string }) => each.class);
    expect(names.sort()).toEqual([...classNames!].sort());
  });
});

describe('bad folders and options give one line, status 2, and no run:', () => {
  beforeAll(async () => {
    for (const name of ['hollow', 'bombs']) await writeColours(join(folder, name), 6);
    writeFiles(folder, { 'hollow/amber/.keep': '', 'bombs/red/bomb.png': await bomb() });
  });
  test.each([
    [['--data', 'folder:data', '--strict'], /red\/notes\.txt is neither JPEG/],
    [['--data', 'folder:data/red'], /has no folders: expected one for each class/],
    [['--data', 'folder:data', '--augment', 'blur'], /expected some of .*flip.*'blur'/],
    [['--data', 'folder:data', '--test-share', '1'], /number above 0 and below 1/],
    [['--data', 'folder:hollow'], /amber is empty: put images/],
    [['--data', 'folder:bombs', '--strict'], /red\/bomb\.png has more than 100 million pixels/],
    [
      ['--data', 'sample', '--strict'],
      /--strict applies only to folders of images \(--data folder:DIR\), not to sample/,
    ],
    [['--data', 'sample', '--normalize', 'imagenet'], /imagenet is for images of 3 channels/],
  ])('densor train %j', async (args, message) => {
    const { status, lastLine } = await densor('train', ...TINY, ...args, '--out', 'bad');
    expect([status, lastLine]).toEqual([2, expect.stringMatching(message)]);
    expect(existsSync(join(folder, 'bad'))).toBe(false);
  });
});
