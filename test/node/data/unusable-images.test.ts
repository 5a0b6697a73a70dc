import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../../../src/data/dataset.ts';
import { decodeImage } from '../../../src/node/data/image-file.ts';
import type { FolderOptions } from '../../../src/node/data/open-dataset.ts';
import { bomb, openImages, picture, writeColours, writeFiles } from '../../support/images.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (options: FolderOptions = {}, notes: string[] = []) => openImages(folder, options, notes);

/** Length, type, data, and the checksum of the last two (CRC-32, reflected). */
function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffff_ffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(~crc >>> 0, body.length + 4);
  return chunk;
}

describe('unusable files are named and skipped, or refused in strict mode:', () => {
  const damaged = async (): Promise<Record<string, Buffer | string>> => {
    const jpeg = await picture({ format: 'jpeg', height: 64, width: 64 });
    const png = await picture();
    const frames = await sharp([await picture(), await picture({ seed: 2 })], { join: { animated: true } })
      .webp()
      .toBuffer();
    // Inserts the control chunk of an animation before the first data; its checksum is not checked.
    const at = png.indexOf('IDAT') - 4;
    const control = Buffer.concat([Buffer.from([0, 0, 0, 8]), Buffer.from('acTL'), Buffer.alloc(12)]);
    return {
      'is empty': '',
      'is neither JPEG, PNG nor WebP': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'is damaged \\(.+\\)': jpeg.subarray(0, jpeg.length / 2),
      'is damaged': Buffer.concat([png.subarray(0, 40), Buffer.alloc(30)]),
      'is animated': frames,
      'is animated, too': Buffer.concat([png.subarray(0, at), control, png.subarray(at)]),
      'has more than 100 million pixels': await bomb(),
    };
  };

  test('an empty one, another format, truncated and damaged ones, animations, and a bomb', async () => {
    const files = await damaged();
    await writeColours(folder, 4);
    const names = Object.keys(files).map((_, i) => `blue/${i}-bad.png`);
    for (const [i, bytes] of Object.values(files).entries()) writeFiles(folder, { [names[i]!]: bytes });
    symlinkSync('nowhere.png', join(folder, 'red/z.png'));
    const { train, test: held, skipped } = await open();
    expect(train.count + held.count).toBe(12);
    const reasons = new Map(skipped!.map(({ file, reason }) => [file, reason]));
    expect(reasons.size).toBe(names.length + 1);
    for (const [i, reason] of Object.keys(files).entries()) {
      expect(reasons.get(names[i]!)).toMatch(new RegExp(`^${reason.replace(', too', '')}`));
    }
    expect(reasons.get('red/z.png')).toBe('does not exist');
    await expect(open({ strict: true })).rejects.toThrow(DataError);
    await expect(open({ strict: true })).rejects.toThrow(/blue\/\d-bad\.png (is|has)/);
  });

  test('but not an image with the marker of an animation in a comment', async () => {
    const png = await picture();
    const at = png.indexOf('IDAT') - 4;
    const comment = pngChunk('tEXt', Buffer.from('Comment\0acTL and fcTL'));
    await writeColours(folder, 2);
    writeFiles(folder, {
      'blue/comment.png': Buffer.concat([png.subarray(0, at), comment, png.subarray(at)]),
    });
    expect((await open({ strict: true })).train.count).toBe(4);
  });

  test('an image that needs too much memory, before it is decoded', async () => {
    await writeColours(folder, 4);
    writeFiles(folder, { 'red/large.png': await picture({ height: 600, width: 600 }) });
    const decoding = { bytes: 2 ** 20, largestBytes: 2 ** 20 };
    const { skipped } = await open({ decoding });
    expect(skipped).toEqual([
      {
        file: 'red/large.png',
        reason: expect.stringMatching(/^takes 2 MiB to decode, and `memoryLimit` leaves 1 MiB/),
      },
    ]);
    expect((await open({ decoding: { ...decoding, largestBytes: 2 ** 30 } })).skipped).toEqual([]);
  });

  test('a JPEG with too many scans', async () => {
    const create = { width: 9000, height: 9000, channels: 3, background: 'grey' } as const;
    const jpeg = await sharp({ create }).jpeg({ progressive: true }).toBuffer();
    const scan = jpeg.subarray(jpeg.lastIndexOf(Buffer.from([0xff, 0xda])), jpeg.length - 2);
    const scans = Buffer.concat([
      jpeg.subarray(0, jpeg.length - 2),
      ...Array(20).fill(scan),
      jpeg.subarray(-2),
    ]);
    await expect(decodeImage(scans)).rejects.toThrow(/^has 30 passes over 81 million pixels: save it again$/);
  });

  test('a strip that is longer than any image', async () => {
    const strip = async (height: number) =>
      decodeImage(
        await sharp({ create: { width: 1, height, channels: 3, background: 'grey' } })
          .png()
          .toBuffer(),
      );
    await expect(strip(1_000_001)).rejects.toThrow(/^is 1000001 pixels long: a million is the most$/);
    expect((await strip(100_000)).height).toBe(100_000);
  });

  test('a class without usable images', async () => {
    await writeColours(folder, 3);
    writeFiles(folder, { 'amber/1.png': 'x', 'amber/2.png': 'x' });
    await expect(open()).rejects.toThrow(
      /no image of class amber can be read: amber\/\d\.png is neither JPEG, PNG nor WebP/,
    );
  });
});

describe('a folder is refused with a message:', () => {
  const refused = async (message: RegExp) => {
    const error = await open().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(message);
    expect((error as DataError).message).not.toMatch(/\n/);
  };

  test('that is empty', () => refused(/has no folders: expected one for each class/));

  test('that does not exist, or is a file', async () => {
    rmSync(folder, { recursive: true });
    await refused(/does not exist/);
    writeFileSync(folder, '');
    await refused(/is a file: expected a folder/);
  });

  test.each([
    [['train'], 'train'],
    [['val', 'test'], 'val, test'],
    [['train', 'Training', 'val'], 'train, Training, val'],
    [['train', 'val', 'valid'], 'train, val, valid'],
  ])('with %j, of which it is not clear what they are for', async (names, listed) => {
    for (const name of names) await writeColours(join(folder, name), 2);
    await refused(
      new RegExp(`holds .*${listed.split(', ')[0]}.*: expected a folder for each class, or train and val`),
    );
  });

  test('with one class only', async () => {
    writeFiles(folder, { 'red/1.png': await picture() });
    await refused(/has one class only, red/);
  });

  test('with an empty class', async () => {
    await writeColours(folder, 2);
    writeFiles(folder, { 'amber/.keep': '' });
    await refused(/amber is empty: put images/);
  });

  test('whose test set has a class that the training set lacks', async () => {
    await writeColours(join(folder, 'train'), 2);
    await writeColours(join(folder, 'val'), 1);
    writeFiles(folder, { 'val/amber/1.png': await picture() });
    await refused(/val\/amber is a class that train lacks/);
  });

  test('with links that lead out of it or to folders, with their number', async () => {
    await writeColours(join(folder, 'in'), 2);
    folder = join(folder, 'in');
    writeFiles(join(folder, '..'), { 'secret.png': await picture(), 'out/1.png': await picture() });
    symlinkSync('0.jpeg', join(folder, 'red/link.jpeg'));
    const { train, test: held } = await open();
    expect(train.count + held.count).toBe(7);
    symlinkSync('../../secret.png', join(folder, 'red/link.png'));
    await refused(
      /holds a link, .*red\/link\.png to .*secret\.png, that leads out of it or to .*: use `followLinks` to/,
    );
    symlinkSync('../out', join(folder, 'link'));
    symlinkSync('red', join(folder, 'rot'));
    await refused(/holds 3 links, such as .*link to .*out, that lead out of it/);
    folder = join(folder, '..');
  });

  test('with names that contain line breaks or are not text', async () => {
    await writeColours(folder, 2);
    writeFiles(folder, { 'a\nb/1.png': await picture() });
    await refused(/control characters.*"a\\nb": rename it/);
    rmSync(join(folder, 'a\nb'), { recursive: true });
    const path = Buffer.concat([Buffer.from(`${folder}/red/`), Buffer.from([0xff, 0xfe])]);
    writeFileSync(path, '');
    await refused(/no UTF-8/);
  });
});
