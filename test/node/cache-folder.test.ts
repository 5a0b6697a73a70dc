import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder, makeWritable } from '../../src/node/cache-folder.ts';
import { MAIN, SHORT } from '../support/cli.ts';

/** A user id without an entry in the user database. */
const NOBODY = 12345;
const AS_NOBODY = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];

/** Whether this process may switch to that user, who can read the program. */
const canBeNobody =
  process.getuid?.() === 0 &&
  spawnSync('setpriv', [...AS_NOBODY, process.execPath, MAIN, '--version']).status === 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'densor-test-'));
  chmodSync(folder, 0o777);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

describe('the cache folder', () => {
  test('is below XDG_CACHE_HOME, if that is absolute, else below HOME', () => {
    vi.stubEnv('HOME', '/home/me');
    vi.stubEnv('XDG_CACHE_HOME', '/cache');
    expect(cacheFolder()).toBe('/cache/densor');
    for (const ignored of ['cache', '', undefined]) {
      vi.stubEnv('XDG_CACHE_HOME', ignored);
      expect(cacheFolder()).toBe('/home/me/.cache/densor');
    }
  });

  test('is never relative to the current folder', () => {
    vi.stubEnv('XDG_CACHE_HOME', undefined);
    for (const home of ['', 'here', undefined]) {
      vi.stubEnv('HOME', home);
      expect(cacheFolder()).toMatch(/^\//);
    }
  });

  test('that cannot be created is named with the reason and the remedy', () => {
    expect(() => makeWritable('/dev/null/densor', 'do this')).toThrow(
      'the cache folder /dev/null/densor cannot be written to: a part of the path is not a folder (ENOTDIR): do this',
    );
  });
});

describe.skipIf(!canBeNobody)('a user without HOME and without an entry in the user database', () => {
  const densor = (env: NodeJS.ProcessEnv, ...args: readonly string[]) => {
    const { HOME: _, XDG_CACHE_HOME: __, ...rest } = process.env;
    // No programs in PATH, so that apt-get is not found.
    const command = [...AS_NOBODY, 'env', 'PATH=/nonexistent', process.execPath, MAIN, ...args];
    const { status, stderr } = spawnSync('setpriv', command, {
      encoding: 'utf8',
      cwd: folder,
      env: { ...rest, TMPDIR: folder, ...env },
    });
    return { status, lastLine: stderr.trim().split('\n').at(-1)! };
  };
  const train = ['train', ...SHORT, '--out', 'run'];
  /** Starts a download through a proxy port without listener. */
  const download = (env: NodeJS.ProcessEnv) =>
    densor({ http_proxy: 'http://127.0.0.1:1', ...env }, 'train', '--out', 'run');
  const own = () => join(folder, `densor-${NOBODY}`);

  test('can train', () => {
    expect(densor({}, 'summary', 'densenet121').status).toBe(0);
    const { status, lastLine } = densor({}, ...train);
    expect([status, lastLine]).toEqual([0, expect.stringContaining('run')]);
  });

  test.skipIf(hasFashion())('has a private cache folder among the temporary files', () => {
    expect(download({}).lastLine).toMatch(/ECONNREFUSED \(a proxy is set by http_proxy\).*--data-dir/);
    expect(statSync(own())).toMatchObject({ uid: NOBODY });
    expect(statSync(own()).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['belongs to another user', () => mkdirSync(own(), { mode: 0o700 })],
    ['is no folder', () => symlinkSync(folder, own())],
    [
      'is open to other users',
      () => {
        mkdirSync(own());
        chownSync(own(), NOBODY, NOBODY);
        chmodSync(own(), 0o777);
      },
    ],
  ])('is refused a private folder that %s', (why, make) => {
    make();
    const { status, lastLine } = download({});
    expect([status, lastLine]).toEqual([2, expect.stringContaining(`${own()} ${why}`)]);
    expect(lastLine).toContain('XDG_CACHE_HOME');
  });

  test.skipIf(hasFashion()).each(['/', '/nonexistent', '/root'])(
    'with HOME=%s is told what to do',
    (home) => {
      const { status, lastLine } = download({ HOME: home });
      expect([status, lastLine]).toEqual([
        2,
        expect.stringMatching(/\/\.cache\/densor\/fashion-mnist.*no permission.*--data-dir.*XDG_CACHE_HOME/),
      ]);
      expect(densor({ HOME: home }, ...train).status).toBe(0);
    },
  );
});

/** Debian's package is installed, so nothing is downloaded. */
function hasFashion(): boolean {
  return statSync('/usr/share/datasets/fashion-mnist', { throwIfNoEntry: false }) !== undefined;
}
