import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CacheError } from '../../../src/node/cache-folder.ts';
import { fetchDebianPackage, runWithin } from '../../../src/node/data/debian-package.ts';
import { openFashionMnist, PUBLIC_SOURCES, type Sources } from '../../../src/node/data/fashion-mnist.ts';
import { closeServers, serve } from '../../support/http.ts';
import { writeIdxFolder } from '../../support/idx.ts';

let folder: string;
let notes: string[];
const progress = { note: (text: string) => void notes.push(text), bytes: () => {} };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  notes = [];
});
afterEach(() => {
  closeServers();
  rmSync(folder, { recursive: true, force: true });
});

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

  test('is found in the folder of torchvision, and not if files are missing', async () => {
    writeIdxFolder(join(folder, 'MNIST/raw'));
    writeIdxFolder(join(folder, 'FashionMNIST/raw'));
    const { train } = await openFashionMnist(folder, progress, sources());
    expect([train.count, notes]).toEqual([6, []]);
    rmSync(join(folder, 'FashionMNIST/raw/t10k-images-idx3-ubyte'));
    await expect(openFashionMnist(folder, progress, sources())).rejects.toThrow(
      /FashionMNIST\/raw lacks t10k-images-idx3-ubyte/,
    );
  });

  test('in a modified cache is refused by its checksum', async () => {
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

  test('with wrong content is discarded, tried from the next source, and reported', async () => {
    const url = await serve((_, response) => response.end('<html>not found</html>'));
    const asked: string[] = [];
    const debianPackage: Sources['debianPackage'] = (name) => {
      asked.push(name);
      return Promise.reject(new Error('no network'));
    };
    const opened = openFashionMnist(undefined, progress, sources({ urls: [url], debianPackage }));
    await expect(opened).rejects.toThrow(/cannot be had.*gzip.*apt-get: no network.*`dataDir`/);
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

  test('that unpacks to far more than the published files is refused before it uses memory', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26 + 1));
    const url = await serve((_, response) => response.end(bomb));
    await expect(openFashionMnist(undefined, progress, sources({ urls: [url] }))).rejects.toThrow(
      /cannot be unpacked as gzip: it has more than 67108864 bytes/,
    );
  });

  test('says what to do if the cache cannot be created', async () => {
    writeFileSync(join(folder, 'file'), '');
    const cache = join(folder, 'file', 'cache');
    const opened = openFashionMnist(undefined, progress, sources({ cache }));
    await expect(opened).rejects.toThrow(CacheError);
    await expect(opened).rejects.toThrow(
      new RegExp(
        `${cache} cannot be written to: a part of the path is not a folder.*\`dataDir\`.*XDG_CACHE_HOME`,
      ),
    );
  });

  test('is downloaded over HTTPS first', () => {
    expect(PUBLIC_SOURCES.urls[0]).toMatch(/^https:/);
  });

  test('named by a folder that does not exist is refused', async () => {
    await expect(openFashionMnist(join(folder, 'none'), progress, sources())).rejects.toThrow(
      /does not exist/,
    );
  });
});

describe("Debian's package", () => {
  /** Fakes apt-get and dpkg-deb; fails as long as the lists are missing. */
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

  test('is downloaded, unpacked, used and removed', async () => {
    const { calls, run } = fakeTools(false);
    const seen: string[] = [];
    await fetchDebianPackage('data', (unpacked) => seen.push(unpacked), run);
    expect(calls).toEqual(['apt-get download', 'dpkg-deb -x']);
    expect(seen.map(existsSync)).toEqual([false]);
  });

  test('is downloaded after the package lists, if they are missing', async () => {
    const { calls, run } = fakeTools(true);
    await fetchDebianPackage('data', () => {}, run);
    expect(calls).toEqual(['apt-get download', 'apt-get update', 'apt-get download', 'dpkg-deb -x']);
  });

  test('is not used on other systems', async () => {
    const run = () => Promise.reject(Object.assign(new Error('missing'), { code: 'ENOENT' }));
    await expect(fetchDebianPackage('data', () => {}, run)).rejects.toThrow(/not a Debian/);
  });

  test('is abandoned if a program takes too long or writes too much', async () => {
    const asTool = (script: string) => {
      const limited = runWithin({ timeout: script === 'yes' ? 60_000 : 50, maxBuffer: 1000 });
      return () => limited('sh', ['-c', `exec ${script}`], folder);
    };
    const fetched = (script: string) => fetchDebianPackage('data', () => {}, asTool(script));
    await expect(fetched('sleep 600')).rejects.toThrow('apt-get download data failed: it took too long');
    await expect(fetched('yes')).rejects.toThrow('apt-get download data failed: it wrote too much');
  });
});
