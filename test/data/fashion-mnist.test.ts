import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fetchDebianPackage } from '../../src/data/debian-package.ts';
import { download } from '../../src/data/download.ts';
import { openFashionMnist, type Sources } from '../../src/data/fashion-mnist.ts';
import { writeIdxFolder } from '../support/idx.ts';

let folder: string;
let notes: string[];
let closing: (() => void)[];
const progress = { note: (text: string) => void notes.push(text), bytes: () => {} };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  [notes, closing] = [[], []];
});
afterEach(() => {
  for (const close of closing) close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('Fashion-MNIST', () => {
  const sources = (changed: Partial<Sources> = {}): Sources => ({
    cache: join(folder, 'cache'),
    installed: join(folder, 'installed'),
    urls: [],
    debianPackage: () => Promise.reject(new Error('no package')),
    ...changed,
  });

  test("comes from the user's folder first", async () => {
    writeIdxFolder(join(folder, 'mine'));
    const { train } = await openFashionMnist(join(folder, 'mine'), progress, sources());
    expect([train.count, train.classNames[9]]).toEqual([6, 'ankle boot']);
    expect(existsSync(join(folder, 'cache'))).toBe(false);
  });

  test('in a cache that was tampered with is refused by its checksum', async () => {
    writeIdxFolder(join(folder, 'cache'));
    await expect(openFashionMnist(undefined, progress, sources())).rejects.toThrow(
      /checksum mismatch.*delete/,
    );
  });

  test('in a cache with a damaged gzip says which file to delete', async () => {
    writeIdxFolder(join(folder, 'cache'));
    const images = join(folder, 'cache', 'train-images-idx3-ubyte');
    rmSync(images);
    writeFileSync(`${images}.gz`, 'half of a file');
    await expect(openFashionMnist(undefined, progress, sources())).rejects.toThrow(
      `${images}.gz: cannot be unpacked as gzip: incorrect header check: delete ${images}.gz and run again`,
    );
  });

  test('that downloads wrong content keeps nothing of it, tries the next place, and says why it gave up', async () => {
    const url = await serve((_, response) => response.end('<html>not found</html>'));
    const asked: string[] = [];
    const debianPackage: Sources['debianPackage'] = (name) => {
      asked.push(name);
      return Promise.reject(new Error('no network'));
    };
    const opened = openFashionMnist(undefined, progress, sources({ urls: [url], debianPackage }));
    await expect(opened).rejects.toThrow(/cannot be had.*gzip.*apt-get: no network.*--data-dir/);
    expect(asked).toEqual(['dataset-fashion-mnist']);
    expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  });

  test("in Debian's package with wrong content is refused", async () => {
    const debianPackage: Sources['debianPackage'] = async (_, use) => {
      writeIdxFolder(join(folder, 'unpacked', folder, 'installed'));
      use(join(folder, 'unpacked'));
    };
    await expect(openFashionMnist(undefined, progress, sources({ debianPackage }))).rejects.toThrow(
      /checksum/,
    );
  });

  test('named by a folder that does not exist is refused', async () => {
    await expect(openFashionMnist(join(folder, 'none'), progress, sources())).rejects.toThrow(
      /does not exist/,
    );
  });
});

describe('a download', () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  const accept = () => {};

  test('that drops is resumed where it stopped', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
      if (from > 0) return response.end(content.subarray(from));
      return response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
    });
    const seen: number[] = [];
    await download(`${url}file`, join(folder, 'file'), accept, (received) => void seen.push(received));
    expect(readFileSync(join(folder, 'file')).equals(content)).toBe(true);
    expect(ranges[0]).toBeUndefined();
    expect(ranges[1]).toBe('bytes=100000-');
    expect(seen.at(-1)).toBe(content.length);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('from a server that cannot resume begins anew', async () => {
    writeFileSync(join(folder, 'file.download'), 'stale beginning');
    const url = await serve((_, response) => response.end(content));
    await download(`${url}file`, join(folder, 'file'), accept, () => {});
    expect(readFileSync(join(folder, 'file')).equals(content)).toBe(true);
  });

  test('whose content is refused leaves nothing', async () => {
    const url = await serve((_, response) => response.end('wrong'));
    const refuse = () => {
      throw new Error('refused');
    };
    await expect(download(`${url}file`, join(folder, 'file'), refuse, () => {})).rejects.toThrow('refused');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a file that is not there fails at once', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      response.writeHead(404).end();
    });
    await expect(download(`${url}file`, join(folder, 'file'), accept, () => {})).rejects.toThrow(/404/);
    expect(asked).toBe(1);
  });
});

describe("Debian's package", () => {
  /** Stands in for apt-get and dpkg-deb: fails as long as the lists are missing. */
  function fakeTools(listsMissing: boolean) {
    const calls: string[] = [];
    let missing = listsMissing;
    const run = async (program: string, args: readonly string[], cwd: string) => {
      calls.push(`${program} ${args[0]}`);
      if (args[0] === 'update') missing = false;
      if (args[0] === 'download') {
        if (missing) throw Object.assign(new Error('failed'), { stderr: 'E: Unable to locate package' });
        writeFileSync(join(cwd, 'data_1_all.deb'), '');
      }
      if (program === 'dpkg-deb') mkdirSync(join(cwd, 'unpacked', 'usr'), { recursive: true });
    };
    return { calls, run };
  }

  test('is fetched, unpacked, used and cleaned away', async () => {
    const { calls, run } = fakeTools(false);
    const seen: string[] = [];
    await fetchDebianPackage('data', (unpacked) => seen.push(unpacked), run);
    expect(calls).toEqual(['apt-get download', 'dpkg-deb -x']);
    expect(seen.map(existsSync)).toEqual([false]);
  });

  test('is fetched after the package lists, where they are missing', async () => {
    const { calls, run } = fakeTools(true);
    await fetchDebianPackage('data', () => {}, run);
    expect(calls).toEqual(['apt-get download', 'apt-get update', 'apt-get download', 'dpkg-deb -x']);
  });

  test('on another system is no way', async () => {
    const run = () => Promise.reject(Object.assign(new Error('missing'), { code: 'ENOENT' }));
    await expect(fetchDebianPackage('data', () => {}, run)).rejects.toThrow(/not a Debian/);
  });
});
