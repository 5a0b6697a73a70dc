import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.ts';
import { splitByClass } from '../../../src/data/image-folder/split.ts';
import { Loader } from '../../../src/data/loader.ts';
import { sha256Of } from '../../../src/node/data/fingerprint.ts';
import { type FolderOptions, openTestSet } from '../../../src/node/data/open-dataset.ts';
import { floats } from '../../support/floats.ts';
import { openImages, picture, writeColours, writeFiles } from '../../support/images.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (options: FolderOptions = {}, notes: string[] = []) => openImages(folder, options, notes);
const countsOf = ({ labels, classNames }: Dataset) =>
  classNames.map((_, c) => [...labels].filter((label) => label === c).length);

describe('a folder of images', () => {
  test('has a class for each folder, sorted, and a fifth of each for testing', async () => {
    await writeColours(folder, 10);
    const notes: string[] = [];
    const { train, test: held, skipped } = await open({}, notes);
    expect(train.classNames).toEqual(['blue', 'green', 'red']);
    expect([countsOf(train), countsOf(held), skipped]).toEqual([[8, 8, 8], [2, 2, 2], []]);
    expect([train.height, train.width, train.channels]).toEqual([16, 16, 3]);
    expect(notes).toEqual([expect.stringMatching(/30 RGB images of 3 classes, 16×16: 1 MiB in memory/)]);
    // Each image has the color of its class in all formats, and the first images are of several classes.
    for (const set of [train, held]) {
      const pixels = set.pixels as Uint8Array;
      for (let i = 0; i < set.count; i++) {
        const [r, g, b] = [0, 1, 2].map((c) => pixels[(i * 256 + 136) * 3 + c]!) as [number, number, number];
        expect([b, g, r].indexOf(Math.max(r, g, b))).toBe(set.labels[i]);
        expect(set.files![i]).toMatch(
          new RegExp(`^${set.classNames[set.labels[i]!]}.\\d\\.(png|jpeg|webp)$`),
        );
      }
    }
    expect(new Set(train.labels.slice(0, 12)).size).toBe(3);
    expect(new Set([...train.files!, ...held.files!]).size).toBe(30);
  });

  test('is split only by seed and paths, in the requested proportion', async () => {
    await writeColours(folder, 8);
    const [first, again, other] = [await open({ seed: 3 }), await open({ seed: 3 }), await open({ seed: 4 })];
    expect(again.test.files).toEqual(first.test.files);
    expect(sha256Of(again)).toBe(sha256Of(first));
    expect(other.test.files).not.toEqual(first.test.files);
    expect(countsOf((await open({ testShare: 0.5 })).test)).toEqual([4, 4, 4]);
  });

  test('that grows keeps its split, except for one file', () => {
    const files = Array.from({ length: 100 }, (_, i) => `a/${i}.png`);
    const tested = (names: readonly string[]) =>
      splitByClass([{ name: 'a', folder: 'a', files: names }], 0.2, 0).test.map(({ file }) => file);
    const before = tested(files);
    expect(before.length).toBe(20);
    const after = tested([...files, 'a/new.png']);
    expect(before.filter((file) => !after.includes(file)).length).toBeLessThanOrEqual(1);
    expect(tested(['a/one.png'])).toEqual([]);
  });

  test.each([
    ['train', 'val'],
    ['train', 'test'],
    ['train', 'valid'],
    ['Train', 'Validation'],
    ['Training', 'Testing'],
    ['TRAIN', 'TEST'],
    ['training', 'dev'],
    ['train', 'eval'],
  ])('with %s and %s has these splits', async (training, testing) => {
    await writeColours(join(folder, training), 3);
    await writeColours(join(folder, testing), 1);
    const { train, test: held } = await open();
    expect([countsOf(train), countsOf(held)]).toEqual([
      [3, 3, 3],
      [1, 1, 1],
    ]);
    expect(held.files![0]).toBe(join(testing, 'blue', '0.jpeg'));
  });

  test('with folders for training, validation and testing uses these, and reports missing classes', async () => {
    for (const set of ['train', 'valid', 'test']) await writeColours(join(folder, set), 2);
    writeFiles(folder, { 'valid/red/more.png': await picture() });
    rmSync(join(folder, 'valid/blue'), { recursive: true });
    rmSync(join(folder, 'test/green'), { recursive: true });
    const notes: string[] = [];
    const { train, validation, test: held } = await open({ size: 8 }, notes);
    expect([train, validation!, held].map(countsOf)).toEqual([
      [2, 2, 2],
      [0, 2, 3],
      [2, 0, 2],
    ]);
    const told = notes.join('\n');
    expect(told).toMatch(/its images in valid choose the best epoch, those in test are the test at the end/);
    expect(told).toMatch(/valid has no images of blue/);
    expect(told).toMatch(/test has no images of green: not tested on those/);
    const quiet = { note: () => {}, bytes: () => {} };
    const alone = await openTestSet(`folder:${folder}`, undefined, quiet, { size: 8, channels: 3 });
    expect(alone.test.files).toEqual(held.files);
    writeFiles(folder, { 'valid/amber/1.png': await picture() });
    await expect(open()).rejects.toThrow(/valid\/amber is a class that train lacks/);
  });

  test('names folders beside its splits that are not read', async () => {
    for (const name of ['train', 'dev', 'eval', 'unlabelled']) await writeColours(join(folder, name), 1);
    const notes: string[] = [];
    const { validation, test: held } = await open({ size: 8 }, notes);
    expect([validation!.files![0], held.files![0]]).toEqual(['dev/blue/0.jpeg', 'eval/blue/0.jpeg']);
    expect(notes.join('\n')).toMatch(/unlabelled is not read, only train, dev, eval$/m);
  });

  test.each([
    [['train_set', 'test_set'], ''],
    [['seg_train', 'seg_test'], '/inner'],
    [['fold1', 'fold2', 'fold3'], ''],
    [['TrainData', 'ValidData'], ''],
    [['my-val', 'my-train'], '/images'],
  ])('that look like splits are not classes: %s', async (names, within) => {
    for (const name of names) await writeColours(join(folder, name + within), 1);
    writeFiles(folder, { 'seg_pred/1.png': await picture() });
    await expect(open()).rejects.toThrow(
      `holds ${[...names].sort().join(', ')}, and each of them holds blue, green, red: these look like splits, not classes; call them train and test (and val)`,
    );
  });

  test('may have classes whose names only look like splits', async () => {
    for (const name of ['train', 'bus', 'tram']) await writeColours(join(folder, name), 1);
    expect((await open()).train.classNames).toEqual(['bus', 'train', 'tram']);
    for (const name of ['test positive', 'test negative'])
      writeFiles(folder, { [`${name}/a/1.png`]: await picture(), [`${name}/2.png`]: await picture() });
    expect((await open()).train.classNames).toContain('test positive');
  });

  test('with a single folder is refused, with the one that is meant', async () => {
    await writeColours(join(folder, 'photos'), 2);
    await expect(open()).rejects.toThrow(
      /has one class only, photos: expected at least two folders; did you mean .*photos\?$/,
    );
  });

  test('with one image per class has no test images, and reports it', async () => {
    await writeColours(folder, 1);
    await expect(open()).rejects.toThrow(/one image of each class, and none is left for testing/);
  });

  test('ignores system files and runs', async () => {
    await writeColours(folder, 5);
    const plain = await open({ size: 8 });
    const image = await picture();
    writeFiles(folder, {
      '__MACOSX/red/._1.png': image,
      'red/@eaDir/1.png': image,
      'red/Thumbs.db': 'x',
      'runs/notes-1/last.safetensors': 'x',
      'runs/notes-1/curves.png': image,
      'mine/experiment.json': '{}',
      'mine/curves.png': image,
      'blue/run/best.safetensors': 'x',
      'blue/run/confusion.png': image,
    });
    const { train, test: held } = await open({ size: 8 });
    expect([train.classNames, train.files, held.files]).toEqual([
      plain.train.classNames,
      plain.train.files,
      plain.test.files,
    ]);
  });

  test('has names in NFC, independent of the disk', async () => {
    const image = await picture();
    for (const name of ['Zu\u0308rich', 'Malm\u00f6'])
      writeFiles(folder, { [`${name}/1.png`]: image, [`${name}/2.png`]: image });
    expect((await open({ size: 8 })).train.classNames).toEqual(['Malm\u00f6', 'Z\u00fcrich']);
  });

  test('for testing is read as a whole, or only its test set', async () => {
    await writeColours(folder, 5);
    const quiet = { note: () => {}, bytes: () => {} };
    const read = (whole: boolean) =>
      openTestSet(`folder:${folder}`, undefined, quiet, { size: 8, channels: 3, whole });
    expect(countsOf((await read(true)).test)).toEqual([5, 5, 5]);
    expect((await read(false)).test.files).toEqual((await open({ size: 8 })).test.files);
  });

  test('has one channel if all images are grayscale, otherwise three, unless it is given', async () => {
    await writeColours(folder, 2, true);
    expect((await open()).train.channels).toBe(1);
    const colour = await open({ channels: 3 });
    const pixels = colour.train.pixels as Uint8Array;
    expect([colour.train.channels, pixels[0], pixels[0]]).toEqual([3, pixels[1], pixels[2]]);
    writeFiles(folder, { 'blue/x.png': await picture() });
    expect((await open()).train.channels).toBe(3);
    expect((await open({ channels: 1 })).train.channels).toBe(1);
  });

  test('that does not fit into memory is stored in a file that is removed with the process, with the same bits', async () => {
    await writeColours(folder, 4);
    const notes: string[] = [];
    const scratch = join(folder, '.scratch');
    const [inMemory, inFile] = [
      await open(),
      await open({ memoryBytes: 5000, scratch: () => scratch }, notes),
    ];
    expect(notes[0]).toMatch(/in a temporary file below .*as memory is short/);
    expect(inFile.train.pixels).not.toBeInstanceOf(Uint8Array);
    expect(sha256Of(inFile)).toBe(sha256Of(inMemory));
    expect(readdirSync(scratch)).toEqual([]);
    const batch = ({ train }: typeof inFile) => {
      const loader = new Loader(train, { size: [16, 16], batch: 5 });
      const { images, labels } = loader.batch(loader.order({ seed: 1, epoch: 2 }), 1);
      return { images: floats(images), labels };
    };
    expect(batch(inFile)).toEqual(batch(inMemory));
  });

  test('with more than 256 classes has distinct labels', async () => {
    const bytes = await picture({ height: 2, width: 2 });
    const name = (i: number) => `${i}`.padStart(3, '0');
    for (let i = 0; i < 258; i++)
      writeFiles(folder, { [`${name(i)}/a.png`]: bytes, [`${name(i)}/b.png`]: bytes });
    const { train, test: held } = await open({ size: 2 });
    expect(train.labels).toBeInstanceOf(Uint16Array);
    expect(new Set(train.labels).size).toBe(258);
    expect([...held.labels]).toEqual(Array.from({ length: 258 }, (_, i) => i));
  });

  test('may hold folders within a class, hidden files, blanks, quotes, brackets and other scripts', async () => {
    const bytes = await picture();
    const names = ["it's [1] & <b>.png", 'ein Bär.png', '猫.png', '-rf.png', 'a%20b?.png'];
    for (const name of names) writeFiles(folder, { [`"x" y/${name}`]: bytes, [`猫/deep/er/${name}`]: bytes });
    writeFiles(folder, {
      '.DS_Store': 'x',
      '"x" y/._0.png': 'x',
      '猫/.hidden/1.png': 'x',
      'README.txt': 'x',
    });
    const { train, test: held, skipped } = await open();
    expect([train.classNames, train.count + held.count, skipped]).toEqual([['"x" y', '猫'], 10, []]);
  });
});

describe('with links followed, a folder', () => {
  test('has the linked images, each folder once per class, despite cycles', async () => {
    const root = folder;
    await writeColours(join(folder, 'originals'), 3);
    folder = join(root, 'chosen');
    writeFiles(folder, { 'own/1.png': await picture(), 'own/2.png': await picture() });
    for (const colour of ['red', 'blue']) symlinkSync(`../originals/${colour}`, join(folder, colour));
    symlinkSync('../../originals/green/0.jpeg', join(folder, 'own/green.jpeg'));
    symlinkSync('..', join(folder, 'own/up'));
    symlinkSync('.', join(folder, 'own/here'));
    for (const way of ['a', 'b']) symlinkSync('../../originals/green', join(folder, `own/${way}`));
    const options = { size: 8, followLinks: true };
    const { train, test: held } = await open(options);
    expect(train.classNames).toEqual(['blue', 'own', 'red']);
    const own = [...train.files!, ...held.files!].filter((file) => file.startsWith('own/')).sort();
    expect(own).toEqual(
      ['1.png', '2.png', 'a/0.jpeg', 'a/1.png', 'a/2.webp', 'green.jpeg'].map((f) => `own/${f}`),
    );
    expect(train.count + held.count).toBe(12);
    expect((await open(options)).test.files).toEqual(held.files);
    folder = root;
  });
});
