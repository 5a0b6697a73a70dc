import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DataProgress } from '../../src/data/progress.ts';
import { PRETRAINED_NAMES, pretrainedBy, pretrainedFile } from '../../src/io/pretrained.ts';
import { pullWeights } from '../../src/node/pulled-weights.ts';
import { closeServers, serve } from '../support/http.ts';

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const FILE = `net-${sha256.slice(0, 8)}.pth`;

let folder: string;
let notes: string[];
const progress: DataProgress = { note: (text) => notes.push(text), bytes: () => {} };
const pull = (url?: string, name = 'densenet121') => pullWeights(name, progress, { url, folder });
const here = () => readdirSync(folder).sort();

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'densor-test-')), 'weights');
  notes = [];
});
afterEach(() => {
  vi.unstubAllEnvs();
  closeServers();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

/** A server of the file that supports resuming, and records requests. */
async function fileServer(bytes: Buffer = content) {
  const asked: string[] = [];
  const url = await serve(({ url: path, headers: { range = '' } }, response) => {
    asked.push(`${path} ${range}`.trim());
    const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
    const headers = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    if (from >= bytes.length)
      return response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return response.writeHead(range ? 206 : 200, range ? headers : {}).end(bytes.subarray(from));
  });
  return { url: `${url}${FILE}`, asked };
}

describe('pulled weights', () => {
  test('are verified, cached with their full hash, and not downloaded again', async () => {
    const { url, asked } = await fileServer();
    const first = await pull(url);
    expect(first).toEqual({ name: 'densenet121', path: join(folder, FILE), sha256, url, isNew: true });
    expect(readFileSync(first.path).equals(content)).toBe(true);
    expect(here()).toEqual(['densenet121.json', FILE]);
    expect(JSON.parse(readFileSync(join(folder, 'densenet121.json'), 'utf8'))).toEqual({
      file: FILE,
      sha256,
      url,
    });
    expect(await pull(url)).toEqual({ ...first, isNew: false });
    expect(await pull()).toEqual({ ...first, isNew: false });
    expect(asked).toEqual([`/${FILE}`]);
    expect(notes).toEqual([
      expect.stringMatching(/densenet121 is not here yet: downloading net-.* from 127/),
    ]);
  });

  test('that have changed are refused at every later use, with the remedy', async () => {
    const { url } = await fileServer();
    const { path } = await pull(url);
    writeFileSync(path, Buffer.concat([content, Buffer.of(1)]));
    await expect(pull()).rejects.toThrow(
      /net-.*\.pth is not the file that was downloaded.*delete it and run densor pull/,
    );
    rmSync(path);
    expect((await pull(url)).isNew).toBe(true);
  });

  test('continue the download of an interrupted process', async () => {
    const { url, asked } = await fileServer();
    mkdirSync(folder);
    writeFileSync(join(folder, `${FILE}.part`), content.subarray(0, 123_456));
    const { path } = await pull(url);
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(asked).toEqual([`/${FILE} bytes=123456-`]);
    expect(here()).toEqual(['densenet121.json', FILE]);
  });

  test.each([
    ['a part of another file', Buffer.alloc(1000)],
    ['more than the file', Buffer.alloc(400_000)],
    ['the whole file', content],
  ])('are whole where %s is left of an interrupted download', async (_, left) => {
    const { url } = await fileServer();
    mkdirSync(folder);
    writeFileSync(join(folder, `${FILE}.part`), left);
    expect(readFileSync((await pull(url)).path).equals(content)).toBe(true);
  });

  test('restart at a server that ignores ranges', async () => {
    const url = await serve((_, response) => response.end(content));
    mkdirSync(folder);
    writeFileSync(join(folder, `${FILE}.part`), content.subarray(0, 5000));
    expect(readFileSync((await pull(`${url}${FILE}`)).path).equals(content)).toBe(true);
  });

  test('keep received bytes if the server fails', async () => {
    const url = await serve((_, response) => response.writeHead(503).end());
    mkdirSync(folder);
    const part = join(folder, `${FILE}.part`);
    writeFileSync(part, content.subarray(0, 5000));
    await expect(pull(`${url}${FILE}`)).rejects.toThrow(/answers 503/);
    expect(readFileSync(part).length).toBe(5000);
  });

  test('of another hash are refused and not kept', async () => {
    const { url } = await fileServer(Buffer.from('something else'));
    await expect(pull(url)).rejects.toThrow(
      new RegExp(
        `SHA-256 begins with [0-9a-f]{8}, expected ${sha256.slice(0, 8)}: it was not kept.*put it into ${folder}`,
      ),
    );
    expect(here()).toEqual([]);
  });

  test('come from a mirror under their published names, with the published hash', async () => {
    const { url, asked } = await fileServer();
    vi.stubEnv('DENSOR_WEIGHTS_URL', url.slice(0, -FILE.length - 1));
    await expect(pull(undefined, 'resnet34')).rejects.toThrow(/resnet34-b627a593\.pth.*expected b627a593/);
    expect(asked).toEqual(['/resnet34-b627a593.pth']);
    expect(here()).toEqual([]);
    vi.stubEnv('DENSOR_WEIGHTS_URL', 'ftp://here');
    await expect(pull()).rejects.toThrow(
      /DENSOR_WEIGHTS_URL is ftp:\/\/here: expected the address of a folder/,
    );
  });

  test('that cannot be downloaded can be copied by hand', async () => {
    const { url } = await fileServer();
    closeServers();
    const nobody = url.slice(0, -FILE.length);
    vi.stubEnv('DENSOR_WEIGHTS_URL', nobody);
    await expect(pull(undefined, 'resnet50')).rejects.toThrow(
      `nobody answers there: ECONNREFUSED): fetch ${nobody}resnet50-0676ba61.pth in another way and put it into ${folder}`,
    );
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'resnet50-0676ba61.pth'), content);
    await expect(pull(undefined, 'resnet50')).rejects.toThrow(/not the file that its name says.*delete it/);
    writeFileSync(join(folder, FILE), content); // Copied by the user.
    expect(await pull(url)).toMatchObject({ sha256, isNew: false });
  });

  test('of an unknown name, or from an address without a hash, are not downloaded', async () => {
    await expect(pull(undefined, 'densenet264')).rejects.toThrow(
      /no published weights of densenet264: expected densenet121/,
    );
    for (const url of [
      'http://x/net.pth',
      'file:///net-01234567.pth',
      'net-01234567.pth',
      'http://x/..%2Fa-01234567.pth',
    ]) {
      await expect(pull(url)).rejects.toThrow(/`url` .*expected an http or https address/);
    }
    expect(existsSync(folder)).toBe(false);
  });

  test('are not written through a link', async () => {
    const { url } = await fileServer();
    const victim = join(folder, '..', 'victim');
    mkdirSync(folder);
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(folder, `${FILE}.part`));
    await expect(pull(url)).rejects.toThrow(/is a symbolic link: remove it/);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

test('published files are known by their hash', () => {
  expect(PRETRAINED_NAMES).toHaveLength(7);
  for (const name of PRETRAINED_NAMES) {
    const [, digits] = /^\w+-([0-9a-f]{8})\.pth$/.exec(pretrainedFile(name)!)!;
    expect(pretrainedBy(`${digits}${'0'.repeat(56)}`)).toBe(name);
  }
  expect(pretrainedBy('0'.repeat(64))).toBeUndefined();
  expect(pretrainedFile('toString')).toBeUndefined();
});
