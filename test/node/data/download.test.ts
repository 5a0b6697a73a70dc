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
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../../../src/data/dataset.ts';
import { type DownloadLimits, download } from '../../../src/node/data/download.ts';
import { closeServers, serve } from '../../support/http.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
});
afterEach(() => {
  closeServers();
  rmSync(folder, { recursive: true, force: true });
});

describe('a download', () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
  const accept = () => {};
  const fetched = (url: string, limits: Partial<DownloadLimits> = {}) =>
    download(`${url}file`, join(folder, 'file'), accept, () => {}, limits);
  const isWhole = () => readFileSync(join(folder, 'file')).equals(content);
  /** Sends the first bytes and drops the connection. */
  const drop = (response: ServerResponse, headers = {}) => {
    response.writeHead(200, { 'content-length': content.length, ...headers });
    response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
  };

  test('that drops is resumed where it stopped', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      const { range } = request.headers;
      ranges.push(range);
      if (range === undefined) return drop(response);
      const from = Number(/bytes=(\d+)-/.exec(range)![1]);
      response.writeHead(206, {
        'content-length': content.length - from,
        'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      });
      return response.end(content.subarray(from));
    });
    const seen: number[] = [];
    await download(`${url}file`, join(folder, 'file'), accept, (received) => void seen.push(received));
    expect(isWhole()).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-']);
    expect(seen.at(-1)).toBe(content.length);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('from a server that cannot resume restarts', async () => {
    let asked = 0;
    const url = await serve((_, response) => (asked++ === 0 ? drop(response) : response.end(content)));
    await fetched(url);
    expect(isWhole()).toBe(true);
  });

  test.each([
    ['another part', 206, { 'content-range': 'bytes 0-299999/300000' }],
    ['a part without its place', 206, {}],
    ['no part', 416, { 'content-range': 'bytes */300000' }],
  ])('that is resumed with %s restarts', async (_, status, headers) => {
    const ranges: (string | undefined)[] = [];
    const url = await serve(({ headers: { range } }, response) => {
      ranges.push(range);
      if (ranges.length === 1) return drop(response);
      if (range !== undefined) response.writeHead(status, headers);
      return response.end(content);
    });
    await fetched(url);
    expect(isWhole()).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-', undefined]);
  });

  test('with an unrequested partial response is refused', async () => {
    const url = await serve((_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-299999/500000' }).end(content);
    });
    await expect(fetched(url)).rejects.toThrow(/another part.*bytes 0-299999\/500000/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('whose content is rejected leaves no file', async () => {
    const url = await serve((_, response) => response.end('wrong'));
    const refuse = () => {
      throw new Error('refused');
    };
    await expect(download(`${url}file`, join(folder, 'file'), refuse, () => {})).rejects.toThrow('refused');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of a missing file fails immediately', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      response.writeHead(404).end();
    });
    await expect(fetched(url)).rejects.toThrow(/404/);
    expect(asked).toBe(1);
  });

  test('that declares a too large size is refused before its content', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 2 ** 40 }).flushHeaders();
    });
    await expect(fetched(url)).rejects.toThrow(/1099511627776 bytes: more than the 67108864/);
  });

  test('without end is stopped at the limit', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked++;
      const send = () => {
        while (response.write(content));
      };
      response.on('drain', send);
      response.on('error', () => {});
      send();
    });
    await expect(fetched(url, { sizeBytes: 1_000_000 })).rejects.toThrow(/more than the 1000000/);
    expect(asked).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that sends occasional bytes ends at the total limit', async () => {
    const url = await serve((_, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const limits = { silenceMs: 60_000, totalMs: 300 };
    await expect(fetched(url, limits)).rejects.toThrow(DataError);
    await expect(fetched(url, limits)).rejects.toThrow(/takes too long/);
  });

  test('that stalls is retried', async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      if (asked++ === 0) response.writeHead(200).write(content.subarray(0, 1000));
      else response.end(content);
    });
    await fetched(url, { silenceMs: 500 });
    expect(isWhole()).toBe(true);
    expect(asked).toBeGreaterThan(1);
  });

  test('that is compressed without request is refused', async () => {
    const url = await serve(({ headers }, response) => {
      expect(headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content));
    });
    await expect(fetched(url)).rejects.toThrow(/answers in gzip/);
  });

  test('with a redirect to another protocol is refused', async () => {
    const url = await serve((_, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    });
    await expect(fetched(url)).rejects.toThrow(DataError);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('does not write through a link with a predictable name', async () => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    for (const name of ['file.download', `file.${process.pid}.partial`]) {
      symlinkSync(victim, join(folder, name));
    }
    const url = await serve((_, response) => response.end(content));
    await fetched(url);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(isWhole()).toBe(true);
  });

  test('of the same file twice concurrently gives the whole file', async () => {
    let waiting: (() => void)[] = [];
    const url = await serve((_, response) => {
      response.write(content.subarray(0, 1000));
      waiting.push(() => response.end(content.subarray(1000)));
      if (waiting.length < 2) return;
      for (const go of waiting) go();
      waiting = [];
    });
    await Promise.all([fetched(url), fetched(url)]);
    expect(isWhole()).toBe(true);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  test('that cannot be written is an error of the file system', async () => {
    const url = await serve((_, response) => response.end(content));
    mkdirSync(join(folder, 'file'));
    await expect(fetched(url)).rejects.toMatchObject({ code: 'EISDIR' });
    expect(readdirSync(folder)).toEqual(['file']);
    expect(existsSync(join(folder, 'file.download'))).toBe(false);
  });
});
